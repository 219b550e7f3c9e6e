//! 服务效能 (services.md §17): how each service is used: online, at once, without paper, in time, and how many trips people were spared.
//! Invariant: a measure is defined once, by what `follow` keeps of a case and by the statements of [`figures`] and [`bank_times`]; pages, files and
//! the public summary ask those. Begin with [`figures`]; `follow.rs` says what is kept of a case, `workbook.rs` writes the files.
//!
//! Not measured: drop-off (no channel keeps a draft that was not submitted) and satisfaction (nobody is asked for a rating yet).

mod follow;
pub mod workbook;

pub use follow::follow;

use anju_casework::{Fault, Office, Result};
use anju_policy::service::{Mode, Verb};
use chrono::NaiveDate;
use sqlx::FromRow;

/// A service that is measured: somebody applies for it on a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// Service id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `employer`, `personal`, `withdraw`, …: the group of the catalogue.
    pub group: String,
    /// 纸面办理要跑的次数: trips that one such case takes on paper.
    pub paper_trips: i64,
}

/// Services that open cases and that somebody applies for, in the catalogue's order.
///
/// # Errors
/// Policy that does not say how many trips a service takes on paper.
pub fn services(office: &Office) -> Result<Vec<Measured>> {
    let (policy, today) = (office.policy(), office.today());
    policy
        .set
        .services()
        .filter(|service| {
            matches!(service.verb, Verb::Do | Verb::Ask) && !service.channels.is_empty()
        })
        .map(|service| {
            let outcome = match service.outcome {
                Mode::Instant => "instant",
                Mode::InstantOrReview => "instant-or-review",
                Mode::Review => "review",
            };
            let at = [("outcome", outcome), ("service", service.id.as_str())];
            let trips = policy.set.int("service_paper_trips", today, &at);
            Ok(Measured {
                id: service.id.clone(),
                name: service.name_zh.clone(),
                group: service.group.clone(),
                paper_trips: trips.map_err(|error| Fault::Policy(error.to_string()))?,
            })
        })
        .collect()
}

/// How few cases of a group are too few to be published.
///
/// # Errors
/// Policy that does not say.
pub fn public_min(office: &Office) -> Result<i64> {
    crate::policy::Rules::on(office, office.today()).int("service_public_min")
}

/// What is counted: cases that were begun from a day to a day, of a branch or of all.
#[derive(Debug, Clone)]
pub struct Scope {
    /// Of these services.
    pub services: Vec<Measured>,
    /// Kept by this branch.
    pub branch: Option<i16>,
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
}

/// By what cases are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Service id.
    Service,
    /// Group of the catalogue.
    Group,
    /// `2026-11`: the month in which they were begun.
    Month,
}

impl By {
    const fn code(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Group => "group",
            Self::Month => "month",
        }
    }
}

/// The measures of the cases that were begun in a period, as they stand now.
#[derive(Debug, Clone, Default, PartialEq, Eq, FromRow)]
pub struct Figures {
    /// Service, group or month; none for all together.
    pub of: Option<String>,
    /// 办件: cases begun.
    pub begun: i64,
    /// Begun without the counter.
    pub online: i64,
    /// That needed a paper while they were gathering.
    pub paper: i64,
    /// Decided.
    pub decided: i64,
    /// Of these decided with no person.
    pub by_rules: i64,
    /// Of the decided those within their promise.
    pub in_time: i64,
    /// Whose bank has answered.
    pub banked: i64,
    /// 少跑腿次数: trips on paper less trips made, of what was done without the counter. Below zero where people were sent to the counter more
    /// often than a paper would have taken them there.
    pub trips: i64,
}

/// How long banks took, from the decision to their word: milliseconds, rounded up to hundredths of a second.
#[derive(Debug, Clone, Default, PartialEq, Eq, FromRow)]
pub struct BankTime {
    /// Service; none for all together.
    pub of: Option<String>,
    /// Half were quicker.
    pub half_ms: Option<i64>,
    /// Ninety-five in a hundred were quicker.
    pub slow_ms: Option<i64>,
}

/// Basis points, rounded; neither all nor none where it is not. None of nothing.
fn share_bp(part: i64, of: i64) -> Option<i64> {
    (of > 0).then(|| match part {
        _ if part == of => 10_000,
        0 => 0,
        _ => ((part * 20_000 + of) / (2 * of)).clamp(1, 9_999),
    })
}

impl Figures {
    /// 网办率: begun online ÷ begun.
    #[must_use]
    pub fn online_bp(&self) -> Option<i64> {
        share_bp(self.online, self.begun)
    }

