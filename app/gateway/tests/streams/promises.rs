//! The laws under random scripts: upstreams that refuse, stall, break and cut, readers that leave, come back to any
//! place, read slowly or stop the answer, and logs so small that they are cut all the time.

use std::{sync::Arc, time::Duration};

use proptest::prelude::*;
use steadfast::Code;
use steadfast_contract::{chunk::FinishReason, provider::Provider};
use steadfast_gateway::{Keep, ReadFrom, StreamSettings};
use tokio::time::timeout;

use crate::{
    client::Client,
    speaker::{Act, Speaker, Step},
    stage::{SECOND, Stage},
};

#[derive(Debug, Clone)]
struct Script {
    first: Vec<Act>,
    second: Vec<Act>,
    keep: Keep,
    events_max: usize,
    bytes_max: usize,
    moves: Vec<Move>,
}

#[derive(Debug, Clone, Copy)]
enum Move {
    Read {
        who: usize,
        items: usize,
    },
    Leave {
        who: usize,
    },
    /// Back to a share of the way, in 1/8; beyond it is a place that is not there.
    Come {
        at: u64,
    },
    ComeForASnapshot,
    Wait(Duration),
    Stop,
    Stranger,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1_u8..12).prop_map(Step::Words),
        4 => (1_u64..9_000).prop_map(|ms| Step::Pause(Duration::from_millis(ms))),
        1 => Just(Step::Call),
    ]
}

fn end() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => Just(Step::Finish(FinishReason::Stop)),
        1 => Just(Step::Finish(FinishReason::Length)),
        1 => Just(Step::Finish(FinishReason::ToolCalls)),
        2 => Just(Step::Cut),
        2 => Just(Step::Break),
        1 => Just(Step::Stall),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        1 => Just(Act::Refuse),
        5 => (prop::collection::vec(step(), 0..8), end()).prop_map(|(mut steps, end)| {
            steps.push(end);
            Act::Play(steps)
        }),
    ]
}

fn a_move() -> impl Strategy<Value = Move> {
    prop_oneof![
        6 => (0_usize..4, 1_usize..12).prop_map(|(who, items)| Move::Read { who, items }),
        2 => (0_usize..4).prop_map(|who| Move::Leave { who }),
        3 => (0_u64..10).prop_map(|at| Move::Come { at }),
        1 => Just(Move::ComeForASnapshot),
        3 => (1_u64..12_000).prop_map(|ms| Move::Wait(Duration::from_millis(ms))),
        1 => Just(Move::Stop),
        1 => Just(Move::Stranger),
    ]
}

fn script() -> impl Strategy<Value = Script> {
    let keep = prop_oneof![Just(Keep::WhileRead), Just(Keep::Resumable(10 * SECOND)), Just(Keep::Background)];
    let acts = || prop::collection::vec(act(), 0..3);
    let bounds = (1_usize..40, 300_usize..6_000);
    (acts(), acts(), keep, bounds, prop::collection::vec(a_move(), 0..24)).prop_map(
        |(first, second, keep, (events_max, bytes_max), moves)| Script {
            first,
            second,
            keep,
            events_max,
            bytes_max,
            moves,
        },
    )
}

/// Plays the script to its end. Panics with the story when a law was broken.
async fn play(script: Script) {
    let settings =
        StreamSettings { events_max: script.events_max, bytes_max: script.bytes_max, ..StreamSettings::default() };
    let (first, second) = (Speaker::new("a", script.first), Speaker::new("b", script.second));
    let providers = vec![Arc::clone(&first) as Arc<dyn Provider>, Arc::clone(&second) as Arc<dyn Provider>];
    let stage = Stage::over(settings, providers).await;
    let handle = stage.start("ann", script.keep).unwrap();
    let id = handle.id().to_owned();
    let own = Client::over(&stage.gateway, &stage.checker, "ann", handle.into_reader(), ReadFrom::Start);
    let mut clients = vec![Some(own)];
    for a_move in script.moves {
        make(&stage, &id, &mut clients, a_move).await;
    }
    for mut client in clients.into_iter().flatten() {
        timeout(LONGEST, client.rest()).await.expect("a stream without an end");
    }
    // Whoever is left reads it once more from the start, when everything is over.
    timeout(LONGEST, stage.gateway.cancel_stream(&id, "ann")).await.expect("a stop without an end").ok();
    if let Ok(mut last) = Client::attach(&stage.gateway, &stage.checker, (&id, "ann"), ReadFrom::Start) {
        timeout(LONGEST, last.rest()).await.expect("a stream without an end");
    }
    stage.check();
    stage.shut_down().await;
    assert_eq!((first.open(), second.open()), (0, 0), "an upstream was left open");
}

async fn make(stage: &Stage, id: &str, clients: &mut Vec<Option<Client>>, a_move: Move) {
    match a_move {
        Move::Read { who, items } => {
            if let Some(Some(client)) = clients.get_mut(who) {
                for _ in 0..items {
                    if !matches!(timeout(SECOND, client.next()).await, Ok(Some(_))) {
                        break;
                    }
                }
            }
        }
        Move::Leave { who } => {
            if let Some(client) = clients.get_mut(who) {
                *client = None;
            }
        }
        Move::Come { at } => {
            let newest = stage.gateway.live_streams("ann").first().map_or(0, |info| info.seq);
            let after = newest * at / 8;
            match Client::attach(&stage.gateway, &stage.checker, (id, "ann"), ReadFrom::After(after)) {
                Ok(client) => clients.push(Some(client)),
                Err(error) => {
                    let known = [Code::VALIDATION, Code::RATE_LIMITED, Code::NOT_FOUND];
                    assert!(known.contains(&error.code()), "{error}");
                }
            }
        }
        Move::ComeForASnapshot => {
            clients
                .extend(Client::attach(&stage.gateway, &stage.checker, (id, "ann"), ReadFrom::Snapshot).ok().map(Some));
        }
        Move::Wait(time) => tokio::time::sleep(time).await,
        Move::Stop => {
            if let Ok(state) = stage.gateway.cancel_stream(id, "ann").await {
                stage.checker.ended(id, &state);
            }
        }
        Move::Stranger => {
            if let Ok(client) = Client::attach(&stage.gateway, &stage.checker, (id, "bob"), ReadFrom::Start) {
                clients.push(Some(client)); // the checker has heard of it
            }
            assert!(stage.gateway.cancel_stream(id, "bob").await.is_err());
            assert!(stage.gateway.live_streams("bob").is_empty());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_script_breaks_a_law(script in script()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(play(script));
    }
}

/// More than a question may take.
const LONGEST: Duration = Duration::from_secs(40 * 60);
