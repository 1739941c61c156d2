//! Streams whose callers come back: written whole, in their versions, and let go of in time.

use serde_json::json;
use steadfast_contract::kept_stream::{KeptEnd, KeptKey, KeptOpening, KeptStream, Outdated};

use crate::stage::Stage;

fn stream(id: &str, created_ms: u64, ended_ms: Option<u64>) -> KeptStream {
    KeptStream {
        id: id.to_owned(),
        principal: "ann".to_owned(),
        key: Some(KeptKey { key: "k".to_owned(), body_hash: [7; 32] }),
        opening: Some(KeptOpening { model: "big".to_owned(), target: "cloud-b/big".to_owned() }),
        created_ms,
        revision: 1,
        epoch: 3,
        last: 17,
        end: ended_ms.map(|at_ms| KeptEnd { state: "completed".to_owned(), reason: None, at_ms }),
        memo: Some(json!({ "text": "Zoë 🎉" })),
    }
}

const NOTHING: Outdated =
    Outdated { ended_before_ms: 0, bytes_max: u64::MAX, created_before_ms: 0, rows_max: u64::MAX };

impl Stage {
    async fn keep(&self, streams: impl IntoIterator<Item = KeptStream>) {
        for stream in streams {
            self.store.keep_stream(&self.token, stream).await.unwrap();
        }
    }

    /// Each by its id, with a `-` behind it when what was said is gone.
    async fn left(&self, outdated: Outdated) -> Vec<String> {
        self.store.let_streams_go(&self.token, outdated).await.unwrap();
        let kept = self.store.kept_streams(&self.token).await.unwrap();
        let shown = |stream: KeptStream| if stream.memo.is_some() { stream.id } else { format!("{}-", stream.id) };
        kept.into_iter().map(shown).collect()
    }
}

pub(crate) async fn starts_are_counted(stage: Stage) {
    for number in 1..4 {
        assert_eq!(stage.store.count_start(&stage.token).await.unwrap(), number);
    }
}

pub(crate) async fn a_kept_stream_comes_back_as_it_was(stage: Stage) {
    let (open, ended) = (stream("b", 20, None), stream("a", 10, Some(30)));
    let bare = KeptStream { key: None, opening: None, ..stream("c", 30, None) };
    stage.keep([open.clone(), ended.clone(), bare.clone()]).await;
    assert_eq!(stage.store.kept_streams(&stage.token).await.unwrap(), [ended, open, bare]);
}

pub(crate) async fn an_older_version_never_replaces_a_newer_one(stage: Stage) {
    let version = |revision, last| KeptStream { revision, last, ..stream("a", 10, None) };
    stage.keep([version(2, 20), version(1, 10), version(2, 21)]).await;
    assert_eq!(stage.store.kept_streams(&stage.token).await.unwrap(), [version(2, 20)]);
    stage.keep([version(3, 30)]).await;
    assert_eq!(stage.store.kept_streams(&stage.token).await.unwrap(), [version(3, 30)]);
}

pub(crate) async fn an_answer_that_ended_long_ago_loses_its_text_and_then_its_row(stage: Stage) {
    stage.keep([stream("a", 10, Some(50)), stream("b", 20, Some(60))]).await;
    assert_eq!(stage.left(NOTHING).await, ["a", "b"]);
    assert_eq!(stage.left(Outdated { ended_before_ms: 60, ..NOTHING }).await, ["a-", "b"]);
    assert_eq!(stage.left(Outdated { created_before_ms: 20, ..NOTHING }).await, ["b"]);
    stage.keep([stream("c", 30, Some(70)), stream("d", 40, Some(70))]).await;
    assert_eq!(stage.left(Outdated { rows_max: 2, ..NOTHING }).await, ["c", "d"]);
}

pub(crate) async fn beyond_the_bytes_the_oldest_answers_lose_their_text(stage: Stage) {
    stage.keep([stream("a", 10, Some(50)), stream("b", 20, Some(70)), stream("c", 30, Some(60))]).await;
    let one = json!({ "text": "Zoë 🎉" }).to_string().len() as u64;
    assert_eq!(stage.left(Outdated { bytes_max: 2 * one, ..NOTHING }).await, ["a-", "b", "c"]);
    assert_eq!(stage.left(Outdated { bytes_max: 2 * one - 1, ..NOTHING }).await, ["a-", "b", "c-"]);
}

pub(crate) async fn an_answer_that_is_being_written_is_never_let_go(stage: Stage) {
    stage.keep([stream("a", 10, None)]).await;
    let all = Outdated { ended_before_ms: u64::MAX, bytes_max: 0, created_before_ms: u64::MAX, rows_max: 0 };
    assert_eq!(stage.left(all).await, ["a"]);
}
