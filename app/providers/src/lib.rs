//! The code that speaks to remote models, one file a protocol.
//!
//! A provider makes one attempt at one question and tells exactly how it went; whether to try again is the
//! gateway's business. Whatever an upstream says is not trusted: its words go to an error's details, never into
//! a message.

mod anthropic;
mod http;
mod openai_compatible;
mod providers;
mod secret;
mod settings;
mod upstream;

#[cfg(feature = "testing")]
pub mod scripted;
#[cfg(feature = "testing")]
pub mod scripted_upstream;

pub use anthropic::Anthropic;
pub use http::connector::{Connection, Connector};
pub use openai_compatible::OpenAiCompatible;
pub use providers::{open, open_all};
pub use secret::Secret;
pub use settings::{FoundModels, ModelSettings, Probing, Timeouts, UpstreamProtocol, UpstreamSettings};
