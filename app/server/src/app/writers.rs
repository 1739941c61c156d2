//! Writers for the streams of an earlier process. Whoever asked then is gone, so an error in one has an id of its own.

use std::sync::Arc;

use http::HeaderMap;
use steadfast::{Detail, Error};
use steadfast_contract::{chat::Protocol, kept_stream::WriterAgain};
use steadfast_wire::{again::Writers, answer::Explain};

use crate::{
    edge::RequestId,
    error_reply::{self, Shape},
};

pub(super) fn again(detail: Detail) -> Arc<dyn WriterAgain> {
    Arc::new(Writers(move |protocol| -> Explain {
        let shape = match protocol {
            Protocol::ChatCompletions | Protocol::Responses => Shape::OpenAi,
            Protocol::Messages => Shape::Anthropic,
        };
        let id = RequestId::of(&HeaderMap::new());
        Box::new(move |error: &Error| error_reply::object(error, shape, &id, detail))
    }))
}
