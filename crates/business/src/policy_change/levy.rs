//! What other limits of the contribution base or ratio come to (缴存基数和比例的上下限): everybody who contributes, by both versions, each month:
//! who is outside the limits, money by district and income band, and the employers whose lists will change.
//!
//! A version brings a base to its limits as the yearly adjustment does (BASE-08), so that both sides are what will be listed once that has
//! happened. What somebody at the old upper limit earns beyond it nobody has told us: he counts as capped, with the most that it can be.

use std::collections::{BTreeMap, HashMap};

use anju_casework::{Fault, Office, Result};
use anju_domain::calendar::{Month, contribution_year_of};
use anju_domain::contribution::{AmountRounding, Ratios, monthly};
use anju_domain::money::Fen;
use anju_domain::rate::Bp;
use anju_policy::PolicySet;
use chrono::NaiveDate;
use serde::de::DeserializeOwned;
use sqlx::{FromRow, PgConnection};

use super::fault;
use super::simulation::{Simulation, band_of, bands};

/// People who are read at once.
const PAGE: i64 = 20_000;

/// The numbers that a month's list of one district meets.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Limits {
    lower: Fen,
    upper: Fen,
    ratio_min: i32,
    ratio_max: i32,
    rounding: (i64, String, String),
}

impl Limits {
    fn of(set: &PolicySet, day: NaiveDate, district: &str) -> Result<Limits> {
        let text = |name: &str| {
            let text = set.text(name, day, &[]).map_err(fault)?;
            Ok::<String, anju_casework::Error>(text.to_owned())
        };
        // BASE-01: the lower limit of the first day of the contribution year, unless the centre follows each month.
        let month = Month::of(day);
        let lower_day = match text("base_lower_date_rule")?.as_str() {
            "MONTH" => month.first_day(),
            _ => NaiveDate::from_ymd_opt(contribution_year_of(month), 7, 1).unwrap_or(day),
        };
        let ratio = |name: &str| {
            Ok::<i32, anju_casework::Error>(set.bp(name, day, &[]).map_err(fault)?.bp())
        };
        let unit = set.fen("amount_round_unit_fen", day, &[]).map_err(fault)?;
        Ok(Limits {
            lower: set
                .fen("base_lower_fen", lower_day, &[("region", district)])
                .map_err(fault)?,
            upper: set.fen("base_upper_fen", day, &[]).map_err(fault)?,
            ratio_min: ratio("ratio_min_bp")?.max(ratio("own_ratio_min_bp")?),
            ratio_max: ratio("ratio_max_bp")?.min(ratio("own_ratio_max_bp")?),
            rounding: (
                unit.fen(),
                text("amount_round_mode")?,
                text("amount_round_scope")?,
            ),
        })
    }

    fn rounding(&self) -> Result<AmountRounding> {
        let (unit, mode, scope) = &self.rounding;
        Ok(AmountRounding {
            unit: Fen::new(*unit),
            mode: word(mode)?,
            scope: word(scope)?,
        })
    }
}

fn word<T: DeserializeOwned>(word: &str) -> Result<T> {
    serde_json::from_value(serde_json::Value::String(word.to_owned()))
        .map_err(|error| Fault::Policy(error.to_string()).into())
}

/// Both versions for one district.
struct Both {
    was: Limits,
    now: Limits,
    was_rounding: AmountRounding,
    now_rounding: AmountRounding,
}

#[derive(FromRow)]
struct Member {
    membership_id: i64,
    employer_id: i64,
    district: String,
    base_fen: i64,
    ratio_employer_bp: i32,
    ratio_employee_bp: i32,
}

/// What one district and band come to, or all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, FromRow)]
pub struct Levy {
    /// People who contribute.
    pub people: i64,
    /// Base below the lower limit in force, and below that of the draft.
    pub below_was: i64,
    /// The same of the draft.
    pub below_now: i64,
    /// Base above the upper limit in force.
    pub above_was: i64,
    /// The same of the draft.
    pub above_now: i64,
    /// Who will contribute more.
    pub up: i64,
    /// By how much a month, both sides together.
    pub up_fen: i64,
    /// Who will contribute less.
    pub down: i64,
    /// By how much a month; negative.
    pub down_fen: i64,
    /// At the upper limit in force, which the draft raises.
    pub capped: i64,
    /// The most that these will contribute more a month.
    pub capped_fen: i64,
    /// A month by the version in force, fen.
    pub was_fen: i64,
    /// A month by the draft, fen.
    pub now_fen: i64,
}

