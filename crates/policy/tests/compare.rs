//! Two versions side by side: what differs in words, which services decide otherwise, both as they stand on a later day.

use std::collections::BTreeMap;
use std::path::Path;

use anju_policy::compare::{Part, as_on, differences, last_from};
use anju_policy::edit::{NewRow, put_row, put_version, take_row};
use anju_policy::{PolicyFiles, PolicySet, in_chinese};
use chrono::NaiveDate;

const CENTRE: &str = "chongqing/centre.toml";
const RENT: &str = "chongqing/withdraw-rent.toml";

fn files() -> PolicyFiles {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policy");
    PolicyFiles::read(&folder, "chongqing").expect("the demo centre's files")
}

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn cap(value: &str, from: &str) -> NewRow {
    NewRow {
        from: day(from),
        tests: BTreeMap::from([("region".to_owned(), "central".to_owned())]),
        value: value.to_owned(),
        mark: "source".to_owned(),
        source: "通知".to_owned(),
    }
}

/// The files with a row of the rent cap.
fn with_cap(files: &PolicyFiles, row: &NewRow) -> PolicyFiles {
    let set = PolicySet::load(files).expect("sound files");
    let (file, text) = put_row(&set, files, "rent_cap_monthly", row).expect("a row");
    let mut changed = files.clone();
    changed.files.insert(file, text);
    changed
}

#[test]
fn a_row_put_in_is_one_difference_and_every_other_line_stays() {
    let before = files();
    let after = with_cap(&before, &cap("1,800.00", "2027-01-01"));
    let (old, new) = (&before.files[CENTRE], &after.files[CENTRE]);
    let added: Vec<&str> = new.lines().filter(|line| !old.contains(line)).collect();
    assert_eq!(new.lines().count(), old.lines().count() + 1, "{added:?}");
    assert!(
        old.lines().all(|line| new.contains(line)),
        "a line was lost"
    );

    let found = differences(&before, &after);
    assert_eq!(found.len(), 1, "{found:?}");
    let one = &found[0];
    assert_eq!(
        (one.part, one.name.as_str(), one.label.as_str()),
        (Part::Parameter, "rent_cap_monthly", "租房提取月限额")
    );
    assert_eq!(one.place, "2027年1月1日起，地区：中心城区");
    assert_eq!(one.before.as_deref(), Some("1,500.00 元"));
    assert_eq!(one.after.as_deref(), Some("1,800.00 元"));
    assert_eq!(last_from(&found), Some(day("2027-01-01")));

    // The same day and place again replaces it.
    let again = with_cap(&after, &cap("1700", "2027-01-01"));
    let found = differences(&before, &again);
    assert_eq!(found[0].after.as_deref(), Some("1,700.00 元"));

    // A row for a place ends the older ones of those who have more in it: they are told of, too.
    assert_eq!(found.len(), 2, "{found:?}");
    let ended = &found[1];
    assert_eq!(
        ended.place,
        "2027年1月1日起，未成年子女至少 2，地区：中心城区"
    );
    assert_eq!(ended.before.as_deref(), Some("1,800.00 元"));
    assert_eq!(ended.after.as_deref(), Some("1,700.00 元"));
}

#[test]
fn only_what_reads_a_value_decides_otherwise() {
    let before = files();
    let after = with_cap(&before, &cap("1,800.00", "2027-01-01"));
    let set = |files: &PolicyFiles| PolicySet::load(files).expect("sound files");
    assert_eq!(
        set(&before).services_that_differ(&set(&after)),
        ["withdraw-rent"]
    );
    assert!(set(&before).services_that_differ(&set(&before)).is_empty());
    let mut named = before.clone();
    let (file, text) = put_version(&before, "2027-01.1").expect("a version");
    named.files.insert(file, text);
    assert!(set(&before).services_that_differ(&set(&named)).is_empty());
    assert_ne!(named.digest(), before.digest());
}

