//! Lives of models with a scripted runner: no engine, but real files, real checks and, where it matters, a real socket.

mod script;

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use steadfast::{CancelReason, CancelToken, Clock, Code, Error, Events};
use steadfast_contract::{
    chat::{ChatRequest, Message, Role},
    chunk::{AnswerStream, Chunk},
    code,
    model::{ModelHost, ModelPhase, ModelStatus},
    provider::{Ask, Delivery, Provider},
};

use super::{Models, ModelsSettings};
use crate::{
    catalog::Catalog,
    download::tests::server::{Fault, Site},
    gguf::sample::Sample,
    provider::EngineProvider,
};
use script::{Outcome, Script};

/// Three models on a machine that has room for 1000 bytes of them.
struct Stage {
    models: Models,
    script: Arc<Script>,
    token: CancelToken,
    clock: Clock,
    folder: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        Self::with(|_settings| {})
    }

    fn with(bend: impl FnOnce(&mut ModelsSettings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("own.gguf");
        std::fs::write(&own, Sample::valid().bytes()).unwrap();
        let source = format!("{{ kind = \"file\", path = \"{}\" }}", own.display());
        Self::from_source(folder, &source, bend)
    }

    fn from_source(folder: tempfile::TempDir, source: &str, bend: impl FnOnce(&mut ModelsSettings)) -> Self {
        let size = Sample::valid().bytes().len();
        let model = |id: &str, tier: &str, memory: u32| {
            format!(
                "[[model]]\nid = \"{id}\"\nname = \"{tier}\"\ntier = \"{}\"\nlicence = \"MIT\"\nsize_bytes = {size}\nmemory_bytes = {memory}\nsources = [{source}]\n",
                tier.to_lowercase()
            )
        };
        let text = [model("tiny", "Quick", 100), model("middle", "Smart", 600), model("large", "Genius", 900)].concat();
        let clock = Clock::manual();
        let mut settings = ModelsSettings::new(folder.path().join("models"));
        (settings.memory_limit_bytes, settings.clock) = (Some(1000), clock.clone());
        settings.download.keep_free_bytes = 0;
        bend(&mut settings);
        let (script, token) = (Arc::new(Script::default()), CancelToken::root("stage"));
        let catalog = Catalog::from_layers(&[("test.toml", &text)]).unwrap();
        let models = Models::open(settings, catalog, Arc::clone(&script) as _, &token, Events::none());
        Self { models, script, token, clock, folder }
    }

    fn phase(&self, id: &str) -> ModelPhase {
        self.models.status(id).unwrap().phase
    }

    /// Follows one model until `found`, and gives every status on the way.
    async fn follow(&self, id: &str, found: impl Fn(&ModelStatus) -> bool) -> Vec<ModelStatus> {
        let mut changes = self.models.subscribe();
        let mut seen = vec![self.models.status(id).unwrap()];
        let id = seen[0].info.id.clone(); // `id` may be a tier
        let following = async {
            while !found(seen.last().unwrap()) {
                let status = changes.next().await;
                if status.info.id == id {
                    seen.push(status);
                }
            }
        };
        let ended = tokio::time::timeout(Duration::from_secs(20), following).await;
        assert!(ended.is_ok(), "{id} stayed at {:?}", seen.last());
        seen
    }

    async fn until(&self, id: &str, phase: ModelPhase) -> ModelStatus {
        self.follow(id, |status| status.phase == phase).await.pop().unwrap()
    }

    async fn load(&self, id: &str) -> ModelStatus {
        self.models.load(id).unwrap();
        self.until(id, ModelPhase::Ready).await
    }

    async fn ask(&self, id: &str) -> Result<AnswerStream, Error> {
        let request = ChatRequest {
            model: id.to_owned(),
            messages: vec![Message::text(Role::User, "Hi")],
            ..ChatRequest::default()
        };
        let (token, request_id) = (self.token.child("ask"), "1".to_owned());
        EngineProvider::new(self.models.clone())
            .open(Ask {
                request,
                delivery: Delivery::Streamed,
                token,
                deadline: None,
                request_id,
                events: Events::none(),
            })
            .await
    }
}

