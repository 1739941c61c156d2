//! Starts workers on the test model and reads their answers.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::StreamExt as _;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use steadfast::{CancelReason, CancelToken, Error};
use steadfast_contract::{
    chat::{ChatRequest, Message, Role, Sampling},
    chunk::{Chunk, ChunkStream, FinishReason, Status},
    usage::Usage,
};
use steadfast_engine::worker::{Worker, WorkerEvent, WorkerSettings};

/// Long enough for a busy machine, short enough to see a test that hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) fn model() -> PathBuf {
    std::env::var_os("STEADFAST_TEST_MODEL")
        .map(PathBuf::from)
        .expect("STEADFAST_TEST_MODEL must name a GGUF file; `cargo xtask test` sets it")
}

pub(crate) fn settings() -> WorkerSettings {
    WorkerSettings {
        program: env!("CARGO_BIN_EXE_engine-worker-for-tests").into(),
        arguments: Vec::new(),
        ..WorkerSettings::default()
    }
}

/// A worker and everything it has told.
pub(crate) struct Stage {
    pub(crate) worker: Worker,
    pub(crate) token: CancelToken,
    pub(crate) told: Told,
}

#[derive(Clone, Default)]
pub(crate) struct Told(Arc<Mutex<Vec<WorkerEvent>>>);

impl Told {
    pub(crate) fn events(&self) -> Vec<WorkerEvent> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn restarts(&self) -> usize {
        self.events().iter().filter(|event| matches!(event, WorkerEvent::Restarting { .. })).count()
    }
}

pub(crate) async fn start(settings: WorkerSettings, path: PathBuf) -> Result<Stage, Error> {
    let token = CancelToken::root("test");
    let told = Told::default();
    let notes = told.clone();
    let worker =
        Worker::start(settings, "quick", path, &token, Arc::new(move |event| notes.0.lock().unwrap().push(event)))
            .await?;
    Ok(Stage { worker, token, told })
}

pub(crate) async fn stage() -> Stage {
    stage_with(settings()).await
}

pub(crate) async fn stage_with(settings: WorkerSettings) -> Stage {
    start(settings, model()).await.expect("the test model loads")
}

impl Stage {
    pub(crate) fn ask(&self, request: &ChatRequest) -> ChunkStream {
        self.worker.generate(request, &self.token).expect("the worker takes the request")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("the child is there");
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.worker.pid().expect("the child runs")).unwrap()).unwrap()
    }

    pub(crate) async fn end(self) {
        self.worker.unload(CancelReason::Shutdown).await;
    }
}

pub(crate) fn is_alive(pid: Pid) -> bool {
    test_kill_process(pid).is_ok()
}

pub(crate) fn question(text: &str) -> ChatRequest {
    conversation(&[(Role::User, text)])
}

pub(crate) fn conversation(messages: &[(Role, &str)]) -> ChatRequest {
    ChatRequest {
        model: "quick".into(),
        messages: messages.iter().map(|(role, text)| Message::text(*role, *text)).collect(),
        sampling: Sampling { temperature: Some(0.0), max_tokens: Some(48), ..Sampling::default() },
        ..ChatRequest::default()
    }
}

/// An answer that goes on for as long as it may.
pub(crate) fn endless(tokens: u32) -> ChatRequest {
    let mut request =
        conversation(&[(Role::User, "Count."), (Role::Assistant, "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,")]);
    request.sampling.max_tokens = Some(tokens);
    request.sampling.repeat_penalty = Some(1.0);
    request
}

/// About `tokens` tokens of prompt.
pub(crate) fn long_question(tokens: usize) -> ChatRequest {
    question(&"one two three four five six seven eight ".repeat(tokens / 8))
}

#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) text: String,
    pub(crate) statuses: Vec<Status>,
    pub(crate) finish: Option<FinishReason>,
    pub(crate) usage: Usage,
}

impl Heard {
    pub(crate) fn resumed(&self) -> usize {
        self.statuses.iter().filter(|status| matches!(status, Status::Resumed { .. })).count()
    }
}

pub(crate) async fn listen(stream: ChunkStream) -> Result<Heard, Error> {
    listen_and(stream, |_| {}).await
}

/// Reads to the end; `after_each` sees what was heard so far after every chunk.
pub(crate) async fn listen_and(mut stream: ChunkStream, mut after_each: impl FnMut(&Heard)) -> Result<Heard, Error> {
    let mut heard = Heard::default();
    while let Some(chunk) = next(&mut stream).await {
        match chunk? {
            Chunk::Status(status) => heard.statuses.push(status),
            Chunk::Text(text) => heard.text.push_str(&text),
            Chunk::Finish { reason, usage } => {
                assert_eq!(heard.finish, None, "an answer ends once");
                heard.finish = Some(reason);
                heard.usage = usage.expect("the engine counts");
            }
            other => panic!("the engine says no such thing: {other:?}"),
        }
        after_each(&heard);
    }
    Ok(heard)
}

pub(crate) async fn next(stream: &mut ChunkStream) -> Option<Result<Chunk, Error>> {
    tokio::time::timeout(PATIENCE, stream.next()).await.expect("the answer goes on")
}

pub(crate) async fn first_text(stream: &mut ChunkStream) -> String {
    loop {
        match next(stream).await {
            Some(Ok(Chunk::Text(text))) => return text,
            Some(Ok(Chunk::Status(_))) => {}
            other => panic!("a text was expected, not {other:?}"),
        }
    }
}

/// Waits for something that another process does, looking again whenever the clock ticks.
pub(crate) async fn until(what: &str, within: Duration, is_so: impl Fn() -> bool) {
    let look = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(within, look).await.is_ok(), "not within {within:?}: {what}");
}
