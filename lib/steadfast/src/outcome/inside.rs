//! `Failed` as it travels through the places of a pipeline: one pointer. Each place hands its result on, and a large
//! result that is copied by each of them costs more than all the policies' work; a failure can afford the box.

use super::Failed;
use crate::{
    CancelReason, Code, GivenBack, Guidance,
    error::{Fault, Stop},
};

pub(crate) struct Inside<E>(Box<Failed<E>>);

impl<E> Inside<E> {
    /// The work's own error.
    pub(crate) fn of(error: E) -> Self {
        Self(Box::new(error.into()))
    }

    pub(crate) fn given_back<I>(GivenBack { error, input }: GivenBack<E, I>) -> GivenBack<Self, I> {
        GivenBack { error: Self::of(error), input }
    }

    pub(crate) fn out(self) -> Failed<E> {
        *self.0
    }
}

impl<E> Fault for Inside<E>
where
    Failed<E>: Fault,
{
    fn from_stop(stop: Stop, operation: &str) -> Self {
        Self(Box::new(Failed::from_stop(stop, operation)))
    }

    fn guidance(&self) -> Guidance {
        self.0.guidance()
    }

    fn code(&self) -> Code {
        self.0.code()
    }

    fn sentence(&self) -> String {
        self.0.sentence()
    }

    fn cancel_reason(&self) -> Option<CancelReason> {
        self.0.cancel_reason()
    }

    fn after_attempts(self, attempts: u32, _: &str) -> Self {
        Self(Box::new(self.out().after(attempts)))
    }
}