#[test]
fn a_cap_of_next_year_can_be_tried_on_this_one() {
    let before = files();
    let after = with_cap(&before, &cap("1,800.00", "2027-01-01"));
    let place = [("region", "500103"), ("children", "0")];
    let today = day("2026-11-24");
    let of = |set: &PolicySet| {
        let fen = set.fen("rent_cap_monthly", today, &place);
        fen.expect("a cap").fen()
    };
    let (old, new) = as_on(&before, &after, day("2027-03-01")).expect("both load");
    assert_eq!((of(&old), of(&new)), (150_000, 180_000));
    let (old, new) = as_on(&before, &after, day("2026-12-31")).expect("both load");
    assert_eq!((of(&old), of(&new)), (150_000, 150_000));
    // A suburb and a family with two children keep what was theirs.
    let (_, new) = as_on(&before, &after, day("2027-03-01")).expect("both load");
    let suburb = new.fen(
        "rent_cap_monthly",
        today,
        &[("region", "500229"), ("children", "0")],
    );
    assert_eq!(suburb.expect("a cap").fen(), 120_000);
    // What does not change is judged by its own day.
    assert_eq!(
        new.fen("base_upper_fen", day("2019-08-01"), &[]),
        PolicySet::load(&before).expect("sound files").fen(
            "base_upper_fen",
            day("2019-08-01"),
            &[]
        )
    );
}

#[test]
fn a_condition_is_told_before_and_after_and_a_mistake_by_its_place() {
    let before = files();
    let mut after = before.clone();
    let text = before.files[RENT].replace("rent.claimable_months > 0", "rent.claimable_months > 2");
    after.files.insert(RENT.to_owned(), text);
    let found = differences(&before, &after);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (
            found[0].part,
            found[0].name.as_str(),
            found[0].place.as_str()
        ),
        (Part::Condition, "RENT-08", "算式")
    );
    assert_eq!(
        found[0].before.as_deref(),
        Some("rent.claimable_months > 0")
    );
    assert_eq!(found[0].after.as_deref(), Some("rent.claimable_months > 2"));

    for (wrong, place, message) in [
        (
            "rent.claimable_month > 0",
            "条件 RENT-08，算式",
            "没有这个名字：rent.claimable_month",
        ),
        (
            "rent.entitlement",
            "条件 RENT-08，算式",
            "这里要是或否，写的却是金额（分）",
        ),
    ] {
        let text = before.files[RENT].replace("rent.claimable_months > 0", wrong);
        after.files.insert(RENT.to_owned(), text);
        let errors = PolicySet::load(&after).expect_err("a mistake");
        let told: Vec<_> = errors.iter().map(in_chinese).collect();
        assert!(
            told.iter()
                .any(|one| one.file == RENT && one.place == place && one.message == message),
            "{told:?}"
        );
    }
    after.files.insert(RENT.to_owned(), "[service\n".to_owned());
    let errors = PolicySet::load(&after).expect_err("no TOML");
    assert!(
        in_chinese(&errors[0]).place.starts_with("第 1 行"),
        "{errors:?}"
    );
}

#[test]
fn a_value_that_is_none_is_told_in_words() {
    let files = files();
    let set = PolicySet::load(&files).expect("sound files");
    for (name, value, words) in [
        ("rent_cap_monthly", "一千", "金额写成元"),
        ("rent_min_months", "3.5", "要填整数"),
        ("rent_declare_ok", "也许", "填“是”或“否”"),
        ("no_such_thing", "1", "没有“no_such_thing”这个参数"),
    ] {
        let told = put_row(&set, &files, name, &cap(value, "2027-01-01")).expect_err(value);
        assert!(told.contains(words), "{told}");
    }
}

#[test]
fn a_row_is_taken_out_and_a_changed_one_becomes_what_it_was() {
    let base = files();
    // One row more, and one in the place of another.
    for from in ["2027-01-01", "2023-01-01"] {
        let row = cap("1,800.00", from);
        let draft = with_cap(&base, &row);
        assert_ne!(draft.files[CENTRE], base.files[CENTRE]);
        let taken = take_row(&base, &draft, "rent_cap_monthly", row.from, &row.tests);
        let (file, text) = taken.expect("taken");
        assert_eq!(
            (file.as_str(), text.trim_end()),
            (CENTRE, base.files[CENTRE].trim_end())
        );
    }
    let kept = cap("1,800.00", "2023-01-01");
    let none = take_row(&base, &base, "rent_cap_monthly", kept.from, &kept.tests);
    assert!(
        none.expect_err("the version in force has it")
            .contains("不是草案写进的")
    );
    let none = take_row(
        &base,
        &base,
        "rent_cap_monthly",
        day("2027-01-01"),
        &kept.tests,
    );
    assert!(none.expect_err("not there").contains("没有这一行"));
}
