//! 定期存款 of the fund's own money. Interest of a whole term only; months over twelve, no days.

use crate::money::Fen;
use crate::rate::Percent;
use crate::rounding::rh;

/// Interest of a fixed deposit that is held to its end: `rh(P · r · months / 12)`.
#[must_use]
pub fn fixed_deposit_interest(principal: Fen, rate: Percent, months: u32) -> Fen {
    let (numerator, denominator) = rate.fraction();
    Fen::from_i128(rh(
        i128::from(principal.fen()) * numerator * i128::from(months),
        denominator * 12,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_years_at_two_point_seven_five_percent() {
        let rate = Percent::parse("2.75").expect("a rate");
        assert_eq!(
            fixed_deposit_interest(Fen::new(500_000_000_000), rate, 36),
            Fen::new(41_250_000_000)
        ); // V083
        assert_eq!(fixed_deposit_interest(Fen::new(100), rate, 6), Fen::new(1));
    }
}
