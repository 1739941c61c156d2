//! One line from 0 to 100 over all steps of a load. It never falls, and it reaches 100 only when the model is ready.

use std::ops::Range;

use steadfast_contract::model::{ModelPhase, Progress};

use crate::download::News;

/// Which share of the line each step has. A download dwarfs everything else; without one, loading does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    WithDownload,
    OnDisk,
}

impl Plan {
    fn share(self, phase: ModelPhase) -> Range<f32> {
        match (self, phase) {
            (_, ModelPhase::Ready) => 100.0..100.0,
            (Self::WithDownload, ModelPhase::Downloading) => 0.0..85.0,
            (Self::WithDownload, ModelPhase::Verifying) => 85.0..90.0,
            (Self::WithDownload, ModelPhase::Loading) => 90.0..97.0,
            (Self::WithDownload, ModelPhase::WarmingUp) => 97.0..99.0,
            (Self::OnDisk, ModelPhase::Verifying) => 0.0..30.0,
            (Self::OnDisk, ModelPhase::Loading) => 30.0..90.0,
            (Self::OnDisk, ModelPhase::WarmingUp) => 90.0..99.0,
            (_, _) => 0.0..0.0,
        }
    }
}

pub(super) fn at_the_beginning(phase: ModelPhase) -> Progress {
    Progress {
        percent: 0.0,
        step: step(phase).to_owned(),
        bytes_done: None,
        bytes_total: None,
        bytes_per_second: None,
        seconds_left: None,
        attempt: 1,
        attempts: 1,
        source: None,
    }
}

/// A new step: its label, and no numbers of the last one.
pub(super) fn enter(progress: &mut Progress, plan: Plan, phase: ModelPhase) {
    step(phase).clone_into(&mut progress.step);
    (progress.bytes_done, progress.bytes_total) = (None, None);
    (progress.bytes_per_second, progress.seconds_left) = (None, None);
    advance(progress, plan, phase, 0.0);
}

/// `fraction` of the step is done.
pub(super) fn advance(progress: &mut Progress, plan: Plan, phase: ModelPhase, fraction: f32) {
    let share = plan.share(phase);
    let percent = share.start + (share.end - share.start) * fraction.clamp(0.0, 1.0);
    progress.percent = progress.percent.max(percent);
}

/// Writes the numbers of a download's news onto the line.
pub(super) fn note_news(progress: &mut Progress, plan: Plan, news: &News) {
    match news {
        News::Source(label) => {
            progress.source = Some((*label).to_owned());
            (progress.attempt, progress.attempts) = (1, 1);
        }
        News::Attempt(attempt) => (progress.attempt, progress.attempts) = (attempt.number, attempt.of),
        News::Downloading(reading) => {
            (progress.bytes_done, progress.bytes_total) = (Some(reading.done), Some(reading.total));
            (progress.bytes_per_second, progress.seconds_left) = (reading.bytes_per_second, reading.seconds_left);
            advance(progress, plan, ModelPhase::Downloading, fraction(reading.done, reading.total));
        }
        News::Verifying { done, total } => {
            (progress.bytes_done, progress.bytes_total) = (Some(*done), Some(*total));
            advance(progress, plan, ModelPhase::Verifying, fraction(*done, *total));
        }
        News::Note(_) => {}
    }
}

fn fraction(done: u64, total: u64) -> f32 {
    if total == 0 { 0.0 } else { (done as f64 / total as f64) as f32 }
}

fn step(phase: ModelPhase) -> &'static str {
    match phase {
        ModelPhase::Idle => "Idle",
        ModelPhase::Downloading => "Downloading",
        ModelPhase::Verifying => "Verifying",
        ModelPhase::Loading => "Loading",
        ModelPhase::WarmingUp => "Warming up",
        ModelPhase::Ready => "Ready",
        ModelPhase::Failed => "Failed",
        ModelPhase::Unloading => "Unloading",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::download::Reading;

    #[test]
    fn the_line_never_falls_and_ends_at_99_until_the_model_is_ready() {
        let mut progress = at_the_beginning(ModelPhase::Downloading);
        let plan = Plan::WithDownload;
        let mut seen = Vec::new();
        let downloading =
            |done| News::Downloading(Reading { done, total: 100, bytes_per_second: None, seconds_left: None });
        // The file was wrong at first: verifying and downloading come twice.
        for news in [
            downloading(50),
            downloading(100),
            News::Verifying { done: 100, total: 100 },
            downloading(10),
            downloading(100),
        ] {
            note_news(&mut progress, plan, &news);
            seen.push(progress.percent);
        }
        for phase in [ModelPhase::Loading, ModelPhase::WarmingUp] {
            enter(&mut progress, plan, phase);
            advance(&mut progress, plan, phase, 1.0);
            seen.push(progress.percent);
        }
        assert_eq!(seen, [42.5, 85.0, 90.0, 90.0, 90.0, 97.0, 99.0]);
        enter(&mut progress, plan, ModelPhase::Ready);
        assert_eq!((progress.percent, progress.step.as_str()), (100.0, "Ready"));
    }
}
