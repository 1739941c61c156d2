//! One suite of sentences that every backend must keep. A new backend is one line in `suite!`.
//!
//! The sentences live beside this file, by subject.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "everything here is a test")]

mod conversations;
mod logs;
mod messages;
mod random;
mod stage;
mod streams;

/// Runs each sentence once on each backend.
macro_rules! suite {
    ($($subject:ident { $($sentence:ident)* })*) => {
        mod memory { $($(
            #[tokio::test]
            async fn $sentence() { crate::$subject::$sentence(crate::stage::Stage::memory().await).await }
        )*)* }
        mod sqlite { $($(
            #[tokio::test]
            async fn $sentence() { crate::$subject::$sentence(crate::stage::Stage::sqlite().await).await }
        )*)* }
    };
}

suite! {
    conversations {
        a_conversation_that_is_made_twice_is_one
        the_list_has_the_newest_first
        a_rename_is_seen_and_counted
        a_deleted_conversation_is_gone_until_it_is_restored
        deleting_twice_is_harmless
        purging_removes_only_what_was_deleted_before
        every_change_raises_the_revision_and_a_repetition_does_not
        the_time_of_a_change_never_goes_back
        what_does_not_exist_is_not_found
        a_cancelled_call_changes_nothing
        the_activity_is_the_state_of_the_newest_run
    }
    messages {
        a_message_and_its_run_are_stored_together
        a_message_sent_twice_is_one_message_and_one_run
        an_id_that_is_taken_by_another_text_is_a_conflict
        an_id_that_is_taken_in_another_conversation_is_a_conflict
        a_run_id_that_is_taken_leaves_no_message_behind
        a_message_with_a_foreign_run_is_refused
        ordinals_count_from_one_and_close_up
        a_message_can_be_edited_until_its_run_begins
        a_message_can_be_removed_until_its_run_begins
        a_withdrawn_run_does_not_hold_its_message
        text_comes_back_byte_for_byte
        four_megabytes_come_back
        many_senders_at_once_lose_nothing
    }
    streams {
        starts_are_counted
        a_kept_stream_comes_back_as_it_was
        an_older_version_never_replaces_a_newer_one
        an_answer_that_ended_long_ago_loses_its_text_and_then_its_row
        beyond_the_bytes_the_oldest_answers_lose_their_text
        an_answer_that_is_being_written_is_never_let_go
    }
    logs {
        a_log_is_folded_into_the_run
        a_gap_in_the_log_is_a_conflict
        events_sent_again_are_skipped
        other_events_under_a_stored_number_are_a_conflict
        a_batch_that_overlaps_adds_only_its_new_part
        the_log_is_read_in_pages
        open_runs_are_those_that_have_not_ended_in_their_order
        a_run_made_twice_is_one_run
        a_run_of_a_deleted_conversation_can_still_end
        versions_of_an_answer_are_listed_oldest_first
        numbers_in_events_come_back_exactly
    }
}
