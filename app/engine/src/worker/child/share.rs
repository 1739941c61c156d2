//! Shares one step's room fairly among the conversations that want to be read.

/// As much for each as it wants, as long as nobody who wants less goes short for it; the sum is at most `room`.
pub(super) fn fair_shares(wants: &[usize], room: usize) -> Vec<usize> {
    let mut shares = vec![0; wants.len()];
    let mut by_want: Vec<usize> = (0..wants.len()).collect();
    by_want.sort_by_key(|index| wants[*index]);
    let mut left = room;
    for (served, index) in by_want.iter().enumerate() {
        shares[*index] = wants[*index].min(left / (wants.len() - served));
        left -= shares[*index];
    }
    shares
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn who_writes_gets_its_token_and_who_reads_gets_the_rest() {
        assert_eq!(fair_shares(&[1, 900], 128), [1, 127]);
        assert_eq!(fair_shares(&[500, 900], 128), [64, 64]);
        assert_eq!(fair_shares(&[10, 0, 900], 128), [10, 0, 118]);
        assert_eq!(fair_shares(&[], 128), [0_usize; 0]);
    }

    proptest! {
        #[test]
        fn no_room_is_wasted_and_nobody_starves(wants in prop::collection::vec(0usize..300, 1..8), room in 8usize..200) {
            let shares = fair_shares(&wants, room);
            let total: usize = shares.iter().sum();
            prop_assert_eq!(total, room.min(wants.iter().sum()));
            for (share, want) in shares.iter().zip(&wants) {
                prop_assert!(share <= want && (*want == 0 || *share > 0));
            }
        }
    }
}
