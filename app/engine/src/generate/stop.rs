//! Stop strings, also when one is spread over several chunks: text that may be the beginning of one is held back.

use steadfast::Error;

/// Reads the answer as it grows and finds the first stop string in it.
#[derive(Debug, Default)]
pub(crate) struct StopScanner {
    stops: Vec<String>,
    held: String,
}

/// What may be shown now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Scan {
    /// Go on; this much is surely no part of a stop string.
    Pass(String),
    /// A stop string was met; this much stood before it and was not shown yet.
    Met(String),
}

impl StopScanner {
    pub(crate) fn new(stops: &[String]) -> Result<Self, Error> {
        if stops.len() > MOST_STOPS {
            return Err(Error::validation(format!(
                "There are {} stop strings; at most {MOST_STOPS} can be used.",
                stops.len()
            )));
        }
        if stops.iter().any(|stop| stop.is_empty() || stop.len() > LONGEST_STOP) {
            return Err(Error::validation(format!("A stop string must have 1 to {LONGEST_STOP} bytes.")));
        }
        Ok(Self { stops: stops.to_vec(), held: String::new() })
    }

    pub(crate) fn push(&mut self, text: &str) -> Scan {
        self.held.push_str(text);
        if let Some(at) = self.stops.iter().filter_map(|stop| self.held.find(stop.as_str())).min() {
            self.held.truncate(at);
            return Scan::Met(std::mem::take(&mut self.held));
        }
        let suspicious = self.held.split_off(self.held.len() - self.longest_beginning());
        Scan::Pass(std::mem::replace(&mut self.held, suspicious))
    }

    /// The end came without a stop string: what was held back was ordinary text.
    pub(crate) fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    /// The length of the longest end of `held` with which a stop string could begin.
    fn longest_beginning(&self) -> usize {
        self.stops.iter().filter_map(|stop| beginning_at_the_end(&self.held, stop)).max().unwrap_or(0)
    }
}

fn beginning_at_the_end(text: &str, stop: &str) -> Option<usize> {
    (1..stop.len())
        .rev()
        .filter(|length| stop.is_char_boundary(*length))
        .find(|length| text.ends_with(&stop[..*length]))
}

const MOST_STOPS: usize = 16;
const LONGEST_STOP: usize = 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scanner(stops: &[&str]) -> StopScanner {
        StopScanner::new(&stops.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
    }

    fn pass(text: &str) -> Scan {
        Scan::Pass(text.into())
    }

    #[test]
    fn nothing_of_a_stop_string_is_shown_when_it_comes_in_pieces() {
        let mut scanner = scanner(&["STOP"]);
        assert_eq!(scanner.push("one ST"), pass("one "));
        assert_eq!(scanner.push("O"), pass(""));
        assert_eq!(scanner.push("P two"), Scan::Met(String::new()));
    }

    #[test]
    fn a_false_beginning_is_given_back() {
        let mut scanner = scanner(&["STOP"]);
        assert_eq!(scanner.push("ST"), pass(""));
        assert_eq!(scanner.push("AR"), pass("STAR"));
        assert_eq!(scanner.push("T ST"), pass("T "));
        assert_eq!(scanner.finish(), "ST");
    }

    #[test]
    fn the_first_of_several_in_the_text_wins() {
        let mut scanner = scanner(&["later", "now"]);
        assert_eq!(scanner.push("do it now or later"), Scan::Met("do it ".into()));
    }

    #[test]
    fn a_beginning_within_a_beginning_is_not_missed() {
        let mut scanner = scanner(&["aab"]);
        assert_eq!(scanner.push("aa"), pass(""));
        assert_eq!(scanner.push("a"), pass("a"));
        assert_eq!(scanner.push("b!"), Scan::Met(String::new()));
    }

    #[test]
    fn empty_and_endless_stop_strings_are_refused() {
        for stops in [vec![String::new()], vec!["x".repeat(1025)], vec!["x".to_owned(); 17]] {
            assert_eq!(StopScanner::new(&stops).unwrap_err().code(), steadfast::Code::VALIDATION);
        }
    }

    proptest! {
        #[test]
        fn the_cut_does_not_depend_on_the_chunks(text in "[abß]{0,30}", stop in "[abß]{1,4}", sizes in prop::collection::vec(1usize..4, 30)) {
            let mut scanner = scanner(&[&stop]);
            let characters: Vec<char> = text.chars().collect();
            let (mut shown, mut from, mut met) = (String::new(), 0, false);
            for size in sizes {
                let piece: String = characters[from.min(characters.len())..(from + size).min(characters.len())].iter().collect();
                from += size;
                match scanner.push(&piece) {
                    Scan::Pass(text) => shown.push_str(&text),
                    Scan::Met(text) => { shown.push_str(&text); met = true; break }
                }
            }
            if !met { shown.push_str(&scanner.finish()) }
            prop_assert_eq!(met, text.contains(&stop));
            prop_assert_eq!(shown, text.split(&stop).next().unwrap_or_default());
        }
    }
}
