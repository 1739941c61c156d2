//! "Did you mean": the known name that is nearest to what was written.

/// The nearest of `known`, when it is near enough to be a slip of the finger.
pub(super) fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let (distance, name) = known.into_iter().map(|name| (distance(written, name), name)).min()?;
    (distance <= (written.chars().count() / 3).max(1)).then_some(name)
}

/// `; did you mean x?`, or nothing.
pub(super) fn did_you_mean<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(written, known).map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

/// Adds the hint to serde's "unknown field `a`, expected one of `b`, `c`", which names all that are known.
pub(super) fn for_unknown_field(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    match quoted.next().filter(|_| message.starts_with("unknown ")) {
        Some(written) => did_you_mean(written, quoted),
        None => String::new(),
    }
}

/// How many letters have to be changed, added, dropped or swapped with a neighbour.
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let mut before_last: Vec<usize> = vec![];
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for i in 0..left.len() {
        let mut row = vec![i + 1];
        for j in 0..right.len() {
            let replaced = last[j] + usize::from(left[i] != right[j]);
            let mut best = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && left[i] == right[j - 1] && left[i - 1] == right[j] {
                best = best.min(before_last[j - 1] + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_understood() {
        assert_eq!(nearest("lisen", ["listen", "data_dir"]), Some("listen"));
        assert_eq!(nearest("dtaa_dir", ["listen", "data_dir"]), Some("data_dir"));
    }

    #[test]
    fn another_word_is_not() {
        assert_eq!(nearest("colour", ["listen", "data_dir"]), None);
    }

    #[test]
    fn an_unknown_field_gets_its_hint_from_the_fields_that_are_known() {
        assert_eq!(
            for_unknown_field("unknown field `lisen`, expected one of `listen`, `log`"),
            "; did you mean `listen`?"
        );
        assert_eq!(for_unknown_field("invalid type: integer `3`, expected a string"), "");
    }
}
