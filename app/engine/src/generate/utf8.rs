//! Joins the bytes of tokens to text. A character may be spread over several tokens: its bytes wait until it is whole.
//! When the answer ends in the middle of one, that beginning is never shown.

/// Feeds on bytes, gives whole characters; bytes that can never become one turn into U+FFFD.
#[derive(Debug, Default)]
pub(crate) struct Utf8Joiner {
    unfinished: Vec<u8>,
}

impl Utf8Joiner {
    pub(crate) fn push(&mut self, bytes: &[u8]) -> String {
        self.unfinished.extend_from_slice(bytes);
        let whole = whole_characters(&self.unfinished);
        let text = String::from_utf8_lossy(&self.unfinished[..whole]).into_owned();
        self.unfinished.drain(..whole);
        text
    }
}

/// How many bytes can be judged now: all but a possible beginning of a character at the very end.
fn whole_characters(bytes: &[u8]) -> usize {
    let Some(last) = bytes.utf8_chunks().last() else { return 0 };
    match std::str::from_utf8(last.invalid()) {
        Err(error) if error.error_len().is_none() => bytes.len() - last.invalid().len(),
        _ => bytes.len(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_character_cut_in_two_waits_for_its_second_half() {
        let mut joiner = Utf8Joiner::default();
        let heart = "♥".as_bytes();
        assert_eq!(joiner.push(&[b'a', heart[0]]), "a");
        assert_eq!(joiner.push(&heart[1..2]), "");
        assert_eq!(joiner.push(&[heart[2], b'b']), "♥b");
    }

    #[test]
    fn a_byte_that_fits_nowhere_becomes_a_mark_and_holds_nothing_up() {
        let mut joiner = Utf8Joiner::default();
        assert_eq!(joiner.push(&[0xff, b'a', 0xe2]), "\u{fffd}a");
        assert_eq!(joiner.push(b"z"), "\u{fffd}z");
        assert_eq!(joiner.push(&[0xf0, 0x9f]), "");
    }

    proptest! {
        #[test]
        fn text_comes_out_whole_however_it_was_cut(text in "\\PC{0,40}", sizes in prop::collection::vec(1usize..5, 1..40)) {
            let mut joiner = Utf8Joiner::default();
            let mut out = String::new();
            let mut rest = text.as_bytes();
            for size in sizes.iter().cycle() {
                if rest.is_empty() { break }
                let (now, later) = rest.split_at((*size).min(rest.len()));
                out.push_str(&joiner.push(now));
                rest = later;
            }
            prop_assert_eq!(out, text);
        }

        #[test]
        fn any_bytes_give_what_a_lossy_reading_of_all_would_give(bytes in prop::collection::vec(any::<u8>(), 0..60), at in 0usize..60) {
            let mut joiner = Utf8Joiner::default();
            let (first, second) = bytes.split_at(at.min(bytes.len()));
            let out = joiner.push(first) + &joiner.push(second);
            prop_assert!(String::from_utf8_lossy(&bytes).starts_with(&out));
            prop_assert!(joiner.unfinished.len() < 4);
        }
    }
}