    /// 秒批率: decided with no person ÷ decided.
    #[must_use]
    pub fn instant_bp(&self) -> Option<i64> {
        share_bp(self.by_rules, self.decided)
    }

    /// 纸质率: needed a paper ÷ begun. What needed one and what needed none make a whole.
    #[must_use]
    pub fn paper_bp(&self) -> Option<i64> {
        share_bp(self.begun - self.paper, self.begun).map(|without| 10_000 - without)
    }

    /// 按时率: decided within the promise ÷ decided.
    #[must_use]
    pub fn in_time_bp(&self) -> Option<i64> {
        share_bp(self.in_time, self.decided)
    }
}

/// Counts by service, group or month, and all together (last, its `of` is none).
///
/// Each service is read in the order of its index, so that nothing is sorted: 400,000 cases take a fifth of a second.
///
/// # Errors
/// The database.
pub async fn figures(office: &Office, scope: &Scope, by: By) -> Result<Vec<Figures>> {
    let of =
        |value: fn(&Measured) -> &str| -> Vec<&str> { scope.services.iter().map(value).collect() };
    let trips: Vec<i64> = scope.services.iter().map(|one| one.paper_trips).collect();
    Ok(sqlx::query_as(
        "SELECT of, coalesce(sum(begun), 0)::bigint AS begun, coalesce(sum(online), 0)::bigint AS online,
                coalesce(sum(paper), 0)::bigint AS paper, coalesce(sum(decided), 0)::bigint AS decided,
                coalesce(sum(by_rules), 0)::bigint AS by_rules, coalesce(sum(in_time), 0)::bigint AS in_time,
                coalesce(sum(banked), 0)::bigint AS banked, coalesce(sum(spared * paper_trips - visits), 0)::bigint AS trips
           FROM (SELECT CASE $8 WHEN 'service' THEN s.id WHEN 'group' THEN s.of_group ELSE to_char(day.begun_on, 'YYYY-MM') END AS of,
                        s.paper_trips, day.*
                   FROM unnest($2::text[], $3::text[], $4::bigint[]) AS s (id, of_group, paper_trips)
                  CROSS JOIN LATERAL (
                        SELECT begun_on, count(*) AS begun, count(*) FILTER (WHERE online) AS online, count(*) FILTER (WHERE paper) AS paper,
                               count(*) FILTER (WHERE decided) AS decided, count(*) FILTER (WHERE by_rules) AS by_rules,
                               count(*) FILTER (WHERE in_time) AS in_time, count(bank_ms) AS banked,
                               count(*) FILTER (WHERE online AND done) AS spared,
                               coalesce(sum(visits) FILTER (WHERE online AND done), 0) AS visits
                          FROM case_measured
                         WHERE centre_id = $1 AND service = s.id AND begun_on BETWEEN $5 AND $6
                           AND ($7::smallint IS NULL OR branch_id = $7)
                         GROUP BY begun_on) AS day) AS counted
          GROUP BY GROUPING SETS ((of), ())
          ORDER BY grouping(of), of",
    )
    .bind(office.centre.id)
    .bind(of(|one| one.id.as_str()))
    .bind(of(|one| one.group.as_str()))
    .bind(trips)
    .bind(scope.from)
    .bind(scope.to)
    .bind(scope.branch)
    .bind(by.code())
    .fetch_all(&office.pool)
    .await?)
}

/// How long banks took, by service and all together; of what no bank was asked for there is nothing. The half and the slow of all are not those of
/// the services: they are found among the cases themselves, counted by hundredths of a second.
///
/// # Errors
/// The database.
pub async fn bank_times(office: &Office, scope: &Scope) -> Result<Vec<BankTime>> {
    let ids: Vec<&str> = scope.services.iter().map(|one| one.id.as_str()).collect();
    Ok(sqlx::query_as(
        "SELECT of, min(ms) FILTER (WHERE 2 * up_to >= whole) AS half_ms, min(ms) FILTER (WHERE 20 * up_to >= 19 * whole) AS slow_ms
           FROM (SELECT of, ms, sum(many) OVER (PARTITION BY of ORDER BY ms) AS up_to, sum(many) OVER (PARTITION BY of) AS whole
                   FROM (SELECT s.id AS of, ms, sum(many) AS many
                           FROM unnest($2::text[]) AS s (id)
                          CROSS JOIN LATERAL (
                                SELECT (bank_ms + 9) / 10 * 10 AS ms, count(*) AS many
                                  FROM case_measured
                                 WHERE centre_id = $1 AND service = s.id AND begun_on BETWEEN $3 AND $4
                                   AND ($5::smallint IS NULL OR branch_id = $5) AND bank_ms IS NOT NULL
                                 GROUP BY 1) AS hundredth
                          GROUP BY GROUPING SETS ((s.id, ms), (ms))) AS counted) AS ordered
          GROUP BY of",
    )
    .bind(office.centre.id)
    .bind(ids)
    .bind(scope.from)
    .bind(scope.to)
    .bind(scope.branch)
    .fetch_all(&office.pool)
    .await?)
}

