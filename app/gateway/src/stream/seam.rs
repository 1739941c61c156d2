//! Joining a text and its continuation by another model, so that nothing is said twice and nothing is glued together.
//! Pure. What was delivered is never changed; only the continuation is.
//!
//! The model was given the text without the white space at its end (some refuse it), so white space at the seam is
//! matched; a continuation that begins the whole answer anew is recognised and refused; one that repeats the last
//! words loses the repetition. To see that, the first characters are held back (`on probation`).

/// The place where a continuation joins.
#[derive(Debug)]
pub(super) struct Joint {
    /// Delivered, without its last white space: what the model was given.
    given: String,
    /// The white space that was delivered behind it.
    tail: String,
    held: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Judged {
    /// Too little to tell.
    OnProbation,
    /// The continuation as it joins; all further text follows as it is.
    Joins(String),
    /// It does not go on but begins anew.
    BeginsAnew,
}

impl Joint {
    pub(super) fn after(delivered: &str) -> Self {
        let given = delivered.trim_end();
        Self { given: given.to_owned(), tail: delivered[given.len()..].to_owned(), held: String::new() }
    }

    /// What the model is to go on from.
    pub(super) fn given(&self) -> &str {
        &self.given
    }

    pub(super) fn push(&mut self, text: &str) -> Judged {
        self.held.push_str(text);
        let held = self.held.chars().count();
        if held < PROBATION || held <= OVERLAP_MAX && (self.may_still_repeat() || !self.says_something_new()) {
            return Judged::OnProbation;
        }
        self.judge()
    }

    /// Whether more is held than a repetition and white space. Only a word after them tells which space belongs.
    pub(super) fn says_something_new(&self) -> bool {
        !self.fresh().trim().is_empty()
    }

    /// Judges what there is: the continuation has ended, or people have waited long enough.
    pub(super) fn judge(&mut self) -> Judged {
        if self.begins_anew() {
            return Judged::BeginsAnew;
        }
        let fresh = self.fresh().to_owned();
        self.held.clear();
        Judged::Joins(fresh)
    }

    fn fresh(&self) -> &str {
        self.without_double_space(&self.held[self.repeated(&self.held)..])
    }

    pub(super) fn holds_text(&self) -> bool {
        !self.held.is_empty()
    }

    fn begins_anew(&self) -> bool {
        let held = self.held.trim_start();
        let same = self.given.trim_start().chars().zip(held.chars()).take_while(|(one, other)| one == other).count();
        // A text that is about as short as what it repeats can be told by neither rule; overlap has the word then.
        same >= ECHO_MIN && !self.given.ends_with(held.trim_end())
    }

    /// How many bytes of `held` repeat the end of what was given: the longest repetition, if it is long enough to be
    /// no chance.
    fn repeated(&self, held: &str) -> usize {
        if (GIVEN_MIN..ECHO_MIN).contains(&self.given.chars().count()) && held.starts_with(&self.given) {
            return self.given.len(); // too short to refuse: dropped, what follows is the new answer word for word
        }
        let ends = held.char_indices().map(|(start, character)| start + character.len_utf8());
        let long_enough = ends.skip(OVERLAP_MIN - 1).take(OVERLAP_MAX + 1 - OVERLAP_MIN);
        long_enough.filter(|end| self.given.ends_with(&held[..*end])).last().unwrap_or_default()
    }

    /// Whether all that is held may be the beginning of a repetition, or is one: then the white space behind it is
    /// still to come, and must not be doubled.
    fn may_still_repeat(&self) -> bool {
        let starts = self.given.char_indices().rev().take(OVERLAP_MAX);
        starts.into_iter().any(|(start, _)| {
            let end = &self.given[start..];
            end.starts_with(&self.held)
        })
    }

    /// The white space that was delivered stands for the one that the continuation begins with.
    fn without_double_space<'a>(&self, text: &'a str) -> &'a str {
        let space = text.len() - text.trim_start().len();
        let same: usize = self
            .tail
            .chars()
            .zip(text[..space].chars())
            .take_while(|(one, other)| one == other)
            .map(|(one, _)| one.len_utf8())
            .sum();
        match (self.tail.is_empty(), same) {
            (true, _) => text,
            (false, 0) => &text[space..],
            (false, same) => &text[same..],
        }
    }
}

