//! All pipelines of a program by their names, so that settings can change them while they are in use.

use super::{BoxPipeline, PipelineSettings};
use crate::{Clock, Error};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

/// Pipelines by name. Clones are the same registry.
///
/// ```
/// use steadfast::{Clock, Error, PipelineSettings, Pipelines};
///
/// let pipelines = Pipelines::<Error>::new(&Clock::real());
/// pipelines.apply([("chat".to_owned(), PipelineSettings::default())])?;
/// let chat = pipelines.get("chat").unwrap(); // keep it: it follows every later `apply`
///
/// pipelines.apply([("chat".to_owned(), PipelineSettings { deadline_ms: Some(60_000), ..Default::default() })])?;
/// assert_eq!(chat.settings().deadline_ms, Some(60_000));
/// # Ok::<(), Error>(())
/// ```
pub struct Pipelines<E = Error> {
    clock: Clock,
    by_name: Arc<RwLock<ByName<E>>>,
}

type ByName<E> = BTreeMap<String, BoxPipeline<E>>;

impl<E> Pipelines<E> {
    /// An empty registry; its breakers and budgets live on `clock`.
    ///
    /// ```
    /// use steadfast::{Clock, Error, Pipelines};
    ///
    /// let pipelines = Pipelines::<Error>::new(&Clock::real());
    /// assert!(pipelines.get("chat").is_none()); // it makes none on its own
    /// ```
    pub fn new(clock: &Clock) -> Self {
        Self { clock: clock.clone(), by_name: Arc::default() }
    }

    /// Makes these the pipelines, all or none: new ones are made, known ones are reloaded
    /// ([`BoxPipeline::reload`]) and the others are forgotten, but whoever holds one may go on with it. Fails with
    /// `VALIDATION`, and then nothing has changed.
    ///
    /// ```
    /// use steadfast::{Clock, Code, Error, PipelineSettings, Pipelines};
    ///
    /// let pipelines = Pipelines::<Error>::new(&Clock::real());
    /// pipelines.apply([("chat".to_owned(), PipelineSettings::default())])?;
    ///
    /// let good = PipelineSettings { deadline_ms: Some(60_000), ..PipelineSettings::default() };
    /// let bad = PipelineSettings { deadline_ms: Some(0), ..PipelineSettings::default() };
    /// let error = pipelines.apply([("chat".to_owned(), good), ("search".to_owned(), bad)]).unwrap_err();
    /// assert_eq!(error.code(), Code::VALIDATION);
    /// assert_eq!(pipelines.get("chat").unwrap().settings().deadline_ms, None); // as it was
    /// # Ok::<(), Error>(())
    /// ```
    pub fn apply(&self, settings: impl IntoIterator<Item = (String, PipelineSettings)>) -> Result<(), Error> {
        let settings: BTreeMap<_, _> = settings.into_iter().collect();
        settings.iter().try_for_each(|(name, settings)| settings.check(name))?;
        let mut by_name = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = ByName::new();
        for (name, settings) in settings {
            let pipeline = match by_name.get(&name) {
                Some(known) => {
                    known.reload(&settings)?;
                    known.clone()
                }
                None => BoxPipeline::new(name.clone(), &settings, &self.clock)?,
            };
            next.insert(name, pipeline);
        }
        *by_name = next;
        Ok(())
    }

    /// The pipeline of this name. Whoever keeps it need not ask again, unless the name was forgotten in between.
    ///
    /// ```
    /// use steadfast::{Clock, Error, PipelineSettings, Pipelines};
    ///
    /// let pipelines = Pipelines::<Error>::new(&Clock::real());
    /// pipelines.apply([("chat".to_owned(), PipelineSettings::default())])?;
    /// let chat = pipelines.get("chat").unwrap();
    ///
    /// pipelines.apply([])?; // forgets it
    /// assert!(pipelines.get("chat").is_none());
    /// assert_eq!(chat.name(), "chat"); // and it still works
    /// # Ok::<(), Error>(())
    /// ```
    pub fn get(&self, name: &str) -> Option<BoxPipeline<E>> {
        self.by_name.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// All of them, by name.
    ///
    /// ```
    /// use steadfast::{Clock, Error, PipelineSettings, Pipelines};
    ///
    /// let pipelines = Pipelines::<Error>::new(&Clock::real());
    /// pipelines.apply(["search", "chat"].map(|name| (name.to_owned(), PipelineSettings::default())))?;
    /// let names: Vec<_> = pipelines.all().iter().map(|pipeline| pipeline.name().to_owned()).collect();
    /// assert_eq!(names, ["chat", "search"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn all(&self) -> Vec<BoxPipeline<E>> {
        self.by_name.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

impl<E> Clone for Pipelines<E> {
    fn clone(&self) -> Self {
        Self { clock: self.clock.clone(), by_name: Arc::clone(&self.by_name) }
    }
}

impl<E> fmt::Debug for Pipelines<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all()).finish()
    }
}
