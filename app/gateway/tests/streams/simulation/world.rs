//! One simulation: one to three upstreams, a gateway with its visitors, and whoever cuts the lines between them.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use fastrand::Rng;
use steadfast::Clock;
use steadfast_contract::{
    provider::{Continuation, Provider, Timers},
    stream_log::StreamState,
};
use steadfast_gateway::{Keep, StreamSettings};
use steadfast_providers::{ModelSettings, OpenAiCompatible, Timeouts, UpstreamSettings};
use turmoil::Sim;

use super::{
    network::Simulated,
    trace::Trace,
    upstream::{PORT, Upstream},
    visitor::{Visited, Visitor},
};
use crate::{
    speaker::voice,
    stage::{SECOND, Stage},
};

/// What happened, or why that must not happen.
pub(super) fn simulate(seed: u64) -> Result<Trace, String> {
    fastrand::seed(seed); // the retries' jitter comes from this thread's chance
    let mut chance = Rng::with_seed(seed);
    let last_fault = (seed % 2 == 1).then(|| Duration::from_secs(chance.u64(5..30)));
    let mut sim = turmoil::Builder::new()
        .rng_seed(seed)
        .tick_duration(Duration::from_millis(10))
        .simulation_duration(20 * 60 * SECOND)
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(40))
        .tcp_capacity(4_096)
        .build();
    let die = if chance.u8(0..4) == 0 { 9 } else { 20 }; // every fourth world is a bad one
    let upstreams: Vec<_> = (0..chance.usize(1..4))
        .map(|number| Upstream::new(format!("up{number}"), chance.u64(..), die, last_fault))
        .collect();
    for upstream in &upstreams {
        let host = upstream.clone();
        sim.host(upstream.name.as_str(), move || host.clone().serve());
    }
    let trace = Arc::new(Mutex::new(Trace::default()));
    let outcome = Arc::new(Mutex::new(None));
    let visits = visits(upstreams.clone(), Rng::with_seed(chance.u64(..)), last_fault, Arc::clone(&trace));
    let kept = Arc::clone(&outcome);
    sim.client("gateway", async move {
        let verdict = visits.await;
        kept.lock().unwrap().replace(verdict);
        Ok(())
    });
    let faults = Faults { chance, upstreams: upstreams.clone(), last_fault, trace: Arc::clone(&trace) };
    faults.run(&mut sim).map_err(|error| format!("the simulation stopped: {error}"))?;
    drop(sim);
    let verdict = outcome.lock().unwrap().take();
    verdict.unwrap_or_else(|| Err("the visitors never came home".to_owned()))?;
    let mut trace = std::mem::take(&mut *trace.lock().unwrap());
    for manner in upstreams.iter().flat_map(Upstream::manners) {
        trace.saw(format!("upstream: {manner:?}"));
        trace.lines.push(format!("{manner:?}"));
    }
    Ok(trace)
}

/// Everything that happens at the gateway.
async fn visits(
    upstreams: Vec<Upstream>,
    mut chance: Rng,
    last_fault: Option<Duration>,
    trace: Arc<Mutex<Trace>>,
) -> Result<(), String> {
    let providers = upstreams.iter().map(provider).collect();
    let settings = StreamSettings { events_max: chance.usize(4..60), ..StreamSettings::default() };
    let stage = Arc::new(Stage::over(settings, providers).await);
    let mut visitors = Vec::new();
    for _ in 0..chance.usize(2..7) {
        tokio::time::sleep(Duration::from_millis(chance.u64(0..4_000))).await;
        let keep = [Keep::WhileRead, Keep::Resumable(20 * SECOND), Keep::Background][chance.usize(..3)];
        let chance = Rng::with_seed(chance.u64(..));
        let visitor = Visitor { stage: Arc::clone(&stage), chance, keep, trace: Arc::clone(&trace) };
        visitors.push(stage.token.spawn("visitor", visitor.visit()));
    }
    if let Some(last_fault) = last_fault {
        Clock::real().sleep((last_fault + 60 * SECOND).saturating_sub(turmoil::elapsed())).await;
        if let Some(late) = stage.gateway.live_streams("ann").into_iter().find(|info| !info.state.is_end()) {
            return Err(format!("a minute after the last fault this has not ended: {late:?}"));
        }
    }
    for visitor in visitors {
        if let Some(visited) = visitor.await.map_err(|error| format!("a visitor fell: {error:?}"))? {
            check_the_text(&visited, &upstreams)?;
            let mut trace = trace.lock().unwrap();
            trace.saw(visited.state.as_str());
            trace.lines.push(format!("{} {:?} {:?}", visited.id, visited.state, visited.text));
        }
    }
    // The stopped and the left ones end too: nothing may hang on them.
    for info in stage.gateway.live_streams("ann") {
        stage.gateway.cancel_stream(&info.id, "ann").await.map_err(|error| error.to_string())?;
    }
    stage.checker.verdict().map_err(|broken| broken.to_string())?;
    stage.shut_down().await;
    Ok(())
}

