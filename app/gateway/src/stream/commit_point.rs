//! The commit point: up to the first content everything may be tried again, after it nothing may be taken back.
//! A preamble is no content: it is held back until there is some.

use futures_util::{StreamExt, stream};
use steadfast::Error;
use steadfast_contract::{
    chunk::{AnswerStream, Chunk, Piece, Status, Weight},
    code,
};

/// Waits until the stream shows content (or its end marker) and gives it back whole, content first.
///
/// An error before that is the attempt's error, and another attempt is invisible to the reader.
pub(crate) async fn first_content(
    mut chunks: AnswerStream,
    target: &str,
    mut on_status: impl FnMut(Status) + Send,
) -> Result<AnswerStream, Error> {
    let mut held = Vec::new();
    loop {
        match chunks.next().await {
            Some(Ok(Piece { chunk: Chunk::Status(status), .. })) => on_status(status),
            Some(Ok(preamble @ Piece { chunk: Chunk::Other(Weight::Preamble), .. })) if held.len() < MOST_HELD => {
                held.push(Ok(preamble));
            }
            Some(Ok(content)) => {
                return Ok(Box::pin(stream::iter(held.into_iter().chain([Ok(content)])).chain(chunks)));
            }
            Some(Err(error)) => return Err(error),
            None => return Err(code::stream_cut(target)),
        }
    }
}

/// A real preamble is one or two frames; an upstream that sends more says something after all.
const MOST_HELD: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn stream_of(items: Vec<Result<Chunk, Error>>) -> AnswerStream {
        Box::pin(stream::iter(items.into_iter().map(|item| item.map(Piece::from))))
    }

    #[tokio::test]
    async fn statuses_are_told_and_the_first_text_is_not_lost() {
        let mut told = Vec::new();
        let chunks =
            stream_of(vec![Ok(Chunk::Status(Status::Alive)), Ok(Chunk::Text("a".into())), Ok(Chunk::Text("b".into()))]);
        let committed = first_content(chunks, "x", |status| told.push(status)).await.unwrap();
        let texts: Vec<_> = committed.map(|piece| piece.unwrap().chunk).collect().await;
        assert_eq!(told, [Status::Alive]);
        assert_eq!(texts, [Chunk::Text("a".into()), Chunk::Text("b".into())]);
    }

    #[tokio::test]
    async fn a_preamble_is_held_back_and_comes_before_the_first_text() {
        let preamble = || Ok(Chunk::Other(Weight::Preamble));
        let broken = stream_of(vec![preamble(), Err(Error::connection_lost("x"))]);
        assert!(first_content(broken, "x", |_| ()).await.is_err());
        let whole = stream_of(vec![preamble(), Ok(Chunk::Text("a".into()))]);
        let pieces: Vec<_> =
            first_content(whole, "x", |_| ()).await.unwrap().map(|piece| piece.unwrap().chunk).collect().await;
        assert_eq!(pieces, [Chunk::Other(Weight::Preamble), Chunk::Text("a".into())]);
    }

    #[tokio::test]
    async fn an_end_without_content_is_a_cut() {
        let chunks = stream_of(vec![Ok(Chunk::Status(Status::Alive))]);
        let error = first_content(chunks, "x", |_| ()).await.err().unwrap();
        assert_eq!(error.code(), code::STREAM_CUT);
    }
}
