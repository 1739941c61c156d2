//! What is done to a stream between the provider and whoever reads it.
//!
//! On one attempt: `watched` ends it when a limit is passed or its end marker is missing, `whole_calls` holds a tool
//! call back until it is whole, `commit_point` waits for the first content. On the answer: `recovery` goes on
//! elsewhere when an attempt breaks, as far as `ladder` allows and `seam` can join, and `record` knows what was said.

mod commit_point;
mod ladder;
mod limits;
mod record;
mod recovery;
mod seam;
mod watched;
mod whole_calls;

pub(crate) use self::{
    commit_point::first_content, limits::Limits, recovery::recovering, watched::watched, whole_calls::whole_calls,
};