/// An employer whose lists will change.
#[derive(Debug, Clone, Default, PartialEq, Eq, FromRow)]
pub struct Touched {
    /// Which.
    pub employer_id: i64,
    /// Where.
    pub district: String,
    /// People whose contribution changes.
    pub people: i64,
    /// Of these people a month, fen.
    pub was_fen: i64,
    /// By the draft.
    pub now_fen: i64,
}

/// Everybody by both versions.
#[derive(Debug, Clone, Default)]
pub struct Levied {
    /// By district and band.
    pub groups: BTreeMap<(String, i16), Levy>,
    /// Employers whose lists will change.
    pub employers: BTreeMap<i64, Touched>,
}

impl Levied {
    /// All groups together.
    #[must_use]
    pub fn whole(&self) -> Levy {
        let mut whole = Levy::default();
        for one in self.groups.values() {
            whole.people += one.people;
            whole.below_was += one.below_was;
            whole.below_now += one.below_now;
            whole.above_was += one.above_was;
            whole.above_now += one.above_now;
            whole.up += one.up;
            whole.up_fen += one.up_fen;
            whole.down += one.down;
            whole.down_fen += one.down_fen;
            whole.capped += one.capped;
            whole.capped_fen += one.capped_fen;
            whole.was_fen += one.was_fen;
            whole.now_fen += one.now_fen;
        }
        whole
    }
}

/// Looks at everybody who contributes; none where both versions have the same limits everywhere.
///
/// # Errors
/// A version without its numbers; the database.
pub async fn ask(
    office: &Office,
    before: &PolicySet,
    after: &PolicySet,
    stand_on: NaiveDate,
) -> Result<Option<Levied>> {
    let districts: Vec<String> =
        sqlx::query_scalar("SELECT DISTINCT district FROM employer WHERE centre_id = $1")
            .bind(office.centre.id)
            .fetch_all(&office.pool)
            .await?;
    let mut limits = HashMap::new();
    for district in districts {
        let was = Limits::of(before, stand_on, &district)?;
        let now = Limits::of(after, stand_on, &district)?;
        let (was_rounding, now_rounding) = (was.rounding()?, now.rounding()?);
        let both = Both {
            was,
            now,
            was_rounding,
            now_rounding,
        };
        limits.insert(district, both);
    }
    if limits.values().all(|both| both.was == both.now) {
        return Ok(None);
    }
    let bands = bands(office)?;
    let mut levied = Levied::default();
    let mut after_member = i64::MIN;
    loop {
        let members: Vec<Member> = sqlx::query_as(
            "SELECT m.membership_id, m.employer_id, e.district, m.base_fen, m.ratio_employer_bp, m.ratio_employee_bp
               FROM membership m
               JOIN employer e ON e.centre_id = m.centre_id AND e.employer_id = m.employer_id
              WHERE m.centre_id = $1 AND m.membership_id > $2 AND m.state = 1 AND e.uscc NOT LIKE 'FLEX-%'
              ORDER BY m.membership_id LIMIT $3",
        )
        .bind(office.centre.id)
        .bind(after_member)
        .bind(PAGE)
        .fetch_all(&office.pool)
        .await?;
        let Some(last) = members.last() else {
            return Ok(Some(levied));
        };
        after_member = last.membership_id;
        for member in &members {
            if let Some(both) = limits.get(&member.district) {
                levied.add(member, both, &bands);
            }
        }
    }
}

impl Levied {
    fn add(&mut self, member: &Member, both: &Both, bands: &[i64]) {
        let base = Fen::new(member.base_fen);
        let (was_base, now_base) = (
            base.clamp(both.was.lower, both.was.upper),
            base.clamp(both.now.lower, both.now.upper),
        );
        let (was_ratios, now_ratios) = both.ratios(member);
        let was = monthly(was_base, was_ratios, both.was_rounding);
        let now = monthly(now_base, now_ratios, both.now_rounding);
        let was_fen = (was.employer + was.employee).fen();
        let now_fen = (now.employer + now.employee).fen();

        let place = (member.district.clone(), band_of(bands, member.base_fen));
        let group = self.groups.entry(place).or_default();
        group.people += 1;
        group.below_was += i64::from(base < both.was.lower);
        group.below_now += i64::from(base < both.now.lower);
        group.above_was += i64::from(base > both.was.upper);
        group.above_now += i64::from(base > both.now.upper);
        group.was_fen += was_fen;
        group.now_fen += now_fen;
        if base == both.was.upper && both.now.upper > base {
            let most = monthly(both.now.upper, now_ratios, both.now_rounding);
            group.capped += 1;
            group.capped_fen += (most.employer + most.employee).fen() - now_fen;
        }
        let change = now_fen - was_fen;
        if change > 0 {
            group.up += 1;
            group.up_fen += change;
        }
        if change < 0 {
            group.down += 1;
            group.down_fen += change;
        }
        if change != 0 {
            let touched = self.employers.entry(member.employer_id).or_default();
            touched.employer_id = member.employer_id;
            touched.district.clone_from(&member.district);
            touched.people += 1;
            touched.was_fen += was_fen;
            touched.now_fen += now_fen;
        }
    }
}

