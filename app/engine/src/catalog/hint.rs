//! "Did you mean …?": the known name that is nearest to a mistyped one.

/// The nearest of `known`, when it is near enough to be what was meant.
pub(super) fn nearest<'a>(typed: &str, known: &[&'a str]) -> Option<&'a str> {
    let allowed = (typed.chars().count() / 3).max(1);
    let nearest = known.iter().map(|name| (distance(typed, name), *name)).min()?;
    (nearest.0 <= allowed).then_some(nearest.1)
}

/// Letters to add, drop or change until the one is the other (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (above, letter) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = above + 1;
        for (column, other) in right.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_understood_and_a_stranger_is_not() {
        assert_eq!(nearest("sise_bytes", &["size_bytes", "memory_bytes"]), Some("size_bytes"));
        assert_eq!(nearest("licens", &["licence", "id"]), Some("licence"));
        assert_eq!(nearest("colour", &["licence", "id"]), None);
    }
}
