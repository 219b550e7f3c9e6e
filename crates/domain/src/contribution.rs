//! 缴存: base, monthly amount, due date, back payment (contribution.md §4 to §7). Invariant: each side is
//! rounded once; limits, ratios, units and modes are policy and are handed in.

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::calendar::{Holidays, Month};
use crate::money::Fen;
use crate::rate::Bp;
use crate::rounding::{ceil_unit, fl, fl_unit, rh, rh_unit};

/// How an amount is brought to its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RoundMode {
    /// 四舍五入.
    HalfUp,
    /// 见角进元.
    Ceil,
    /// 舍去.
    Floor,
}

/// What is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RoundScope {
    /// Each side for itself, then they are added.
    #[default]
    EachSide,
    /// The sum of both sides; the employee has its half rounded down, the employer the rest. Equal ratios only.
    TotalThenHalve,
}

/// 月缴存额的取整规则.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmountRounding {
    /// 1, 10 or 100 fen.
    pub unit: Fen,
    /// The mode.
    pub mode: RoundMode,
    /// What is rounded.
    pub scope: RoundScope,
}

/// 基数上下限 of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseLimits {
    /// The lower limit.
    pub lower: Fen,
    /// The upper limit.
    pub upper: Fen,
}

/// 缴存比例 of both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ratios {
    /// 单位比例.
    pub employer: Bp,
    /// 个人比例.
    pub employee: Bp,
}

impl Ratios {
    /// The ratios by which the parts of a month were drawn from a base. An amount may have been rounded to any unit, a ratio is a whole number of
    /// steps (RATIO-02): the nearest is it. None without a base, or without a step in basis points.
    #[must_use]
    pub fn read_off(base: Fen, employer: Fen, employee: Fen, step: Bp) -> Option<Self> {
        if base <= Fen::ZERO || step.bp() <= 0 {
            return None;
        }
        let of = |part: Fen| {
            let in_steps = base.fen().checked_mul(i64::from(step.bp()))?;
            let count = part.fen().checked_mul(10_000)?.checked_add(in_steps / 2)?;
            let steps = i32::try_from(count.checked_div(in_steps)?).ok()?;
            steps.checked_mul(step.bp()).map(Bp::new)
        };
        Some(Self {
            employer: of(employer)?,
            employee: of(employee)?,
        })
    }
}

/// 月缴存额 of both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sides {
    /// 单位部分.
    pub employer: Fen,
    /// 个人部分.
    pub employee: Fen,
}

impl Sides {
    /// 月缴存额.
    #[must_use]
    pub fn total(self) -> Fen {
        self.employer + self.employee
    }
}

/// The average monthly wage: `rh(total / months)`. `months` is at least 1.
#[must_use]
pub fn base_raw(wages_total: Fen, months: u32) -> Fen {
    Fen::from_i128(rh(i128::from(wages_total.fen()), i128::from(months)))
}

/// 缴存基数: rounded to its unit, then brought between the limits.
///
/// # Panics
/// When the lower limit is above the upper: such policy is refused when it is loaded.
#[must_use]
pub fn base(raw: Fen, limits: BaseLimits, unit: Fen) -> Fen {
    let rounded = Fen::from_i128(rh_unit(i128::from(raw.fen()), 1, i128::from(unit.fen())));
    rounded.clamp(limits.lower, limits.upper)
}

/// 月缴存额: each side is `round(base × ratio)`.
///
/// # Panics
/// For unequal ratios under [`RoundScope::TotalThenHalve`]: such policy is refused when it is loaded.
#[must_use]
pub fn monthly(base: Fen, ratios: Ratios, rounding: AmountRounding) -> Sides {
    let amount = |bp: i32| {
        let (n, d, unit) = (
            i128::from(base.fen()) * i128::from(bp),
            10_000,
            i128::from(rounding.unit.fen()),
        );
        Fen::from_i128(match rounding.mode {
            RoundMode::HalfUp => rh_unit(n, d, unit),
            RoundMode::Ceil => ceil_unit(n, d, unit),
            RoundMode::Floor => fl_unit(n, d, unit),
        })
    };
    match rounding.scope {
        RoundScope::EachSide => Sides {
            employer: amount(ratios.employer.bp()),
            employee: amount(ratios.employee.bp()),
        },
        RoundScope::TotalThenHalve => {
            assert_eq!(
                ratios.employer, ratios.employee,
                "a total is halved between equal ratios only"
            );
            let total = amount(ratios.employer.bp() + ratios.employee.bp());
            let employee = Fen::from_i128(fl(i128::from(total.fen()), 2));
            Sides {
                employer: total - employee,
                employee,
            }
        }
    }
}