impl Both {
    /// A ratio below the lower limit in force was approved for its employer and stays.
    fn ratios(&self, member: &Member) -> (Ratios, Ratios) {
        let was = |bp: i32| Bp::new(bp.min(self.was.ratio_max));
        let now = |bp: i32| {
            let lowest = if bp < self.was.ratio_min {
                bp
            } else {
                self.now.ratio_min
            };
            Bp::new(bp.max(lowest).min(self.now.ratio_max))
        };
        let by = |side: &dyn Fn(i32) -> Bp| Ratios {
            employer: side(member.ratio_employer_bp),
            employee: side(member.ratio_employee_bp),
        };
        (by(&was), by(&now))
    }
}

/// Keeps what was found.
pub(super) async fn keep(
    office: &Office,
    conn: &mut PgConnection,
    simulation: &Simulation,
    levied: &Levied,
) -> Result<()> {
    let groups = || levied.groups.iter();
    let figure = |value: fn(&Levy) -> i64| levied.groups.values().map(value).collect::<Vec<i64>>();
    sqlx::query(
        "INSERT INTO policy_simulation_levy (centre_id, simulation_id, district, band, people, below_was, below_now, above_was, above_now,
                                             up, up_fen, down, down_fen, capped, capped_fen, was_fen, now_fen)
         SELECT $1, $2, part.*
           FROM unnest($3::text[], $4::smallint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[],
                       $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[]) AS part",
    )
    .bind(office.centre.id)
    .bind(simulation.simulation_id)
    .bind(groups().map(|((district, _), _)| district.clone()).collect::<Vec<_>>())
    .bind(groups().map(|((_, band), _)| *band).collect::<Vec<i16>>())
    .bind(figure(|one| one.people))
    .bind(figure(|one| one.below_was))
    .bind(figure(|one| one.below_now))
    .bind(figure(|one| one.above_was))
    .bind(figure(|one| one.above_now))
    .bind(figure(|one| one.up))
    .bind(figure(|one| one.up_fen))
    .bind(figure(|one| one.down))
    .bind(figure(|one| one.down_fen))
    .bind(figure(|one| one.capped))
    .bind(figure(|one| one.capped_fen))
    .bind(figure(|one| one.was_fen))
    .bind(figure(|one| one.now_fen))
    .execute(&mut *conn)
    .await?;
    let employers: Vec<&Touched> = levied.employers.values().collect();
    let number =
        |value: fn(&Touched) -> i64| employers.iter().map(|one| value(one)).collect::<Vec<i64>>();
    sqlx::query(
        "INSERT INTO policy_simulation_employer (centre_id, simulation_id, employer_id, district, people, was_fen, now_fen)
         SELECT $1, $2, part.*
           FROM unnest($3::bigint[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[]) AS part",
    )
    .bind(office.centre.id)
    .bind(simulation.simulation_id)
    .bind(number(|one| one.employer_id))
    .bind(employers.iter().map(|one| one.district.clone()).collect::<Vec<_>>())
    .bind(number(|one| one.people))
    .bind(number(|one| one.was_fen))
    .bind(number(|one| one.now_fen))
    .execute(conn)
    .await?;
    Ok(())
}

/// What was found of a run.
#[derive(Debug, Clone)]
pub struct Found {
    /// Everybody.
    pub whole: Levy,
    /// Employers whose lists will change.
    pub employers: i64,
    /// By district, where the most money changes first: key and figures.
    pub by_district: Vec<(String, Levy, i64)>,
    /// By income band, the lowest first.
    pub by_band: Vec<(i16, Levy)>,
}

#[derive(FromRow)]
struct Row {
    district: String,
    band: i16,
    #[sqlx(flatten)]
    levy: Levy,
}

