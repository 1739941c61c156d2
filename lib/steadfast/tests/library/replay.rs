//! Inputs of retried work: sent whole each time, or not at all.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};
use std::time::Duration;
use steadfast::{Call, CancelToken, Clock, Code, Deadline, Error, Events, GivenBack, Replay, Retry, testing::EventLog};

fn call() -> Call {
    Call::new("send", &CancelToken::root("test"))
}

fn retry() -> Retry {
    Retry::fixed(Duration::from_millis(1)).max_attempts(4)
}

fn lost() -> Error {
    Error::connection_lost("shop")
}

/// Counts its copies; can be copied as long as `copies_left` allows.
struct Body {
    bytes: Vec<u8>,
    copies: Arc<AtomicU32>,
    copies_left: u32,
}

impl Replay for Body {
    fn replay(&self) -> Option<Self> {
        let copies_left = self.copies_left.checked_sub(1)?;
        self.copies.fetch_add(1, Ordering::Relaxed);
        Some(Self { bytes: self.bytes.clone(), copies: Arc::clone(&self.copies), copies_left })
    }
}

/// What each attempt was sent, when every attempt fails.
#[expect(clippy::unwrap_used, reason = "called by tests only")]
async fn sent(copies_left: u32) -> (Vec<Vec<u8>>, u32, Error, Arc<EventLog>) {
    let log = Arc::new(EventLog::new(&Clock::real()));
    let call = call().with_events(Events::to(Arc::clone(&log)));
    let copies = Arc::new(AtomicU32::new(0));
    let body = Body { bytes: vec![1, 2, 3], copies: Arc::clone(&copies), copies_left };
    let mut seen = Vec::new();
    let error = retry()
        .run_with(&call, body, |_, body| {
            seen.push(body.bytes);
            async { Err::<(), _>(lost()) }
        })
        .await
        .unwrap_err();
    (seen, copies.load(Ordering::Relaxed), error, log)
}

#[tokio::test(start_paused = true)]
async fn every_attempt_is_sent_the_whole_input_and_the_last_one_is_not_copied_for() {
    let (seen, copies, error, _) = sent(99).await;
    assert_eq!((seen, copies), (vec![vec![1, 2, 3]; 4], 3));
    assert_eq!(error.code(), Code::RETRY_EXHAUSTED);
}

#[tokio::test(start_paused = true)]
async fn an_input_that_cannot_be_copied_is_sent_once_and_never_empty() {
    let (seen, copies, error, log) = sent(0).await;
    assert_eq!((seen, copies), (vec![vec![1, 2, 3]], 0));
    // The error is the useful one.
    assert_eq!((error.code(), error.attempts()), (Code::CONNECTION_LOST, None));
    let last = log.events().pop().unwrap();
    assert_eq!(last.to_string(), "send: no retry after 1 attempts: the input cannot be sent again");
}

#[tokio::test(start_paused = true)]
async fn an_input_may_become_uncopyable_on_the_way() {
    let (seen, copies, error, _) = sent(1).await;
    assert_eq!((seen.len(), copies, error.code()), (2, 1, Code::CONNECTION_LOST));
}

/// Not `Clone`.
struct Letter(u32);

#[tokio::test(start_paused = true)]
async fn an_input_that_is_given_back_is_the_same_one_in_the_next_attempt() {
    let output = retry()
        .run_giving_back(&call(), Letter(0), |attempt, Letter(opened): Letter| async move {
            if attempt.number < 3 { Err(GivenBack::whole(lost(), Letter(opened + 1))) } else { Ok(opened) }
        })
        .await;
    assert_eq!(output.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_error_without_the_input_ends_it_also_when_it_came_by_a_question_mark() {
    let attempts = AtomicU32::new(0);
    let error = retry()
        .run_giving_back(&call(), Letter(0), |_, _letter: Letter| {
            attempts.fetch_add(1, Ordering::Relaxed);
            async {
                Err(lost())?;
                Ok(())
            }
        })
        .await
        .unwrap_err();
    assert_eq!((error.code(), attempts.into_inner()), (Code::CONNECTION_LOST, 1));
}

#[tokio::test(start_paused = true)]
async fn work_that_is_dropped_takes_its_input_with_it() {
    let call = call().with_deadline(Deadline::after(&Clock::real(), Duration::from_secs(1)));
    let error = retry()
        .run_giving_back(&call, Letter(0), |_, _letter: Letter| {
            std::future::pending::<Result<(), GivenBack<Error, Letter>>>()
        })
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn spent_attempts_with_an_input_are_exhausted_like_any_others() {
    let error = retry()
        .run_giving_back(&call(), Letter(0), |_, letter: Letter| async {
            Err::<(), _>(GivenBack::whole(lost(), letter))
        })
        .await
        .unwrap_err();
    assert_eq!((error.code(), error.attempts()), (Code::RETRY_EXHAUSTED, Some(4)));
}
