//! Kept streams, for as long as this process lives.

use std::collections::HashMap;

use steadfast::{CancelToken, Error};
use steadfast_contract::{
    BoxFuture,
    kept_stream::{KeptStream, Outdated, StreamStore},
};

use super::MemoryStore;

#[derive(Debug, Default)]
pub(super) struct KeptStreams {
    starts: u64,
    streams: HashMap<String, KeptStream>,
}

impl StreamStore for MemoryStore {
    fn count_start<'a>(&'a self, token: &'a CancelToken) -> BoxFuture<'a, Result<u64, Error>> {
        self.with(token, |state| {
            state.kept.starts += 1;
            Ok(state.kept.starts)
        })
    }

    fn keep_stream<'a>(&'a self, token: &'a CancelToken, stream: KeptStream) -> BoxFuture<'a, Result<(), Error>> {
        self.with(token, move |state| {
            let stored = state.kept.streams.get(&stream.id);
            if stored.is_none_or(|stored| stored.revision < stream.revision) {
                state.kept.streams.insert(stream.id.clone(), stream);
            }
            Ok(())
        })
    }

    fn kept_streams<'a>(&'a self, token: &'a CancelToken) -> BoxFuture<'a, Result<Vec<KeptStream>, Error>> {
        self.with(token, |state| {
            let mut streams: Vec<_> = state.kept.streams.values().cloned().collect();
            streams.sort_by(|a, b| (a.created_ms, &a.id).cmp(&(b.created_ms, &b.id)));
            Ok(streams)
        })
    }

    fn let_streams_go<'a>(&'a self, token: &'a CancelToken, outdated: Outdated) -> BoxFuture<'a, Result<(), Error>> {
        self.with(token, move |state| {
            state.kept.let_go(outdated);
            Ok(())
        })
    }
}

impl KeptStreams {
    fn let_go(&mut self, outdated: Outdated) {
        self.streams.retain(|_, stream| stream.end.is_none() || stream.created_ms >= outdated.created_before_ms);
        let mut by_age: Vec<_> = self.streams.values().map(|stream| (stream.created_ms, stream.id.clone())).collect();
        by_age.sort();
        let rows_max = usize::try_from(outdated.rows_max).unwrap_or(usize::MAX);
        for (_, id) in &by_age[..by_age.len().saturating_sub(rows_max)] {
            if self.streams.get(id).is_some_and(|stream| stream.end.is_some()) {
                self.streams.remove(id);
            }
        }
        let mut ended: Vec<_> = self.streams.values_mut().filter(|stream| stream.end.is_some()).collect();
        ended.sort_by_cached_key(|stream| {
            let ended_ms = stream.end.as_ref().map(|end| end.at_ms);
            std::cmp::Reverse((ended_ms, stream.id.clone()))
        });
        let mut bytes = 0;
        for stream in ended {
            let is_old = stream.end.as_ref().is_some_and(|end| end.at_ms < outdated.ended_before_ms);
            bytes += stream.memo.as_ref().filter(|_| !is_old).map_or(0, |memo| memo.to_string().len() as u64);
            if is_old || bytes > outdated.bytes_max {
                stream.memo = None;
            }
        }
    }
}