#[tokio::test]
async fn a_model_is_loaded_and_answers() {
    let stage = Stage::new();
    let ready = stage.load("quick").await;
    assert_eq!((ready.on_disk, ready.error, ready.progress.unwrap().percent), (true, None, 100.0));
    let chunks: Vec<_> = stage.ask("tiny").await.unwrap().map(|piece| piece.unwrap().chunk).collect().await;
    assert!(matches!(chunks.as_slice(), [Chunk::Text(text), Chunk::Finish { .. }] if text == "hello"));
}

#[tokio::test]
async fn a_load_with_a_download_shows_every_step_and_never_falls_back() {
    let site = Site::with(&Sample::valid().bytes()).await;
    site.next(Fault::Status(500));
    let source = format!("{{ kind = \"https\", url = \"{}\" }}", site.url("model"));
    let stage = Stage::from_source(tempfile::tempdir().unwrap(), &source, |settings| {
        settings.clock = Clock::real();
        settings.download.pause_between_attempts = Duration::from_millis(1);
    });
    stage.script.next(Outcome::WaitsForLeave);
    let mut seen = stage.follow_from_load("tiny", |status| status.phase == ModelPhase::WarmingUp).await;
    stage.script.leave();
    seen.extend(stage.follow("tiny", |status| status.phase == ModelPhase::Ready).await);

    let mut phases: Vec<ModelPhase> = seen.iter().map(|status| status.phase).collect();
    phases.dedup();
    assert_eq!(phases.first(), Some(&ModelPhase::Downloading));
    assert_eq!(phases[phases.len() - 2..], [ModelPhase::WarmingUp, ModelPhase::Ready]);
    let lines: Vec<_> = seen.iter().filter_map(|status| status.progress.clone()).collect();
    assert!(lines.is_sorted_by(|before, after| before.percent <= after.percent), "{lines:?}");
    assert!(lines.iter().filter(|line| line.percent >= 100.0).all(|line| line.step == "Ready"));
    assert_eq!(lines.last().unwrap().source.as_deref(), Some("web"));
}

impl Stage {
    /// Subscribes before the load begins, so that nothing of it is missed.
    async fn follow_from_load(&self, id: &str, found: impl Fn(&ModelStatus) -> bool) -> Vec<ModelStatus> {
        let begin = async {
            self.models.load(id).unwrap();
        };
        let (seen, ()) = tokio::join!(self.follow(id, found), begin);
        seen.into_iter().skip(1).collect()
    }
}

#[tokio::test]
async fn a_load_that_is_under_way_is_joined() {
    let stage = Stage::new();
    stage.script.next(Outcome::WaitsForLeave);
    stage.models.load("tiny").unwrap();
    stage.until("tiny", ModelPhase::WarmingUp).await;
    for _ in 0..20 {
        assert_eq!(stage.models.load("tiny").unwrap().phase, ModelPhase::WarmingUp);
    }
    stage.script.leave();
    stage.until("tiny", ModelPhase::Ready).await;
    assert_eq!(stage.script.starts(), 1);
}

#[tokio::test]
async fn a_question_wakes_a_model_and_is_told_to_wait() {
    let stage = Stage::new();
    let Err(error) = stage.ask("tiny").await else { panic!("the model was not loaded") };
    assert_eq!((error.code(), error.retryable()), (code::MODEL_LOADING, true));
    assert!(error.retry_after().is_some());
    stage.until("tiny", ModelPhase::Ready).await;
    assert!(stage.ask("tiny").await.is_ok());
}

#[tokio::test]
async fn a_persons_cancel_frees_everything_and_no_question_undoes_it() {
    let stage = Stage::new();
    stage.script.next(Outcome::WaitsForLeave);
    stage.models.load("tiny").unwrap();
    stage.until("tiny", ModelPhase::WarmingUp).await;
    let status = stage.models.cancel("tiny", CancelReason::UserStop).unwrap();
    assert_eq!((status.phase, status.progress), (ModelPhase::Idle, None));
    stage.script.until_nothing_runs().await;

    let Err(error) = stage.ask("tiny").await else { panic!("the model was not loaded") };
    assert_eq!(error.code(), code::MODEL_NOT_LOADED);
    assert_eq!(stage.phase("tiny"), ModelPhase::Idle);
    stage.load("tiny").await;
    assert!(stage.ask("tiny").await.is_ok());
}