/// What a run found of contributions; none where it changes no limit.
///
/// # Errors
/// The database.
pub async fn found(office: &Office, simulation_id: i64) -> Result<Option<Found>> {
    // Some forty districts by some ten bands.
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT district, band, people, below_was, below_now, above_was, above_now, up, up_fen, down, down_fen, capped, capped_fen,
                was_fen, now_fen
           FROM policy_simulation_levy WHERE centre_id = $1 AND simulation_id = $2 ORDER BY district, band LIMIT 2000",
    )
    .bind(office.centre.id)
    .bind(simulation_id)
    .fetch_all(&office.pool)
    .await?;
    if rows.is_empty() {
        return Ok(None);
    }
    let counted: Vec<(String, i64)> = sqlx::query_as(
        "SELECT district, count(*) FROM policy_simulation_employer WHERE centre_id = $1 AND simulation_id = $2
          GROUP BY district ORDER BY district LIMIT 200",
    )
    .bind(office.centre.id)
    .bind(simulation_id)
    .fetch_all(&office.pool)
    .await?;
    let all = Levied {
        groups: rows
            .into_iter()
            .map(|row| ((row.district, row.band), row.levy))
            .collect(),
        employers: BTreeMap::new(),
    };
    let only = |keep: &dyn Fn(&(String, i16)) -> bool| {
        let groups = all.groups.iter().filter(|(place, _)| keep(place));
        Levied {
            groups: groups
                .map(|(place, levy)| (place.clone(), levy.clone()))
                .collect(),
            employers: BTreeMap::new(),
        }
        .whole()
    };
    let mut districts: Vec<&String> = all.groups.keys().map(|(district, _)| district).collect();
    districts.dedup();
    let mut bands: Vec<i16> = all.groups.keys().map(|(_, band)| *band).collect();
    bands.sort_unstable();
    bands.dedup();
    let employers = |district: &str| {
        let of = counted.iter().find(|(named, _)| named == district);
        of.map_or(0, |(_, count)| *count)
    };
    let mut by_district: Vec<(String, Levy, i64)> = districts
        .into_iter()
        .map(|district| {
            let levy = only(&|place| place.0 == *district);
            (district.clone(), levy, employers(district))
        })
        .collect();
    by_district.sort_by_key(|(_, levy, _)| std::cmp::Reverse(levy.up_fen - levy.down_fen));
    Ok(Some(Found {
        whole: all.whole(),
        employers: counted.iter().map(|(_, count)| count).sum(),
        by_district,
        by_band: bands
            .into_iter()
            .map(|band| (band, only(&|place| place.1 == band)))
            .collect(),
    }))
}

impl Touched {
    /// By how much it changes a month, whichever way.
    #[must_use]
    pub const fn change_fen(&self) -> i64 {
        (self.now_fen - self.was_fen).abs()
    }
}

/// The employers whose lists will change, those for which the most money changes first; a page of them after one of that change and number.
///
/// # Errors
/// The database.
pub async fn employers(
    office: &Office,
    simulation_id: i64,
    after: Option<(i64, i64)>,
    limit: i64,
) -> Result<Vec<Touched>> {
    let (change_fen, employer_id) = after.unwrap_or((i64::MAX, i64::MIN));
    Ok(sqlx::query_as(
        "SELECT employer_id, district, people, was_fen, now_fen FROM policy_simulation_employer
          WHERE centre_id = $1 AND simulation_id = $2
            AND (abs(now_fen - was_fen) < $3 OR (abs(now_fen - was_fen) = $3 AND employer_id > $4))
          ORDER BY abs(now_fen - was_fen) DESC, employer_id LIMIT $5",
    )
    .bind(office.centre.id)
    .bind(simulation_id)
    .bind(change_fen)
    .bind(employer_id)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}

/// What it comes to in sentences, for the page, the notice and the command line.
#[must_use]
pub fn sentences(whole: &Levy, employers: i64) -> Vec<String> {
    let yuan = |fen: i64| Fen::new(fen.abs());
    let mut told = Vec::new();
    if whole.up > 0 {
        told.push(format!(
            "{} 名职工每月多缴，单位和个人合计 {} 元",
            whole.up,
            yuan(whole.up_fen)
        ));
    }
    if whole.down > 0 {
        told.push(format!(
            "{} 名职工每月少缴，单位和个人合计 {} 元",
            whole.down,
            yuan(whole.down_fen)
        ));
    }
    if whole.capped > 0 {
        told.push(format!(
            "{} 名职工现在按上限缴存，工资更高的要在单位申报后多缴，每月合计最多 {} 元",
            whole.capped,
            yuan(whole.capped_fen)
        ));
    }
    if told.is_empty() {
        told.push(format!("{} 名缴存职工的月缴存额都不变", whole.people));
    } else {
        told.push(format!("涉及 {employers} 家单位"));
    }
    told
}
