//! A plain question (`/v1`): answered once, kept nowhere, over when its caller leaves.

use std::{fmt::Debug, sync::Arc, time::Duration};

use steadfast::{CancelToken, Deadline, Error};
use steadfast_contract::{chat::ChatRequest, chunk::AnswerStream, code, provider::Delivery};

pub use crate::asking::AttemptNote;
use crate::{
    asking::{Listener, Moment, Notes, Question, Unheard},
    cached::{self, CacheAsk, FromCache},
    gateway::Gateway,
    readiness::{self, NotReady},
    routing::{self, Chain, Insistence, Target},
    stream,
};

#[derive(Debug, Clone)]
pub struct ChatAsk {
    /// Its `model` is a tier, a model id, or `UPSTREAM/MODEL`.
    pub request: ChatRequest,
    pub delivery: Delivery,
    pub request_id: String,
    /// The caller's own limit; ours holds as well.
    pub deadline: Option<Duration>,
    /// Questions with the same key keep to one target of a weighted chain, for its cache's sake.
    pub session: Option<String>,
    /// Cancelled when the caller leaves.
    pub token: CancelToken,
    /// Who may go on with a text that broke.
    pub goes_on: GoesOn,
    /// `None` when it must be asked anew and not be kept.
    pub cache: Option<CacheAsk>,
}

/// Who may go on with a text that broke. Whoever it is, it must be known to go on from a given beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum GoesOn {
    /// The model that wrote it, wherever it runs: nobody is read who was not asked.
    #[default]
    SameModel,
    /// Another one too: its reader wants a whole text more than one voice.
    AnyModel,
}

/// An answer whose first content is there. It goes on elsewhere when it breaks, as far as that is honest.
pub struct Answer {
    pub stream: AnswerStream,
    /// The model that answers.
    pub model: String,
    /// Where it runs: "this machine", or the upstream's name.
    pub target: String,
    /// What was tried until then, the attempt that answers included.
    pub attempts: Vec<AttemptNote>,
    pub cached: FromCache,
}

impl Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").field("model", &self.model).field("target", &self.target).finish_non_exhaustive()
    }
}

impl Gateway {
    /// Asks, waiting for a local model that is loading. Errors are final: no caller needs to try again on top.
    pub async fn chat(self: &Arc<Self>, ask: ChatAsk) -> Result<Answer, Error> {
        cached::answer(self, ask).await
    }

    /// The same without a look at what was answered before.
    pub(crate) async fn ask_anew(&self, ask: ChatAsk) -> Result<Answer, Error> {
        let limit = Question::limit(&self.asker.settings, ask.deadline);
        let deadline = Deadline::after(&self.asker.clock, limit);
        let name = ask.request.model.clone();
        let able = routing::able(self.routes.resolve(&name)?, &ask.request)?;
        let ready = self.wait_for_targets(able, &ask.token, deadline).await?;
        let Chain { targets, ranked } = self.routes.in_order(&name, ready, ask.session.as_deref());
        let question = Question {
            targets,
            ranked,
            request: ask.request,
            delivery: ask.delivery,
            continues: None,
            token: ask.token,
            deadline,
            request_id: ask.request_id,
            nudge: Default::default(),
            notes: Notes::default(),
            moment: Moment::BeforeContent,
            cause: None,
            insistence: Insistence::Patient,
            goes_on: ask.goes_on,
        };
        let listener: Arc<dyn Listener> = Arc::new(Unheard);
        let opened = self.asker.ask(&question, Arc::clone(&listener)).await?;
        Ok(Answer {
            model: opened.target.model.id.clone(),
            target: opened.target.provider.name().to_owned(),
            attempts: question.notes.all(),
            cached: FromCache::Unasked,
            stream: stream::recovering(&self.asker, question, opened, listener),
        })
    }

    async fn wait_for_targets(
        &self,
        targets: Vec<Target>,
        token: &CancelToken,
        deadline: Deadline,
    ) -> Result<Vec<Target>, Error> {
        let ready = readiness::ready_now(self.models.as_ref(), &targets);
        let Some(local) = targets.into_iter().find(Target::is_local).filter(|_| ready.is_empty()) else {
            return Ok(ready);
        };
        let waiting = readiness::make_ready(self.models.as_ref(), &local.model.id, token, || ());
        tokio::select! {
            ended = waiting => ended.map_err(|why| match why {
                NotReady::NotLoaded => code::model_not_loaded(&local.model.name),
                NotReady::Failed(error) => error,
            })?,
            () = self.asker.clock.sleep(deadline.remaining(&self.asker.clock)) => return Err(code::model_loading(&local.model.name, None)),
        }
        Ok(vec![local])
    }
}