/// Enough to tell a continuation from a new beginning, and less than a second of text.
const PROBATION: usize = 64;

/// Two answers that agree in their first 24 characters are the same answer.
const ECHO_MIN: usize = 24;

/// "1" may well be followed by "10".
const GIVEN_MIN: usize = 4;

/// Shorter repetitions are how people write.
const OVERLAP_MIN: usize = 16;

const OVERLAP_MAX: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;

    const POEM: &str = "The tide comes in, the tide goes out, and nobody on the pier has ever asked it why";

    fn joined(delivered: &str, continuation: &str) -> Judged {
        let mut joint = Joint::after(delivered);
        match joint.push(continuation) {
            Judged::OnProbation => joint.judge(),
            judged => judged,
        }
    }

    fn joins(text: &str) -> Judged {
        Judged::Joins(text.into())
    }

    #[test]
    fn what_follows_joins_as_it_is() {
        assert_eq!(joined(POEM, " or when."), joins(" or when."));
        assert_eq!(joined("```rust\nlet wave = ", "\"ü\";\n```"), joins("\"ü\";\n```"));
        assert_eq!(joined(POEM, ""), joins(""));
    }

    #[test]
    fn a_continuation_that_begins_anew_is_refused() {
        assert_eq!(joined(POEM, &format!("{POEM} or when. It simply goes, and comes again.")), Judged::BeginsAnew);
        assert_eq!(joined(POEM, "The tide comes in, the tide turns"), Judged::BeginsAnew);
        assert_eq!(joined(POEM, "The tide comes back"), joins("The tide comes back"), "too short to be sure");
    }

    #[test]
    fn repeated_last_words_are_said_once() {
        assert_eq!(joined(POEM, "has ever asked it why or when."), joins(" or when."));
        assert_eq!(joined(POEM, "asked it why or when."), joins("asked it why or when."), "12 may be chance");
    }

    #[test]
    fn sixteen_characters_are_a_repetition_and_fifteen_are_not() {
        assert_eq!(joined(POEM, "ver asked it why or when."), joins(" or when."));
        assert_eq!(joined(POEM, "er asked it why or when."), joins("er asked it why or when."));
    }

    #[test]
    fn a_new_beginning_of_a_few_words_is_taken_as_a_repetition() {
        assert_eq!(joined("The tide ", "The tide comes in."), joins("comes in."));
        assert_eq!(joined("1", "10"), joins("10"));
    }

    #[test]
    fn a_long_repetition_is_waited_for_and_dropped() {
        let delivered = format!("{POEM}; {}", "and so on it went ".repeat(9)).trim_end().to_owned();
        let again = &delivered[delivered.len() - 150..];
        let mut joint = Joint::after(&delivered);
        assert_eq!(joint.push(&again[..100]), Judged::OnProbation);
        assert_eq!(joint.push(&format!("{}, until it stopped.", &again[100..])), joins(", until it stopped."));
    }

    #[test]
    fn white_space_at_the_seam_is_neither_doubled_nor_lost() {
        let rows = [
            ("one ", " two", "two"),
            ("one ", "two", "two"),
            ("one", " two", " two"),
            ("one\n", "\n\ntwo", "\ntwo"),
            ("one\n", " two", "two"),
            ("one\n\n", "two", "two"),
        ];
        for (delivered, continuation, fresh) in rows {
            assert_eq!(joined(delivered, continuation), joins(fresh), "{delivered:?} + {continuation:?}");
        }
    }

    #[test]
    fn a_repetition_that_ends_with_its_piece_does_not_double_the_space_behind_it() {
        let delivered = format!("{POEM} ");
        let mut joint = Joint::after(&delivered);
        assert_eq!(joint.push(&POEM[POEM.len() - 70..]), Judged::OnProbation);
        assert_eq!(joint.push(" or when."), joins("or when."));
    }

    #[test]
    fn the_first_characters_are_held_and_the_rest_is_not() {
        let mut joint = Joint::after(POEM);
        assert_eq!(joint.push(&"x".repeat(63)), Judged::OnProbation);
        assert_eq!(joint.push("y"), joins(&format!("{}y", "x".repeat(63))));
    }

    #[test]
    fn the_model_is_given_the_text_without_its_last_white_space() {
        assert_eq!(Joint::after("one \n").given(), "one");
    }
}
