//! Upstreams that say nothing, or nothing more.

use futures_util::FutureExt as _;

use super::{
    Row, asked,
    cut::{local, unverified, verified},
    row,
};
use crate::faults::{
    outcome::Promise,
    stage::{Chain, Delivery},
};

pub(super) const COMPARED: &[Row] = &[
    row("c1", "silence after 5 words", || verified("SCN-stall5")),
    row("c1 (unverified)", "the same, with a fallback that is not known to go on", || unverified("SCN-stall5")),
    row("c1 (local)", "the same, with the model on this machine behind", || local("SCN-stall5")),
    row("c2", "no response at all; stream; fallback", || {
        async {
            asked("SCN-hang", Delivery::Stream, Chain::Verified, Promise::Whole).await.at_most(1).within(6.0).outcome
        }
        .boxed_local()
    }),
    row("c3", "no response at all; JSON; fallback", || {
        async {
            asked("SCN-hang", Delivery::Json, Chain::Verified, Promise::Whole).await.at_most(1).within(6.0).outcome
        }
        .boxed_local()
    }),
];

pub(super) const ROWS: &[Row] = &[
    row("13", "the first word after 6 s; stream; fallback", || {
        async {
            asked("SCN-late", Delivery::Stream, Chain::Verified, Promise::Whole).await.at_most(1).within(7.5).outcome
        }
        .boxed_local()
    }),
    row("14", "silence in the middle of a stream; alone", || {
        async { asked("SCN-stall5", Delivery::Stream, Chain::Alone, Promise::Typed).await.words(5).within(5.0).outcome }
            .boxed_local()
    }),
];
