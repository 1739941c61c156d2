//! A pipeline as a `tower` layer. The state lives in the `BoxPipeline`, so a stack that is built anew for each request
//! goes on counting. Surprise: it is always ready; whether the inner service is, is asked by each attempt, so that
//! time-outs and the breaker see a service that never becomes ready.

use super::BoxPipeline;
use crate::{Call, Classify, Failed, Replay};
use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};
use tower_layer::Layer;
use tower_service::Service;

/// Puts services into a pipeline; made by [`BoxPipeline::layer`]. All its services share one breaker and one budget.
///
/// ```
/// use steadfast::{Breaker, Call, CancelToken, Error, Failed, Pipeline};
/// use tower::{Layer, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let breaker = Breaker::consecutive(1).named("shop");
/// let layer = Pipeline::named("shop").breaker(breaker).boxed().layer(Call::new("buy", &CancelToken::root("program")));
/// let broken = layer.layer(service_fn(|_: &str| async { Err::<(), _>(Error::unavailable("shop")) }));
/// let works = layer.layer(service_fn(|_: &str| async { Ok::<_, Error>(()) }));
/// assert!(matches!(broken.oneshot("Emma").await, Err(Failed::Inner { .. })));
/// assert!(matches!(works.oneshot("Emma").await, Err(Failed::Rejected(_))));
/// # }
/// ```
pub struct PipelineLayer<E> {
    pipeline: BoxPipeline<E>,
    call: Call,
}

impl<E> BoxPipeline<E> {
    /// A layer whose services all use this pipeline, with its breaker and its budget. Every request is a clone of
    /// `call`: its name, its token, its clock and its listeners. Requests that cannot be copied ([`Replay`]) are sent
    /// once. The inner service's error must be the pipeline's; use `map_err` where it is another one.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Error, Pipeline, Retry};
    /// use tower::{ServiceBuilder, ServiceExt, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let pipeline = Pipeline::named("shop").retry(Retry::fixed(Duration::from_millis(1))).boxed();
    /// let layer = pipeline.layer(Call::new("buy", &CancelToken::root("program")));
    /// let shop = ServiceBuilder::new().layer(layer).service(service_fn(|book: String| async move {
    ///     Ok::<_, Error>(format!("bought {book}"))
    /// }));
    /// assert_eq!(shop.oneshot("Emma".to_owned()).await.unwrap(), "bought Emma");
    /// # }
    /// ```
    pub fn layer(&self, call: Call) -> PipelineLayer<E> {
        PipelineLayer { pipeline: self.clone(), call }
    }
}

impl<S, E> Layer<S> for PipelineLayer<E> {
    type Service = PipelineService<S, E>;

    fn layer(&self, inner: S) -> Self::Service {
        PipelineService { inner, pipeline: self.pipeline.clone(), call: self.call.clone() }
    }
}

/// A service inside a pipeline; made by [`PipelineLayer`]. Dropping its future drops the attempt. Its error is
/// [`Failed`], so that a refusal can be told from a failure of the service.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Call, CancelToken, Error, Failed, Pipeline, Retry};
/// use tower::{Layer, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let pipeline = Pipeline::named("shop").retry(Retry::fixed(Duration::from_millis(1)).max_attempts(2)).boxed();
/// let layer = pipeline.layer(Call::new("buy", &CancelToken::root("program")));
/// let shop = layer.layer(service_fn(|_: &str| async { Err::<(), _>(Error::unavailable("shop")) }));
/// assert!(matches!(shop.oneshot("Emma").await, Err(Failed::Inner { attempts: 2, .. })));
/// # }
/// ```
pub struct PipelineService<S, E> {
    inner: S,
    pipeline: BoxPipeline<E>,
    call: Call,
}

impl<S, E, Q> Service<Q> for PipelineService<S, E>
where
    S: Service<Q, Error = E> + Clone + Send + 'static,
    S::Future: Send,
    S::Response: Send,
    E: Classify + fmt::Display + Send + 'static,
    Q: Replay + Send + 'static,
{
    type Response = S::Response;
    type Error = Failed<E>;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, Failed<E>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failed<E>>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Q) -> Self::Future {
        let (pipeline, call, inner) = (self.pipeline.clone(), self.call.clone(), self.inner.clone());
        Box::pin(async move {
            let attempt = move |_, request| {
                // The clone that became ready is the one that is called: readiness does not survive a clone.
                let mut inner = inner.clone();
                async move {
                    poll_fn(|context| inner.poll_ready(context)).await?;
                    inner.call(request).await
                }
            };
            pipeline.run_with(&call, request, attempt).await.map(|outcome| outcome.value)
        })
    }
}

impl<E> Clone for PipelineLayer<E> {
    fn clone(&self) -> Self {
        Self { pipeline: self.pipeline.clone(), call: self.call.clone() }
    }
}

impl<S: Clone, E> Clone for PipelineService<S, E> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), pipeline: self.pipeline.clone(), call: self.call.clone() }
    }
}

impl<E> fmt::Debug for PipelineLayer<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipelineLayer").field("pipeline", &self.pipeline).finish_non_exhaustive()
    }
}

impl<S, E> fmt::Debug for PipelineService<S, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipelineService").field("pipeline", &self.pipeline).finish_non_exhaustive()
    }
}
