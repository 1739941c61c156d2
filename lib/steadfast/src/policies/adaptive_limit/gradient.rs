//! The arithmetic of Gradient2, from Netflix's concurrency-limits (`Gradient2Limit.java`, `ExpAvgMeasurement.java`).
//! The queue that it tolerates is the square root of the limit (`SquareRootFunction.java`, without its floor of 4,
//! so that a limit of 1 stays possible).

#[derive(Debug)]
pub(super) struct Gradient {
    limit: f64,
    /// The long average, in seconds.
    long: f64,
    samples: u32,
}

impl Gradient {
    pub(super) fn new(limit: u32) -> Self {
        Self { limit: f64::from(limit), long: 0.0, samples: 0 }
    }

    /// Somebody else moved the limit.
    pub(super) fn set(&mut self, limit: u32) {
        self.limit = f64::from(limit);
    }

    /// Takes in a latency in seconds, and gives the new limit.
    pub(super) fn sample(&mut self, latency: f64, in_flight: u32, min: u32, max: u32) -> u32 {
        let short = latency.max(SHORTEST);
        self.average(short);
        if self.long / short > 2.0 {
            // Back to normal after long trouble: the average forgets the trouble faster.
            self.long *= 0.95;
        }
        // A limit that is not in use says nothing about how far it could go.
        if f64::from(in_flight) >= self.limit / 2.0 {
            let gradient = (TOLERANCE * self.long / short).clamp(0.5, 1.0);
            let wanted = self.limit * gradient + self.limit.sqrt();
            let smoothed = self.limit * (1.0 - SMOOTHING) + wanted * SMOOTHING;
            self.limit = smoothed.clamp(f64::from(min), f64::from(max));
        }
        self.limit as u32
    }

    /// A plain mean at first, an exponential one later.
    fn average(&mut self, latency: f64) {
        if self.samples < WARM_UP {
            self.samples += 1;
            self.long += (latency - self.long) / f64::from(self.samples);
        } else {
            self.long += (latency - self.long) * 2.0 / (WINDOW + 1.0);
        }
    }
}

/// Latency may grow by half before the limit shrinks.
const TOLERANCE: f64 = 1.5;
const SMOOTHING: f64 = 0.2;
/// In samples.
const WINDOW: f64 = 600.0;
const WARM_UP: u32 = 10;
/// A nanosecond, so that nothing is divided by zero.
const SHORTEST: f64 = 1e-9;