/// REMIT-06: the day by which a month is to be paid: payday (the last day in a shorter month or when it is
/// not known), some days of grace, then the next working day.
#[must_use]
pub fn due_date(
    month: Month,
    payday: Option<u32>,
    grace_days: u32,
    holidays: &Holidays,
) -> NaiveDate {
    let payday = payday.map_or_else(|| month.last_day(), |day| month.day_clamped(day));
    holidays.next_working_day(payday + Days::new(u64::from(grace_days)))
}

/// 补缴 of a month: what was due and not paid; what was overpaid is not taken back here.
#[must_use]
pub fn back_payment(due: Fen, paid: Fen) -> Fen {
    (due - paid).max(Fen::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    const YUAN: AmountRounding = AmountRounding {
        unit: Fen::new(100),
        mode: RoundMode::HalfUp,
        scope: RoundScope::EachSide,
    };

    fn both(bp: i32) -> Ratios {
        Ratios {
            employer: Bp::new(bp),
            employee: Bp::new(bp),
        }
    }

    #[test]
    fn a_ratio_is_read_off_an_amount_however_that_was_rounded() {
        let step = Bp::new(100);
        for (base, bp, part) in [
            (654_300, 800, 52_300),
            (3_139_300, 1200, 376_700),
            (211_000, 500, 10_600),
        ] {
            let (base, part) = (Fen::new(base), Fen::new(part));
            assert_eq!(Ratios::read_off(base, part, part, step), Some(both(bp)));
        }
        let part = Fen::new(10_600);
        assert_eq!(Ratios::read_off(Fen::ZERO, part, part, step), None);
        assert_eq!(Ratios::read_off(part, part, part, Bp::new(0)), None);
    }

    #[test]
    fn monthly_amounts_are_those_of_the_examples() {
        // contribution.md §5, examples; V002, V004, V005, V007.
        let cases = [
            (654_300, both(800), YUAN, 52_300, 52_300),
            (3_139_300, both(1200), YUAN, 376_700, 376_700),
            (210_000, both(500), YUAN, 10_500, 10_500),
            (211_000, both(500), YUAN, 10_600, 10_600),
            (
                211_000,
                both(500),
                AmountRounding {
                    unit: Fen::new(1),
                    ..YUAN
                },
                10_550,
                10_550,
            ),
            (
                654_300,
                Ratios {
                    employer: Bp::new(700),
                    employee: Bp::new(1200),
                },
                AmountRounding {
                    mode: RoundMode::Ceil,
                    ..YUAN
                },
                45_900,
                78_600,
            ),
            (
                500_000,
                both(900),
                AmountRounding {
                    unit: Fen::new(10),
                    mode: RoundMode::Floor,
                    ..YUAN
                },
                45_000,
                45_000,
            ),
            (
                211_000,
                both(500),
                AmountRounding {
                    scope: RoundScope::TotalThenHalve,
                    ..YUAN
                },
                10_550,
                10_550,
            ),
            (
                210_900,
                both(500),
                AmountRounding {
                    scope: RoundScope::TotalThenHalve,
                    ..YUAN
                },
                10_550,
                10_550,
            ),
            (
                210_100,
                both(500),
                AmountRounding {
                    scope: RoundScope::TotalThenHalve,
                    ..YUAN
                },
                10_500,
                10_500,
            ),
        ];
        for (base, ratios, rounding, employer, employee) in cases {
            let expected = Sides {
                employer: Fen::new(employer),
                employee: Fen::new(employee),
            };
            assert_eq!(
                monthly(Fen::new(base), ratios, rounding),
                expected,
                "base {base}, {rounding:?}"
            );
        }
    }

    #[test]
    fn a_base_is_rounded_first_and_then_clamped() {
        let limits = BaseLimits {
            lower: Fen::new(211_050),
            upper: Fen::new(2_675_100),
        };
        for (raw, expected) in [
            (200_000, 211_050),
            (654_351, 654_400),
            (654_349, 654_300),
            (5_000_000, 2_675_100),
        ] {
            assert_eq!(
                base(Fen::new(raw), limits, Fen::new(100)),
                Fen::new(expected)
            );
        }
        assert_eq!(base_raw(Fen::new(5_555_555), 7), Fen::new(793_651)); // V006
    }

    #[test]
    fn the_due_date_follows_the_payday_and_skips_holidays() {
        let date = |text: &str| text.parse::<NaiveDate>().expect("a date");
        let holidays = Holidays::new([date("2026-10-01"), date("2026-10-02")], []);
        let due = |month: &str, payday| {
            due_date(Month::parse(month).expect("a month"), payday, 5, &holidays)
        };
        assert_eq!(
            due("2026-11", Some(10)),
            date("2026-11-16"),
            "the 15th is a Sunday"
        );
        assert_eq!(
            due("2026-11", Some(31)),
            date("2026-12-07"),
            "30 November and five days is a Saturday"
        );
        assert_eq!(due("2026-10", None), date("2026-11-05"));
        assert_eq!(
            due("2026-09", Some(26)),
            date("2026-10-05"),
            "1 October is a holiday"
        );
    }
}
