//! 时间的说法: instants as people read them, civil time in Shanghai: 今天 09:14, 11月24日 18:00, the year only where it is another.

use anju_domain::calendar::{chinese_date, chinese_day};
use anju_domain::clock::{end_of_day, shanghai};
use chrono::{DateTime, Datelike, Days, NaiveDate, Utc, Weekday};

/// 今天, 昨天, 明天, 11月24日, 2025年11月24日.
#[must_use]
pub fn day(date: NaiveDate, today: NaiveDate) -> String {
    if date == today {
        return "今天".to_owned();
    }
    if date.checked_add_days(Days::new(1)) == Some(today) {
        return "昨天".to_owned();
    }
    if date.year() == today.year() {
        chinese_day(date)
    } else {
        chinese_date(date)
    }
}

/// 今天 09:14.
#[must_use]
pub fn minute(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    format!("{} {}", relative(at, now), clock(at))
}

/// 今天 09:14:03, where the order of events matters.
#[must_use]
pub fn second(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    format!("{} {}", relative(at, now), shanghai(at).format("%H:%M:%S"))
}

/// 09:14.
#[must_use]
pub fn clock(at: DateTime<Utc>) -> String {
    shanghai(at).format("%H:%M").to_string()
}

/// A promise, never vague: 今天 18:00, 明天（11月25日）18:00, 11月26日 18:00.
#[must_use]
pub fn promise(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let (date, today) = (shanghai(at).date_naive(), shanghai(now).date_naive());
    // The last second of a day is the end of it, which everybody writes 24:00.
    let clock = if at == end_of_day(date) {
        "24:00".to_owned()
    } else {
        clock(at)
    };
    if today.checked_add_days(Days::new(1)) == Some(date) {
        return format!("明天（{}）{clock}", chinese_day(date));
    }
    format!("{} {clock}", day(date, today))
}

/// The same of a day until whose end there is time: 11月30日 24:00, 2027年1月29日 24:00.
#[must_use]
pub fn until(due: NaiveDate, now: DateTime<Utc>) -> String {
    promise(end_of_day(due), now)
}

/// 0.9 秒; under a hundredth of a second it says so, over two minutes it counts minutes.
#[must_use]
pub fn took(ms: i64) -> String {
    match ms {
        ..10 => "不到 0.01 秒".to_owned(),
        10..1000 => format!("0.{:02} 秒", ms / 10),
        1000..120_000 => format!("{}.{} 秒", ms / 1000, ms % 1000 / 100),
        120_000..7_200_000 => format!("{} 分钟", ms / 60_000),
        _ => format!("{} 小时 {} 分", ms / 3_600_000, ms / 60_000 % 60),
    }
}

/// 2026-11-24, for the tables of the desk.
#[must_use]
pub fn iso(date: NaiveDate) -> String {
    date.format("%Y-%m-%d").to_string()
}

/// 周二.
#[must_use]
pub fn weekday(date: NaiveDate) -> &'static str {
    match date.weekday() {
        Weekday::Mon => "周一",
        Weekday::Tue => "周二",
        Weekday::Wed => "周三",
        Weekday::Thu => "周四",
        Weekday::Fri => "周五",
        Weekday::Sat => "周六",
        Weekday::Sun => "周日",
    }
}

fn relative(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    day(shanghai(at).date_naive(), shanghai(now).date_naive())
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    fn at(day: u32, hour: u32, minute: u32) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 11, day, hour, minute, 7)
            .single()
            .expect("an instant")
    }

    #[test]
    fn today_is_said_and_another_day_is_named() {
        let now = at(24, 2, 0);
        assert_eq!(minute(at(24, 1, 14), now), "今天 09:14");
        assert_eq!(second(at(23, 1, 14), now), "昨天 09:14:07");
        assert_eq!(minute(at(20, 1, 14), now), "11月20日 09:14");
    }

    #[test]
    fn a_promise_for_tomorrow_carries_its_date() {
        assert_eq!(
            promise(at(25, 10, 0), at(24, 2, 0)),
            "明天（11月25日）18:00"
        );
        assert_eq!(promise(at(26, 10, 0), at(24, 2, 0)), "11月26日 18:00");
    }

    #[test]
    fn the_end_of_a_day_is_written_one_way_and_another_year_is_named() {
        let day = |text: &str| text.parse::<NaiveDate>().expect("a day");
        let now = at(24, 2, 0);
        assert_eq!(until(day("2026-11-24"), now), "今天 24:00");
        assert_eq!(until(day("2026-11-30"), now), "11月30日 24:00");
        assert_eq!(until(day("2027-01-23"), now), "2027年1月23日 24:00");
        assert_eq!(
            promise(end_of_day(day("2026-11-30")), now),
            "11月30日 24:00"
        );
    }

    #[test]
    fn a_moment_is_never_said_to_be_nothing() {
        assert_eq!(
            [took(3), took(45), took(900), took(2_340)],
            ["不到 0.01 秒", "0.04 秒", "0.90 秒", "2.3 秒"]
        );
    }

    #[test]
    fn the_day_is_that_of_shanghai() {
        assert_eq!(minute(at(23, 17, 0), at(24, 2, 0)), "今天 01:00");
    }
}
