//! What the model is told: the conversation up to the message, each turn with the answer that is shown for it.

use steadfast::Error;
use steadfast_contract::{
    chat::{Message, Role},
    conversation::Turn,
    run::RunSpec,
};

use super::Runs;

pub(super) struct Told {
    pub(super) messages: Vec<Message>,
    /// The text that the answer goes on from.
    pub(super) continues: Option<String>,
}

impl Runs {
    pub(super) async fn history(&self, spec: &RunSpec) -> Result<Told, Error> {
        let view = self.store.conversation(&self.token, &spec.conversation_id).await?;
        let system = self.asker.settings.system_prompt.iter().map(|prompt| Message::text(Role::System, prompt));
        let messages = system.chain(messages_up_to(&view.turns, &spec.message_id)).collect();
        let continued =
            view.turns.iter().flat_map(|turn| &turn.runs).find(|run| Some(&run.spec.id) == spec.continues.as_ref());
        let continues = continued.map(|run| run.text.clone()).filter(|text| !text.is_empty());
        Ok(Told { messages, continues })
    }
}

/// The message that is answered comes last; answers to earlier ones that hold no word are left out.
fn messages_up_to<'a>(turns: &'a [Turn], message_id: &'a str) -> impl Iterator<Item = Message> + 'a {
    let before = turns.iter().take_while(move |turn| turn.message.id != message_id);
    let asked = turns.iter().find(move |turn| turn.message.id == message_id);
    before.flat_map(|turn| said(turn).into_iter().chain(answered(turn))).chain(asked.and_then(said))
}

fn said(turn: &Turn) -> Option<Message> {
    Some(Message::text(turn.message.role, &turn.message.text))
}

fn answered(turn: &Turn) -> Option<Message> {
    let shown = turn.runs.iter().rev().find(|run| !run.text.is_empty())?;
    Some(Message::text(Role::Assistant, &shown.text))
}