/// Which cases stand behind a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// All that were begun.
    Begun,
    /// Begun without the counter.
    Online,
    /// Begun at the counter.
    Counter,
    /// Decided with no person.
    ByRules,
    /// Decided, and a person had a part in it.
    ByPerson,
    /// That needed a paper.
    Paper,
    /// Decided within the promise.
    InTime,
    /// Decided later than promised.
    Late,
    /// Whose bank has answered.
    Banked,
    /// Done without the counter: people were spared trips, or not.
    Spared,
}

impl Which {
    /// All with their word in an address and their name.
    pub const ALL: [(Which, &'static str, &'static str); 10] = [
        (Self::Begun, "begun", "全部办件"),
        (Self::Online, "online", "网上办的"),
        (Self::Counter, "counter", "柜台办的"),
        (Self::ByRules, "rules", "规则自动决定的"),
        (Self::ByPerson, "person", "有人参与决定的"),
        (Self::Paper, "paper", "补过材料的"),
        (Self::InTime, "in-time", "按时决定的"),
        (Self::Late, "late", "超过承诺时间的"),
        (Self::Banked, "bank", "银行已答复的"),
        (Self::Spared, "trips", "网上办好的"),
    ];

    /// Its word in an address.
    #[must_use]
    pub fn code(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(one, ..)| *one == self)
            .map_or("begun", |(_, code, _)| code)
    }
}

/// A case behind a figure.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Listed {
    /// The case.
    pub case_id: i64,
    /// Service id.
    pub service: String,
    /// Person or employer, as the service's audience says.
    pub applicant_id: i64,
    /// Channel code.
    pub channel: String,
    /// See [`anju_casework::case::CaseState`].
    pub state: i16,
    /// The day on which it was begun.
    pub begun_on: NaiveDate,
    /// Milliseconds from the decision to the bank's word.
    pub bank_ms: Option<i64>,
    /// Trips that it takes on paper less trips made; none where nobody was spared one.
    pub trips: Option<i64>,
}

/// Cases behind a figure, the newest first, a page that begins after a case.
///
/// # Errors
/// The database.
pub async fn list(
    office: &Office,
    scope: &Scope,
    which: Which,
    after: Option<(NaiveDate, i64)>,
    limit: i64,
) -> Result<Vec<Listed>> {
    let ids: Vec<&str> = scope.services.iter().map(|one| one.id.as_str()).collect();
    let trips: Vec<i64> = scope.services.iter().map(|one| one.paper_trips).collect();
    // Nothing was begun after the last day: that is where the first page begins.
    let (day, case_id) = after.unwrap_or((scope.to, i64::MAX));
    Ok(sqlx::query_as(
        "SELECT m.case_id, m.service, c.applicant_id, c.channel, c.state, m.begun_on, m.bank_ms,
                CASE WHEN m.online AND m.done THEN s.paper_trips - m.visits END AS trips
           FROM unnest($2::text[], $3::bigint[]) AS s (id, paper_trips)
          CROSS JOIN LATERAL (
                SELECT case_id, service, begun_on, bank_ms, online, done, visits
                  FROM case_measured
                 WHERE centre_id = $1 AND service = s.id AND begun_on BETWEEN $4 AND $5 AND (begun_on, case_id) < ($8, $9)
                   AND ($6::smallint IS NULL OR branch_id = $6)
                   AND CASE $7 WHEN 'online' THEN online WHEN 'counter' THEN NOT online WHEN 'rules' THEN by_rules
                               WHEN 'person' THEN decided AND NOT by_rules WHEN 'paper' THEN paper WHEN 'in-time' THEN in_time
                               WHEN 'late' THEN decided AND NOT in_time WHEN 'bank' THEN bank_ms IS NOT NULL WHEN 'trips' THEN online AND done ELSE true END
                 ORDER BY begun_on DESC, case_id DESC LIMIT $10) AS m
           JOIN business_case c ON c.centre_id = $1 AND c.case_id = m.case_id
          ORDER BY m.begun_on DESC, m.case_id DESC LIMIT $10",
    )
    .bind(office.centre.id)
    .bind(ids)
    .bind(trips)
    .bind(scope.from)
    .bind(scope.to)
    .bind(scope.branch)
    .bind(which.code())
    .bind(day)
    .bind(case_id)
    .bind(limit)
    .fetch_all(&office.pool)
    .await?)
}
