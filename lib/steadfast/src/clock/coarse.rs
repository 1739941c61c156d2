//! The clock that the kernel writes down at every tick: reading it asks no hardware. It is the machine's exact clock
//! as of the last tick, but an `Instant` cannot be made from a number, so the two are compared once.

#[cfg(not(target_os = "linux"))]
pub(super) use super::real_now as now;
#[cfg(target_os = "linux")]
pub(super) use linux::now;

#[cfg(target_os = "linux")]
mod linux {
    use super::super::later;
    use rustix::time::{ClockId, clock_gettime};
    use std::{sync::OnceLock, time::Duration};
    use tokio::time::Instant;

    /// The same moment as tokio and as the kernel count it.
    static BEGAN: OnceLock<(Instant, Duration)> = OnceLock::new();

    pub(in super::super) fn now() -> Instant {
        let (began, zero) = *BEGAN.get_or_init(|| (machine(), read(ClockId::Monotonic)));
        let coarse = read(ClockId::MonotonicCoarse);
        match coarse.checked_sub(zero) {
            Some(since) => later(began, since),
            // Its last tick was before we began.
            None => began.checked_sub(zero.saturating_sub(coarse)).unwrap_or(began),
        }
    }

    /// Not tokio's time, which may stand still.
    #[expect(clippy::disallowed_methods, reason = "this is a source of time")]
    fn machine() -> Instant {
        Instant::from_std(std::time::Instant::now())
    }

    fn read(clock: ClockId) -> Duration {
        let time = clock_gettime(clock);
        let (secs, nanos) = (u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0));
        Duration::new(secs, nanos)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn it_follows_the_exact_clock_at_a_small_distance_and_never_goes_back() {
            let mut last = now();
            for _ in 0..100_000 {
                let (before, coarse, after) = (machine(), now(), machine());
                assert!(coarse >= last);
                last = coarse;
                let slack = Duration::from_millis(50);
                assert!(coarse <= after && coarse + slack >= before, "{before:?} {coarse:?} {after:?}");
            }
        }
    }
}
