//! The token tree: reasons, waiting, tasks, memory; and against a simple model.

use proptest::prelude::*;
use std::{sync::Arc, time::Duration};
use steadfast::{CancelReason, CancelToken, Clock, Code, Events, testing::EventLog};

#[test]
fn a_reason_travels_down_and_never_up() {
    let root = CancelToken::root("root");
    let (left, right) = (root.child("left"), root.child("right"));
    let leaf = left.child("leaf");
    assert!(left.cancel(CancelReason::UserStop));
    assert_eq!(leaf.reason(), Some(CancelReason::UserStop));
    assert!(!root.is_cancelled() && !right.is_cancelled());
}

#[test]
fn a_child_of_a_cancelled_token_is_born_cancelled() {
    let root = CancelToken::root("root");
    root.cancel(CancelReason::Shutdown);
    assert_eq!(root.child("late").reason(), Some(CancelReason::Shutdown));
}

#[test]
fn dropping_a_token_cancels_nothing_and_breaks_no_link() {
    let root = CancelToken::root("root");
    let leaf = root.child("middle").child("leaf");
    assert!(!leaf.is_cancelled());
    root.cancel(CancelReason::Superseded);
    assert_eq!(leaf.reason(), Some(CancelReason::Superseded));
}

#[test]
fn check_is_an_error_that_knows_the_reason() {
    let root = CancelToken::root("root");
    root.check().unwrap();
    root.cancel(CancelReason::ClientGone);
    let error = root.check().unwrap_err();
    assert_eq!((error.code(), error.cancel_reason()), (Code::CANCELLED, Some(CancelReason::ClientGone)));
}

#[test]
fn a_chain_longer_than_the_stack_is_cancelled_and_dropped() {
    let root = CancelToken::root("root");
    let leaf = (0..200_000).fold(root.clone(), |token, _| token.child("link"));
    root.cancel(CancelReason::Shutdown);
    assert!(leaf.is_cancelled());
}

#[tokio::test]
async fn waiting_ends_with_the_reason() {
    let root = CancelToken::root("root");
    let waiter = root.child("call");
    let task = root.spawn("wait", async move { waiter.cancelled().await });
    tokio::task::yield_now().await;
    root.cancel(CancelReason::ModelSwitch);
    assert_eq!(task.await.unwrap(), CancelReason::ModelSwitch);
}

#[tokio::test]
async fn run_prefers_cancellation_to_a_finished_future() {
    let root = CancelToken::root("root");
    assert_eq!(root.run(async { 7 }).await, Ok(7));
    root.cancel(CancelReason::UserStop);
    assert_eq!(root.run(async { 7 }).await, Err(CancelReason::UserStop));
}

#[tokio::test]
async fn run_drops_the_future_when_it_is_cancelled() {
    let root = CancelToken::root("root");
    let held = Arc::new(());
    let inside = Arc::clone(&held);
    let run = root.run(async move {
        std::future::pending::<()>().await;
        drop(inside);
    });
    root.cancel(CancelReason::UserStop);
    assert_eq!(run.await, Err(CancelReason::UserStop));
    assert_eq!(Arc::strong_count(&held), 1);
}

#[tokio::test]
async fn a_waiter_that_moves_to_another_task_is_still_woken() {
    let root = CancelToken::root("root");
    let mut cancelled = Box::pin(root.cancelled());
    // Polled once here, so that this task's waker is the one in the list.
    tokio::select! { biased; _ = &mut cancelled => panic!("nobody cancelled"), () = std::future::ready(()) => {} }
    let task = root.spawn("wait", cancelled);
    tokio::task::yield_now().await;
    root.cancel(CancelReason::UserStop);
    assert_eq!(task.await.unwrap(), CancelReason::UserStop);
}

#[tokio::test]
async fn join_waits_for_every_task_below_also_when_its_token_and_its_handle_are_gone() {
    let root = CancelToken::root("root");
    let (finish, finished) = tokio::sync::oneshot::channel::<()>();
    let _detached = root.child("call").child("attempt").spawn("pump", finished);
    assert_eq!(root.running(), ["attempt/pump"]);
    let join = root.join();
    tokio::pin!(join);
    tokio::select! { biased; () = &mut join => panic!("the task still runs"), () = tokio::task::yield_now() => {} }
    finish.send(()).unwrap();
    join.await;
    assert!(root.running().is_empty());
}

#[tokio::test]
async fn a_cancelled_task_may_tidy_up_and_join_waits_for_that() {
    let root = CancelToken::root("root");
    let tidied = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (token, done) = (root.clone(), Arc::clone(&tidied));
    let _detached = root.spawn("careful", async move {
        token.cancelled().await;
        tokio::task::yield_now().await;
        done.store(true, std::sync::atomic::Ordering::SeqCst);
    });
    root.cancel(CancelReason::Shutdown);
    root.join().await;
    assert!(tidied.load(std::sync::atomic::Ordering::SeqCst));
}

