//! The decisions: which model answers, when to try again, and what an answer goes through from the message that
//! asks for it to its end.
//!
//! Sees providers, models and the store only through the contract's traits; knows no status code, no SQL and no
//! wire format. `gateway.rs` is the face; a question goes `routing` → `asking` → `stream`, and an answer that the
//! page owns is a run (`runs`); one that a program reads is a stream (`streams`).

mod asking;
mod cached;
mod caller_time;
mod chat;
mod embed;
mod flights;
mod gateway;
mod live;
mod once;
mod readiness;
mod routing;
mod runs;
mod settings;
mod stream;
mod streams;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use self::{
    cached::{CacheAsk, CacheWish, FromCache},
    chat::{Answer, AttemptNote, ChatAsk, GoesOn},
    embed::EmbedCall,
    gateway::{Gateway, NewRun, Parts, SendMessage},
    live::LiveReader,
    once::{OnceAsk, WholeReply},
    routing::Listed,
    runs::Follow,
    settings::{CacheSettings, ChainSettings, GatewaySettings, Order},
    streams::{
        Arrival, IdempotencyKey, Keep, Kept, Opening, ReadFrom, StreamHandle, StreamInfo, StreamReader, StreamSettings,
        StreamSpec,
    },
};