/// An answer that is called whole is word for word what its upstream said, and never a part of it.
fn check_the_text(visited: &Visited, upstreams: &[Upstream]) -> Result<(), String> {
    let (StreamState::Completed, Some(text)) = (&visited.state, &visited.text) else { return Ok(()) };
    let voices: std::collections::BTreeSet<_> = text.split_inclusive(' ').filter_map(voice).collect();
    let mut voices = voices.into_iter();
    let (Some(only), None) = (voices.next(), voices.next()) else {
        return check_what_was_joined(visited, text, upstreams);
    };
    let truth = upstreams.iter().find_map(|upstream| upstream.whole(&only));
    if truth.as_ref() == Some(text) {
        return Ok(());
    }
    Err(format!("stream {} is called whole and is not: {text:?}, where {truth:?} was said", visited.id))
}

/// An answer that was joined is what the first said before it broke, and behind it word for word what the second said
/// that was given just that. (That it was told where, the checker has seen.)
fn check_what_was_joined(visited: &Visited, text: &str, upstreams: &[Upstream]) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("stream {} was joined, and {what}: {text:?}", visited.id));
    let mut words = text.split_inclusive(' ').filter_map(voice);
    let (Some(first), Some(last)) = (words.next(), words.next_back()) else { return wrong("nobody said it") };
    let of = |ask: fn(&Upstream, &str) -> Option<String>, voice: &str| {
        upstreams.iter().find_map(|upstream| ask(upstream, voice)).unwrap_or_default()
    };
    let (rest, given) = (of(Upstream::whole, &last), of(Upstream::given, &last));
    let Some(before) = text.strip_suffix(&rest).filter(|_| !rest.is_empty()) else {
        return wrong("does not end with what the second said");
    };
    if before.trim_end() != given {
        return wrong("the second was given something else");
    }
    if !of(Upstream::begun, &first).starts_with(before) {
        return wrong("does not begin with what the first said");
    }
    Ok(())
}

fn provider(upstream: &Upstream) -> Arc<dyn Provider> {
    let continuation = if upstream.goes_on { Continuation::Verified } else { Continuation::Unknown };
    let models = vec![ModelSettings { continuation, ..ModelSettings::named("big") }];
    let address = format!("http://{}:{PORT}/v1", upstream.name);
    let mut settings = UpstreamSettings::new(&upstream.name, address, models);
    let timers = Timers { first_token: 8 * SECOND, idle: 10 * SECOND, ..Timers::default() };
    settings.timeouts = Timeouts { connect: 3 * SECOND, timers, ..Timeouts::default() };
    Arc::new(OpenAiCompatible::with_connector(settings, Clock::real(), Arc::new(Simulated)).unwrap())
}

/// Cuts lines and crashes hosts while the simulation runs.
struct Faults {
    chance: Rng,
    upstreams: Vec<Upstream>,
    last_fault: Option<Duration>,
    trace: Arc<Mutex<Trace>>,
}

impl Faults {
    fn run(mut self, sim: &mut Sim<'_>) -> turmoil::Result {
        let mut next = self.pause(Duration::ZERO);
        let mut mending: Option<(Duration, usize, &'static str)> = None;
        loop {
            if sim.step()? {
                return Ok(());
            }
            let now = sim.elapsed();
            if let Some((at, victim, how)) = mending
                && now >= at
            {
                self.mend(sim, victim, how);
                mending = None;
                next = self.pause(now);
            }
            let is_over = self.last_fault.is_some_and(|last| now + 4 * SECOND >= last);
            if mending.is_none() && now >= next && !is_over {
                let victim = self.chance.usize(..self.upstreams.len());
                let how = ["line cut", "line held", "upstream crashed"][self.chance.usize(..3)];
                self.break_it(sim, victim, how);
                self.trace.lock().unwrap().saw(how);
                mending = Some((now + Duration::from_millis(self.chance.u64(200..4_000)), victim, how));
            }
        }
    }

    fn pause(&mut self, now: Duration) -> Duration {
        now + Duration::from_millis(self.chance.u64(500..9_000))
    }

    fn break_it(&self, sim: &mut Sim<'_>, victim: usize, how: &str) {
        let name = self.upstreams[victim].name.as_str();
        match how {
            "line cut" => sim.partition("gateway", name),
            "line held" => sim.hold("gateway", name),
            _ => sim.crash(name),
        }
    }

    fn mend(&self, sim: &mut Sim<'_>, victim: usize, how: &str) {
        let name = self.upstreams[victim].name.as_str();
        match how {
            "line cut" => sim.repair("gateway", name),
            "line held" => sim.release("gateway", name),
            _ => sim.bounce(name),
        }
    }
}
