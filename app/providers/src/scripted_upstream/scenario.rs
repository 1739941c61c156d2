//! The scenarios: a name, and how often it was asked for, make what is played. One table, no effects.

use std::time::Duration;

use super::{
    refusal::Refusal,
    script::{Framing, Prefill, Says, Script, Twist},
};

/// What a call meets.
#[derive(Debug, Clone)]
pub(super) enum Play {
    Refuse(Refusal),
    /// Not one byte, until the client has had enough.
    Silence,
    /// The line is reset before the first byte.
    ResetAtOnce,
    Answer(Script),
}

/// The scenario that `key` names (up to its `#`). `call` counts from 1; `up_for_ms` is the upstream's own age.
pub(super) fn of(key: &str, call: u32, up_for_ms: u64) -> Play {
    let name = key.split('#').next().unwrap_or(key);
    refused(name, call, up_for_ms).unwrap_or_else(|| match name {
        "SCN-hang" => Play::Silence,
        "SCN-rst0" => Play::ResetAtOnce,
        _ => Play::Answer(answered(name, call)),
    })
}

fn refused(name: &str, call: u32, up_for_ms: u64) -> Option<Play> {
    let refusal = match (name, call) {
        ("SCN-503", _) | ("SCN-503x2", 1 | 2) | ("SCN-503x3", 1..=3) => Refusal::UNAVAILABLE,
        ("SCN-flap", _) if up_for_ms / FLAP_MS % 2 == 1 => Refusal::UNAVAILABLE,
        ("SCN-loading", 1 | 2) => Refusal::LOADING,
        ("SCN-500", _) => Refusal::CRASHED,
        ("SCN-502html", _) => Refusal::BAD_GATEWAY,
        ("SCN-504", _) => Refusal::GATEWAY_TIMEOUT,
        ("SCN-529", _) => Refusal::OVERLOADED,
        ("SCN-429", 1) | ("SCN-429always", _) => Refusal::RATE_LIMITED,
        ("SCN-429long", _) => Refusal::RATE_LIMITED_FOR_AN_HOUR,
        ("SCN-429quota", _) => Refusal::OUT_OF_QUOTA,
        ("SCN-402", _) => Refusal::OUT_OF_CREDIT,
        ("SCN-401", _) => Refusal::BAD_KEY,
        ("SCN-403", _) => Refusal::FORBIDDEN,
        ("SCN-ctx", _) => Refusal::TOO_LONG,
        _ => return None,
    };
    Some(Play::Refuse(refusal))
}

fn answered(name: &str, call: u32) -> Script {
    let (short, usual) = (Script::of(SHORT), Script::of(USUAL));
    match (name, call) {
        // The first call is reset, the next is well.
        ("SCN-reset", 1) => usual.twisted(14, Twist::Reset),
        ("SCN-cut", _) => usual.twisted(14, Twist::CleanEnd),
        ("SCN-sseerr", _) => usual.twisted(14, Twist::ErrorEvent),
        ("SCN-stall", _) => usual.twisted(10, Twist::Stall),
        ("SCN-rst5", _) => usual.twisted(5, Twist::Reset),
        ("SCN-fin5", _) => usual.twisted(5, Twist::Fin),
        ("SCN-close5", _) => usual.framed(Framing::UntilClose).twisted(5, Twist::Fin),
        ("SCN-close", _) => usual.framed(Framing::UntilClose),
        ("SCN-end5", _) => usual.twisted(5, Twist::CleanEnd),
        ("SCN-stall5", _) => usual.twisted(5, Twist::Stall),
        ("SCN-badline5", _) => usual.twisted(5, Twist::BrokenLine),
        ("SCN-error5", _) => usual.twisted(5, Twist::ErrorEvent),
        ("SCN-badjson", _) => usual.twisted(0, Twist::BrokenBody),
        ("SCN-dup5", _) => short.twisted(5, Twist::Twice),
        ("SCN-nodone", _) => usual.twisted(USUAL, Twist::AfterFinish),
        ("SCN-tool", _) => usual.saying(Says::Tool(0)),
        ("SCN-toolcut", _) => usual.saying(Says::Tool(0)).twisted(2, Twist::Fin),
        ("SCN-texttoolcut", _) => usual.saying(Says::Tool(5)).twisted(7, Twist::Fin),
        ("SCN-drip", _) => short.saying(Says::Words(foreign())).framed(Framing::Dripping).slowly(Duration::ZERO),
        ("SCN-late", _) => usual.after(Duration::from_secs(6)),
        ("SCN-json30", _) => usual.after(Duration::from_secs(30)),
        ("SCN-slow", _) => Script::of(80).slowly(Duration::from_millis(150)),
        ("SCN-long", _) => Script::of(500).slowly(Duration::from_millis(20)),
        ("SCN-forever", _) => Script::of(100_000).slowly(Duration::from_millis(20)),
        ("SCN-continues", _) => Script::of(LONGER).prefilled(Prefill::Continues),
        ("SCN-restarts", _) => Script::of(LONGER),
        ("SCN-noprefill", _) => Script::of(LONGER).prefilled(Prefill::Refused),
        _ => usual,
    }
}

/// Letters of two, three and four bytes, so that a slice of one byte always cuts some in half.
fn foreign() -> Vec<String> {
    ["blåbär ", "čaj ", "茶 ", "🍵 "].map(str::to_owned).to_vec()
}

const FLAP_MS: u64 = 2000;
const SHORT: usize = 10;
const USUAL: usize = 50;
/// A second upstream says more, so that a whole answer of its own is told from the first one's.
const LONGER: usize = 60;
