//! What every backend decides the same way: who conflicts with whom, and what may still be changed.
//! Pure: nothing here reads or writes.

use steadfast::Error;
use steadfast_contract::{
    conversation::StoredMessage,
    run::{RunEvent, RunSpec, RunState},
    store::NewMessage,
};

pub(crate) fn no_conversation(id: &str) -> Error {
    Error::not_found("conversation", id)
}

pub(crate) fn no_message(id: &str) -> Error {
    Error::not_found("message", id)
}

pub(crate) fn no_run(id: &str) -> Error {
    Error::not_found("run", id)
}

/// A message and its first run must speak of each other.
pub(crate) fn belong_together(message: &NewMessage, run: &RunSpec) -> Result<(), Error> {
    if run.message_id == message.id && run.conversation_id == message.conversation_id {
        Ok(())
    } else {
        Err(Error::validation("The run answers another message than the one it came with."))
    }
}

/// Sending a message again is harmless only while it is the same message.
pub(crate) fn same_message(stored: &StoredMessage, sent: &NewMessage) -> Result<(), Error> {
    if stored.conversation_id != sent.conversation_id {
        Err(Error::conflict("There is already a message with this id in another conversation."))
    } else if stored.text != sent.text {
        Err(Error::conflict("There is already a message with this id and another text."))
    } else {
        Ok(())
    }
}

/// Making a run again is harmless only while it answers the same message.
pub(crate) fn same_run(stored: &RunSpec, asked: &RunSpec) -> Result<(), Error> {
    if stored.message_id == asked.message_id {
        Ok(())
    } else {
        Err(Error::conflict("There is already a run with this id for another message."))
    }
}

/// A run of a stored message must name that message's conversation.
pub(crate) fn same_conversation(message: &StoredMessage, run: &RunSpec) -> Result<(), Error> {
    if message.conversation_id == run.conversation_id {
        Ok(())
    } else {
        Err(Error::validation("The run names another conversation than its message."))
    }
}

/// A message may be changed or taken away while none of its runs has begun.
pub(crate) fn not_begun(runs: impl IntoIterator<Item = RunState>) -> Result<(), Error> {
    match runs.into_iter().find(|state| !matches!(state, RunState::Queued | RunState::Withdrawn)) {
        None => Ok(()),
        Some(state) => {
            Err(Error::conflict("This message is already being answered, so it cannot be changed any more.")
                .with_detail("run_state", state.as_str()))
        }
    }
}

/// Splits `events` into those that must be stored already and those that are new, given the last stored number.
pub(crate) fn split_at_stored(stored: u64, events: &[RunEvent]) -> Result<(&[RunEvent], &[RunEvent]), Error> {
    let Some(first) = events.first() else { return Ok((events, events)) };
    let gapless = events.windows(2).all(|pair| pair[0].seq.checked_add(1) == Some(pair[1].seq));
    if !gapless || first.seq == 0 || first.seq > stored + 1 {
        return Err(out_of_order(stored));
    }
    let known = events.iter().take_while(|event| event.seq <= stored).count();
    Ok(events.split_at(known))
}

/// Another writer was here, or this one lost count.
pub(crate) fn out_of_order(stored: u64) -> Error {
    Error::conflict("The answer was changed by somebody else in the meantime.").with_detail("stored_seq", stored)
}

#[cfg(test)]
mod tests {
    use steadfast::Code;
    use steadfast_contract::run::RunChange;

    use super::*;

    fn events(numbers: &[u64]) -> Vec<RunEvent> {
        numbers.iter().map(|&seq| RunEvent { seq, at_ms: 1, what: RunChange::Withdrawn }).collect()
    }

    fn split(stored: u64, numbers: &[u64]) -> Result<(usize, usize), Code> {
        let events = events(numbers);
        split_at_stored(stored, &events).map(|(known, fresh)| (known.len(), fresh.len())).map_err(|error| error.code())
    }

    #[test]
    fn events_go_on_where_the_log_ends() {
        assert_eq!(split(0, &[1, 2, 3]), Ok((0, 3)));
        assert_eq!(split(2, &[1, 2, 3]), Ok((2, 1)));
        assert_eq!(split(3, &[1, 2, 3]), Ok((3, 0)));
        assert_eq!(split(9, &[4, 5]), Ok((2, 0)));
        assert_eq!(split(3, &[]), Ok((0, 0)));
    }

    #[test]
    fn a_gap_or_a_step_back_is_a_conflict() {
        for numbers in [&[2_u64][..], &[1, 3], &[1, 1], &[2, 1], &[0, 1], &[u64::MAX, 1]] {
            assert_eq!(split(0, numbers), Err(Code::CONFLICT), "{numbers:?}");
        }
    }

    #[test]
    fn only_a_message_that_nobody_began_to_answer_may_change() {
        use RunState::{Connecting, Done, Queued, Withdrawn};
        assert!(not_begun([]).is_ok());
        assert!(not_begun([Queued, Withdrawn]).is_ok());
        assert!(not_begun([Withdrawn, Connecting]).is_err());
        assert!(not_begun([Done, Queued]).is_err());
    }
}