#[tokio::test]
async fn a_load_that_was_left_for_another_page_may_be_begun_by_a_question() {
    let stage = Stage::new();
    stage.script.next(Outcome::WaitsForLeave);
    stage.models.load("tiny").unwrap();
    stage.until("tiny", ModelPhase::WarmingUp).await;
    stage.models.cancel("tiny", CancelReason::RouteChange).unwrap();
    assert!(stage.ask("tiny").await.is_err_and(|error| error.code() == code::MODEL_LOADING));
    stage.until("tiny", ModelPhase::Ready).await;
}

#[tokio::test]
async fn fifty_requests_to_start_what_cannot_start_are_three_attempts_and_a_rest() {
    let stage = Stage::new();
    (0..50).for_each(|_| stage.script.next(Outcome::Fails));
    let (mut begun, mut refused) = (0, 0);
    for _ in 0..50 {
        match stage.models.load("tiny") {
            Ok(_) => {
                begun += 1;
                let failed = stage.until("tiny", ModelPhase::Failed).await;
                assert_eq!(failed.error.unwrap().code, "MODEL_CRASHED");
            }
            Err(error) => {
                refused += 1;
                assert_eq!(error.code(), Code::CIRCUIT_OPEN);
                assert!(error.retry_after().is_some_and(|wait| wait <= Duration::from_secs(30)));
            }
        }
    }
    assert_eq!((begun, refused, stage.script.starts()), (3, 47, 3));
    assert!(stage.models.status("tiny").unwrap().resting_seconds.is_some_and(|seconds| seconds > 29.0));

    stage.clock.advance(Duration::from_secs(31));
    stage.models.load("tiny").unwrap();
    stage.until("tiny", ModelPhase::Failed).await;
    assert!(stage.models.load("tiny").is_err_and(|error| error.code() == Code::CIRCUIT_OPEN));
    assert_eq!(stage.script.starts(), 4, "after the rest there is one probe");
}

#[tokio::test]
async fn what_does_not_fit_says_so_with_numbers_before_anything_is_fetched() {
    let stage = Stage::with(|settings| settings.memory_limit_bytes = Some(700));
    let refused = stage.models.load("genius").unwrap_err();
    assert_eq!(refused.code(), Code::OUT_OF_MEMORY);
    assert!(refused.message().contains("does not fit into memory: needs"), "{}", refused.message());
    assert!(refused.suggestion().starts_with("Use Smart"), "{}", refused.suggestion());
    let status = stage.models.status("genius").unwrap();
    assert_eq!((status.phase, status.on_disk), (ModelPhase::Idle, false));
    assert!(status.does_not_fit.is_some());
    assert!(stage.models.status("smart").unwrap().does_not_fit.is_none());
}

#[tokio::test]
async fn an_idle_model_makes_room_and_a_busy_one_does_not() {
    let stage = Stage::new();
    stage.load("smart").await;
    let answer = stage.ask("middle").await.unwrap();
    assert_eq!(stage.models.load("genius").unwrap_err().code(), Code::OUT_OF_MEMORY);

    drop(answer);
    stage.load("genius").await;
    assert_eq!(stage.phase("smart"), ModelPhase::Idle);
    assert_eq!(stage.script.unloads(), 1);
}

#[tokio::test]
async fn two_loads_at_once_do_not_take_the_same_room() {
    let stage = Stage::new();
    (0..2).for_each(|_| stage.script.next(Outcome::WaitsForLeave));
    stage.models.load("smart").unwrap();
    stage.models.load("genius").unwrap();
    let (smart, genius) = tokio::join!(
        stage.follow("smart", |status| matches!(status.phase, ModelPhase::WarmingUp | ModelPhase::Failed)),
        stage.follow("genius", |status| matches!(status.phase, ModelPhase::WarmingUp | ModelPhase::Failed)),
    );
    let ends = [smart, genius].map(|seen| {
        let end = seen.last().unwrap();
        (end.phase, end.error.as_ref().map(|error| error.code.clone()))
    });
    let count = |wanted: (ModelPhase, Option<&str>)| {
        ends.iter().filter(|(phase, code)| (*phase, code.as_deref()) == wanted).count()
    };
    assert_eq!(count((ModelPhase::WarmingUp, None)), 1, "{ends:?}");
    assert_eq!(count((ModelPhase::Failed, Some("OUT_OF_MEMORY"))), 1, "{ends:?}");
}