#[tokio::test]
async fn a_panic_becomes_an_error_and_an_event_and_join_still_returns() {
    let log = Arc::new(EventLog::new(&Clock::manual()));
    let root = CancelToken::root("root").with_events(Events::to(Arc::clone(&log)));
    let error = root.spawn("clumsy", async { panic!("slipped on {}", 7) }).await.map(|(): ()| ()).unwrap_err();
    assert_eq!((error.code(), error.operation()), (Code::INTERNAL, Some("clumsy")));
    let blocking = root.spawn_blocking("heavy", || -> u8 { panic!("fell") }).await;
    assert_eq!(blocking.unwrap_err().details(), [("cause", "fell".to_owned())]);
    root.join().await;
    insta::assert_snapshot!(log, @r"
    0 ms  task clumsy: panicked: slipped on 7
    0 ms  task heavy: panicked: fell
    ");
}

#[test]
fn outside_a_runtime_a_task_fails_and_is_not_waited_for() {
    let root = CancelToken::root("root");
    let task = root.spawn("early", async {});
    assert!(task.is_finished() && root.running().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_blocking_task_is_waited_for() {
    let root = CancelToken::root("root");
    let (finish, finished) = std::sync::mpsc::channel::<u8>();
    let task = root.spawn_blocking("read", move || finished.recv_timeout(Duration::from_secs(30)));
    assert_eq!(root.running(), ["root/read"]);
    finish.send(3).unwrap();
    root.join().await;
    assert_eq!(task.await.unwrap(), Ok(3));
}

/// What a simple tree would do: every node knows its parent, and cancelling walks over all of them.
#[derive(Default)]
struct Model {
    nodes: Vec<(Option<usize>, Option<CancelReason>)>,
}

impl Model {
    fn add(&mut self, parent: Option<usize>) {
        let born = parent.and_then(|parent| self.nodes[parent].1);
        self.nodes.push((parent, born));
    }

    fn cancel(&mut self, node: usize, reason: CancelReason) -> bool {
        if self.nodes[node].1.is_some() {
            return false;
        }
        for index in node..self.nodes.len() {
            let below = index == node || self.is_below(index, node);
            self.nodes[index].1 = self.nodes[index].1.or(below.then_some(reason));
        }
        true
    }

    fn is_below(&self, node: usize, top: usize) -> bool {
        std::iter::successors(Some(node), |node| self.nodes[*node].0).any(|ancestor| ancestor == top)
    }
}

#[derive(Debug, Clone)]
enum Step {
    Child(usize),
    Cancel(usize, CancelReason),
    Drop(usize),
    Start(usize),
    End(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let reason = prop::sample::select(CancelReason::ALL.to_vec());
    prop_oneof![
        4 => any::<usize>().prop_map(Step::Child),
        1 => (any::<usize>(), reason).prop_map(|(node, reason)| Step::Cancel(node, reason)),
        1 => any::<usize>().prop_map(Step::Drop),
        1 => any::<usize>().prop_map(Step::Start),
        1 => any::<usize>().prop_map(Step::End),
    ]
}

proptest! {
    #[test]
    fn the_tree_behaves_like_a_simple_model(steps in prop::collection::vec(step(), 0..60)) {
        let mut model = Model::default();
        model.add(None);
        let mut tokens = vec![Some(CancelToken::root("root"))];
        let mut tasks = Vec::new();
        for step in steps {
            match step {
                Step::Child(at) => {
                    let at = at % tokens.len();
                    if let Some(child) = tokens[at].as_ref().map(|token| token.child("node")) {
                        model.add(Some(at));
                        tokens.push(Some(child));
                    }
                }
                Step::Cancel(at, reason) => {
                    let at = at % tokens.len();
                    if let Some(token) = &tokens[at] {
                        prop_assert_eq!(token.cancel(reason), model.cancel(at, reason));
                    }
                }
                // Never the root, so that there is always somebody to ask.
                Step::Drop(at) if at % tokens.len() > 0 => {
                    let at = at % tokens.len();
                    tokens[at] = None;
                }
                Step::Start(at) => {
                    let at = at % tokens.len();
                    tasks.extend(tokens[at].as_ref().map(|token| (at, token.track("task"))));
                }
                Step::End(at) if !tasks.is_empty() => {
                    drop(tasks.swap_remove(at % tasks.len()));
                }
                Step::Drop(_) | Step::End(_) => {}
            }
            for (index, token) in tokens.iter().enumerate() {
                let Some(token) = token else { continue };
                prop_assert_eq!(token.reason(), model.nodes[index].1);
                let below = tasks.iter().filter(|(at, _)| *at == index || model.is_below(*at, index)).count();
                prop_assert_eq!(token.running().len(), below);
            }
        }
    }
}
