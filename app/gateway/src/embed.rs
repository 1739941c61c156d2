//! A request for embeddings, passed on to whoever has the model. Nothing of it is understood here, and nothing of it
//! shows while it is on its way, so that every attempt may be made again.

use std::time::Duration;

use bytes::Bytes;
use steadfast::{Call, CancelToken, Deadline, Error, Retry};
use steadfast_contract::provider::EmbedAsk;

use crate::{
    asking::{Question, is_the_callers_own},
    gateway::Gateway,
    routing::Target,
};

#[derive(Debug, Clone)]
pub struct EmbedCall {
    /// A model id, `UPSTREAM/MODEL`, or the name of a chain.
    pub model: String,
    /// The client's body: valid JSON, an object.
    pub body: Bytes,
    pub request_id: String,
    /// The caller's own limit; ours holds as well.
    pub deadline: Option<Duration>,
    /// Cancelled when the caller leaves.
    pub token: CancelToken,
}

impl Gateway {
    /// The answer's body, as the first target gave it that could.
    ///
    /// # Errors
    /// `NOT_FOUND` for a model that nobody has; otherwise the last target's.
    pub async fn embed(&self, call: EmbedCall) -> Result<Bytes, Error> {
        let limit = Question::limit(&self.asker.settings, call.deadline);
        let deadline = Deadline::after(&self.asker.clock, limit);
        let mut last = None;
        for target in self.routes.resolve(&call.model)? {
            match self.embed_at(&target, &call, deadline).await {
                Err(error) if !call.token.is_cancelled() && !is_the_callers_own(&error) => last = Some(error),
                ended => return ended,
            }
        }
        Err(last.unwrap_or_else(|| Error::internal("a question without a target")))
    }

    async fn embed_at(&self, target: &Target, asked: &EmbedCall, deadline: Deadline) -> Result<Bytes, Error> {
        let call = Call::new(format!("embed {}", target.label()), &asked.token)
            .with_clock(self.asker.clock.clone())
            .with_deadline(deadline)
            .with_events(self.asker.events.clone());
        let retry = Retry::exponential(self.asker.settings.wait_first)
            .max_delay(self.asker.settings.wait_max)
            .max_attempts(ATTEMPTS)
            .budget(target.health.budget.clone());
        let question = || EmbedAsk {
            model: target.model.id.clone(),
            body: asked.body.clone(),
            token: asked.token.clone(),
            deadline: Some(deadline),
            request_id: asked.request_id.clone(),
            events: self.asker.events.clone(),
        };
        let ask = async || {
            let admission = target.health.enter(&call)?;
            let answer = target.provider.embed(question()).await;
            match &answer {
                Ok(_) => admission.succeeded(),
                Err(error) => admission.failed(error),
            }
            answer
        };
        retry.run(&call, |_attempt| ask()).await
    }
}

/// One quick second try; then the next target serves people better than more waiting.
const ATTEMPTS: u32 = 2;
