//! What the writers of all protocols share: who the answer says it is, what it has said, and whether an upstream's
//! own frames can stand as they are.

mod collected;
mod manner;
mod marked;
mod told;

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use steadfast::Error;
use steadfast_contract::{
    chat::Protocol,
    chunk::{Frame, Status},
};

pub use self::{
    collected::Collected,
    marked::{Marked, marked},
};
pub(crate) use self::{
    manner::{Manner, own},
    told::{Call, Told},
};

/// What every frame of one answer says of it. An upstream's own words replace ours when its frames are passed on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Identity {
    pub id: String,
    /// Seconds since 1970.
    pub created: u64,
    pub model: String,
    /// Under which name the stream can be read again, if it can.
    pub stream_id: Option<String>,
}

/// Turns an error into the error object of a protocol. Who writes replies knows how; it is told beside it, under
/// `steadfast`, how much had been delivered.
pub type Explain = Box<dyn Fn(&Error) -> Value + Send>;

/// Whether the client asked to be told what happens while it waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnEvents {
    /// Events named `steadfast.…`; the official clients would hand them to their users as broken chunks.
    Told,
    Withheld,
}

/// What a server gives a writer.
pub struct Setting {
    pub identity: Identity,
    pub own_events: OwnEvents,
    pub explain: Explain,
}

impl Setting {
    /// What happens, as an event of ours.
    pub(crate) fn status(&self, protocol: Protocol, status: &Status) -> Option<Frame> {
        let name = match status {
            _ if self.own_events == OwnEvents::Withheld => return None,
            Status::Alive => return None,
            Status::Seam(_) => "steadfast.seam",
            _ => "steadfast.status",
        };
        Some(Frame { protocol, event: Some(name.into()), data: json_bytes(status) })
    }

    /// The error object, with what had been delivered before it.
    pub(crate) fn error(&self, error: &Error, told: &Told) -> Value {
        let mut object = (self.explain)(error);
        let own = &mut object["steadfast"];
        let delivered = told.delivered_chars();
        own["partial"] = told.anything().into();
        own["delivered_chars"] = delivered.into();
        own["stream_id"] = self.identity.stream_id.clone().into();
        object
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setting").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// Values of ours always can be written as JSON; an empty frame would be a fault that every test sees.
pub(crate) fn json_bytes(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).unwrap_or_default().into()
}

/// An event that carries its name in its data too, as Anthropic's and the Responses events do.
pub(crate) fn named(protocol: Protocol, name: &'static str, value: &Value) -> Frame {
    Frame { protocol, event: Some(name.into()), data: json_bytes(value) }
}
