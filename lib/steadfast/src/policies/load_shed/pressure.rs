//! How full something is, as one shared number. Who measures it, and how, is the program's affair.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// A gauge from 0 (idle) to 1 (full); clones are the same gauge.
///
/// ```
/// use steadfast::Pressure;
///
/// let memory = Pressure::new();
/// memory.set(0.4);
/// assert_eq!(memory.get(), 0.4);
/// memory.set(7.0); // outside: the nearest end
/// assert_eq!(memory.get(), 1.0);
/// ```
#[derive(Clone, Default)]
pub struct Pressure(Arc<AtomicU64>);

impl Pressure {
    /// A gauge at 0.
    ///
    /// ```
    /// use steadfast::Pressure;
    /// assert_eq!(Pressure::new().get(), 0.0); // idle: until somebody measures, nobody is refused
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// What was measured. Outside of 0 to 1 the nearest end; what is no number counts as 0, because a broken
    /// gauge must not close the house.
    ///
    /// ```
    /// use steadfast::Pressure;
    ///
    /// let memory = Pressure::new();
    /// memory.set(-0.5);
    /// assert_eq!(memory.get(), 0.0);
    /// memory.set(f64::INFINITY);
    /// assert_eq!(memory.get(), 1.0);
    /// memory.set(f64::NAN);
    /// assert_eq!(memory.get(), 0.0);
    /// ```
    pub fn set(&self, pressure: f64) {
        self.0.store(sane(pressure).to_bits(), Ordering::Relaxed);
    }

    /// The last measurement.
    ///
    /// ```
    /// use steadfast::Pressure;
    ///
    /// let memory = Pressure::new();
    /// let measured_elsewhere = memory.clone();
    /// measured_elsewhere.set(0.4);
    /// assert_eq!(memory.get(), 0.4); // the same gauge
    /// ```
    pub fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}

impl fmt::Debug for Pressure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pressure").field(&self.get()).finish()
    }
}

pub(super) fn sane(pressure: f64) -> f64 {
    if pressure.is_nan() { 0.0 } else { pressure.clamp(0.0, 1.0) }
}
