//! The only place that rounds (money_rules §2). Invariant: whatever is split sums to the whole again.

use crate::money::Fen;

/// Round half up (四舍五入), away from zero for negatives: `floor((2n + d) / 2d)`. `d` must be positive.
#[must_use]
pub fn rh(n: i128, d: i128) -> i128 {
    assert!(d > 0, "a divisor is positive");
    if n < 0 {
        -rh(-n, d)
    } else {
        (2 * n + d) / (2 * d)
    }
}

/// Floor towards minus infinity. `d` must be positive.
#[must_use]
pub fn fl(n: i128, d: i128) -> i128 {
    assert!(d > 0, "a divisor is positive");
    n.div_euclid(d)
}

/// Rounds `n/d` half up to a multiple of `unit`.
#[must_use]
pub fn rh_unit(n: i128, d: i128, unit: i128) -> i128 {
    rh(n, d * unit) * unit
}

/// Rounds `n/d` down to a multiple of `unit`.
#[must_use]
pub fn fl_unit(n: i128, d: i128, unit: i128) -> i128 {
    fl(n, d * unit) * unit
}

/// Rounds `n/d` up to a multiple of `unit` (见角进元 with unit 100).
#[must_use]
pub fn ceil_unit(n: i128, d: i128, unit: i128) -> i128 {
    -fl(-n, d * unit) * unit
}

/// Splits into `parts` equal instalments, floors first; the last takes the rest.
#[must_use]
pub fn split_even(total: Fen, parts: u32) -> Vec<Fen> {
    assert!(parts > 0, "a split has at least one part");
    let each = Fen::from_i128(fl(i128::from(total.fen()), i128::from(parts)));
    let last = total - each * i64::from(parts - 1);
    let mut split = vec![each; parts as usize - 1];
    split.push(last);
    split
}

/// Splits by weights with the largest remainder: floors first, leftover fen one by one to the largest
/// remainders, ties to the earlier in the list. Needs a non-negative total and a positive sum of weights.
#[must_use]
pub fn split_shares(total: Fen, weights: &[u64]) -> Vec<Fen> {
    let sum: i128 = weights.iter().map(|w| i128::from(*w)).sum();
    assert!(sum > 0, "shares need a positive weight");
    assert!(total >= Fen::ZERO, "shares of a debt are not defined");
    let whole = i128::from(total.fen());
    let mut floors: Vec<i128> = Vec::with_capacity(weights.len());
    let mut remainders: Vec<(i128, usize)> = Vec::with_capacity(weights.len());
    for (place, weight) in weights.iter().enumerate() {
        let share = whole * i128::from(*weight);
        floors.push(share / sum);
        remainders.push((share % sum, place));
    }
    remainders.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let left = whole - floors.iter().sum::<i128>();
    for (_, place) in remainders
        .iter()
        .take(usize::try_from(left).expect("fewer fen left than shares"))
    {
        floors[*place] += 1;
    }
    floors.into_iter().map(Fen::from_i128).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_up_is_symmetric_in_sign() {
        for n in -2_000..2_000 {
            for d in 1..40 {
                assert_eq!(rh(-n, d), -rh(n, d));
            }
        }
        assert_eq!([rh(1, 2), rh(-1, 2), rh(3, 2), rh(2, 5)], [1, -1, 2, 0]);
        assert_eq!(
            [
                rh_unit(10_550, 1, 100),
                fl_unit(10_599, 1, 100),
                ceil_unit(10_501, 1, 100)
            ],
            [10_600, 10_500, 10_600]
        );
        assert_eq!(ceil_unit(10_500, 1, 100), 10_500);
    }

    #[test]
    fn splits_sum_to_the_whole() {
        for total in [0, 1, 7, 100, 1_000_001, 40_000_004] {
            for parts in 1..13 {
                let split = split_even(Fen::new(total), parts);
                assert_eq!(
                    (split.len(), split.iter().copied().sum::<Fen>()),
                    (parts as usize, Fen::new(total))
                );
            }
            for weights in [&[1, 1][..], &[1, 2, 3], &[0, 5, 1, 1], &[7; 11]] {
                let split = split_shares(Fen::new(total), weights);
                assert_eq!(split.iter().copied().sum::<Fen>(), Fen::new(total));
            }
        }
    }

    #[test]
    fn a_leftover_fen_goes_to_the_largest_remainder_and_ties_to_the_earlier() {
        assert_eq!(
            split_shares(Fen::new(1_000_001), &[1, 1]),
            [500_001, 500_000].map(Fen::new)
        ); // V084
        assert_eq!(
            split_shares(Fen::new(100), &[1, 1, 1]),
            [34, 33, 33].map(Fen::new)
        );
        assert_eq!(split_shares(Fen::new(10), &[1, 2]), [3, 7].map(Fen::new));
    }
}