#[tokio::test]
async fn a_worker_that_is_gone_for_good_is_shown_and_can_be_loaded_again() {
    let stage = Stage::new();
    stage.load("tiny").await;
    stage.script.die();
    let failed = stage.until("tiny", ModelPhase::Failed).await;
    assert_eq!(failed.error.unwrap().code, "MODEL_CRASHED");
    stage.load("tiny").await;
    assert!(stage.models.status("tiny").unwrap().error.is_none());
}

#[tokio::test]
async fn a_file_that_is_no_model_never_reaches_the_runner() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own.gguf");
    std::fs::write(&own, vec![b'x'; Sample::valid().bytes().len()]).unwrap();
    let source = format!("{{ kind = \"file\", path = \"{}\" }}", own.display());
    let stage = Stage::from_source(folder, &source, |_settings| {});
    stage.models.load("tiny").unwrap();
    let failed = stage.until("tiny", ModelPhase::Failed).await;
    assert_eq!(failed.error.unwrap().code, "INVALID_MODEL_FILE");
    assert_eq!(stage.script.starts(), 0);

    let reset = stage.models.reset("tiny").unwrap();
    assert_eq!((reset.phase, reset.error), (ModelPhase::Idle, None));
}

#[tokio::test]
async fn a_file_is_deleted_only_when_nobody_uses_it() {
    let stage = Stage::new();
    stage.load("tiny").await;
    assert_eq!(stage.models.remove("tiny").await.unwrap_err().code(), Code::CONFLICT);
    let unloaded = stage.models.unload("tiny").await.unwrap();
    assert_eq!((unloaded.phase, unloaded.on_disk), (ModelPhase::Idle, true));
    assert!(!stage.models.remove("tiny").await.unwrap().on_disk);
    assert!(stage.folder.path().join("own.gguf").exists(), "the user's own file is not ours to delete");
}

#[tokio::test]
async fn an_unused_model_gives_its_memory_back_but_quick_stays() {
    let stage = Stage::with(|settings| settings.unload_after = Some(Duration::from_secs(600)));
    stage.load("quick").await;
    stage.load("smart").await;
    for _ in 0..12 {
        stage.clock.advance(Duration::from_secs(60));
        tokio::task::yield_now().await;
    }
    stage.until("smart", ModelPhase::Idle).await;
    assert_eq!(stage.phase("quick"), ModelPhase::Ready);
}

#[tokio::test]
async fn a_slow_reader_loses_the_middle_and_never_the_newest_state() {
    let stage = Stage::new();
    let mut slow = stage.models.subscribe();
    stage.load("tiny").await;
    stage.load("smart").await;
    let (first, second) = (slow.next().await, slow.next().await);
    assert_eq!(
        [&first, &second].map(|status| (status.info.id.as_str(), status.phase)),
        [("tiny", ModelPhase::Ready), ("middle", ModelPhase::Ready)]
    );
    let nothing_more = tokio::time::timeout(Duration::from_millis(20), slow.next()).await;
    assert!(nothing_more.is_err());
}

#[tokio::test]
async fn at_shutdown_every_task_ends() {
    let stage = Stage::new();
    stage.load("tiny").await;
    stage.script.next(Outcome::WaitsForLeave);
    stage.models.load("smart").unwrap();
    stage.until("smart", ModelPhase::WarmingUp).await;
    stage.token.cancel(CancelReason::Shutdown);
    let ended = tokio::time::timeout(Duration::from_secs(5), stage.token.join()).await;
    assert!(ended.is_ok(), "still running: {:?}", stage.token.running());
}

#[tokio::test]
async fn an_unknown_model_is_named_with_what_was_probably_meant() {
    let stage = Stage::new();
    let error = stage.models.load("tinny").unwrap_err();
    assert_eq!((error.code(), error.suggestion()), (Code::NOT_FOUND, "Did you mean tiny?"));
}
