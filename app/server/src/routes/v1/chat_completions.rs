//! `POST /v1/chat/completions`.

use steadfast_wire::{
    answer::Marked,
    chat_completions::{
        answer::write::{Writer, whole},
        question::read::read,
    },
    question::Wanted,
};

use super::{
    caller::{Caller, new_id},
    leaving::Leaving,
    stream, whole as in_one_piece,
};
use crate::{
    error_reply::{Reply, Shape},
    routes::body::JsonBytes,
};

pub(in crate::routes) async fn complete(caller: Caller, JsonBytes(body): JsonBytes) -> Reply {
    let question = read(body.clone())?;
    let gateway = caller.gateway().await?;
    let (id, asked_for, clock) = (new_id("chatcmpl-"), question.request.model.clone(), caller.house.clock.clone());
    match question.wanted {
        Wanted::Stream => {
            let spec = caller.spec(&new_id("rsp_"), &body)?;
            let setting = caller.setting(id, &asked_for, Some(spec.id.clone()), Shape::OpenAi);
            let ask = caller.ask(question.request, question.wanted, &caller.house.asking)?;
            stream::answer(gateway, clock, ask, spec, Box::new(Marked::new(Writer::new(setting, question.usage)))).await
        }
        Wanted::Whole => {
            let leaving = Leaving::new(&caller.house.asking);
            let ask = caller.ask(question.request, question.wanted, leaving.token())?;
            let key = caller.idempotency(&body)?;
            in_one_piece::answer(gateway, clock, ask, key, leaving, move |answer, model| {
                whole(&answer, &caller.identity(id, model, None))
            })
            .await
        }
    }
}
