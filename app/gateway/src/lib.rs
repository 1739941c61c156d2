//! The decisions: which model answers, when to try again, and what an answer goes through from the message that
//! asks for it to its end.
//!
//! Sees providers, models and the store only through the contract's traits; knows no status code, no SQL and no
//! wire format. `gateway.rs` is the face; a question goes `routing` → `asking` → `stream`, and an answer that the
//! page owns is a run (`runs`); one that a program reads is a stream (`streams`).

mod asking;
mod chat;
mod embed;
mod gateway;
mod live;
mod readiness;
mod routing;
mod runs;
mod settings;
mod stream;
mod streams;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use self::{
    chat::{Answer, AttemptNote, ChatAsk},
    embed::EmbedCall,
    gateway::{Gateway, NewRun, Parts, SendMessage},
    live::LiveReader,
    routing::Listed,
    runs::Follow,
    settings::{ChainSettings, GatewaySettings, Order},
    streams::{
        Arrival, IdempotencyKey, Keep, Kept, Opening, ReadFrom, StreamHandle, StreamInfo, StreamReader, StreamSettings,
        StreamSpec,
    },
};
