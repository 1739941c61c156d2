//! Ends a stream that has gone quiet, and one that ends without its end marker. Statuses count as life: a model
//! that reads a long prompt is not hung.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use steadfast::{Clock, Error};
use steadfast_contract::{
    chunk::{AnswerStream, Chunk, Piece},
    code,
};

pub(super) fn guard(chunks: AnswerStream, target: String, idle: Duration, clock: Clock) -> AnswerStream {
    let watched = Watched { chunks, target, idle, clock, ended: false };
    Box::pin(stream::unfold(watched, |mut watched| async move { watched.next().await.map(|item| (item, watched)) }))
}

struct Watched {
    chunks: AnswerStream,
    target: String,
    idle: Duration,
    clock: Clock,
    ended: bool,
}

impl Watched {
    async fn next(&mut self) -> Option<Result<Piece, Error>> {
        if self.ended {
            return None;
        }
        let item = tokio::select! {
            biased;
            item = self.chunks.next() => item.unwrap_or_else(|| Err(code::stream_cut(&self.target))),
            () = self.clock.sleep(self.idle) => Err(self.gone_quiet()),
        };
        self.ended = matches!(item, Err(_) | Ok(Piece { chunk: Chunk::Finish { .. }, .. }));
        Some(item)
    }

    fn gone_quiet(&self) -> Error {
        Error::timeout("waiting for the next words", self.idle)
            .with_message(format!("{} has gone quiet for {} seconds.", self.target, self.idle.as_secs()))
            .with_detail("target", &self.target)
    }
}

#[cfg(test)]
mod tests {
    use steadfast::Code;
    use steadfast_contract::chunk::FinishReason;

    use super::*;

    fn text(words: &str) -> Result<Piece, Error> {
        Ok(Chunk::Text(words.into()).into())
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_the_stream_with_a_time_out() {
        let silent = Box::pin(stream::iter([text("a")]).chain(stream::pending()));
        let mut watched = guard(silent, "x".into(), Duration::from_secs(30), Clock::real());
        assert!(watched.next().await.unwrap().is_ok());
        assert_eq!(watched.next().await.unwrap().unwrap_err().code(), Code::TIMEOUT);
        assert!(watched.next().await.is_none());
    }

    #[tokio::test]
    async fn an_end_without_the_marker_is_a_cut() {
        let cut = Box::pin(stream::iter([text("a")]));
        let items: Vec<_> = guard(cut, "x".into(), Duration::from_secs(30), Clock::real()).collect().await;
        assert_eq!(items[1].as_ref().unwrap_err().code(), code::STREAM_CUT);
    }

    #[tokio::test]
    async fn a_whole_stream_ends_with_its_marker_and_nothing_more() {
        let whole =
            Box::pin(stream::iter([text("a"), Ok(Chunk::Finish { reason: FinishReason::Stop, usage: None }.into())]));
        let items: Vec<_> = guard(whole, "x".into(), Duration::from_secs(30), Clock::real()).collect().await;
        assert_eq!(items.len(), 2);
        assert!(items.iter().all(Result::is_ok));
    }
}
