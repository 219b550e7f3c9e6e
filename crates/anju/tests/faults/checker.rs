//! The checker that stands beside the product: plain SQL, the bank's journal over the control door, and the clients' own log of
//! what was acknowledged. It uses no crate of the workspace, so that a mistake of the product is not a mistake of its judge too.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use serde_json::Value;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

/// What a client was told of a key, and keeps.
#[derive(Debug, Clone)]
pub struct Acknowledged {
    /// The idempotency key.
    pub key: Uuid,
    /// `POST` path below `/open/v1`.
    pub path: String,
    /// What was asked.
    pub asked: Value,
    /// The answer's body.
    pub answer: Value,
}

/// Where the books and the banks are.
#[derive(Debug, Clone)]
pub struct Places {
    /// The database, past any proxy.
    pub database: String,
    /// The outside world: `http://…`.
    pub outside: String,
}

/// How long what is on its way may take to arrive before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(60);

/// Name of a law, and the query that lists its breaches, one text a row.
const LAWS: &[(&str, &str)] = &[
    (
        "a journal sums to zero",
        "SELECT format('journal %s is off by %s', journal_id, sum(amount_fen))
           FROM posting GROUP BY centre_id, journal_id HAVING sum(amount_fen) <> 0",
    ),
    (
        "a journal has the lines that it says",
        "SELECT format('journal %s says %s lines and has %s', j.journal_id, j.lines, count(p.journal_id))
           FROM journal j LEFT JOIN posting p USING (centre_id, journal_id, business_date)
          GROUP BY j.centre_id, j.journal_id, j.business_date, j.lines HAVING j.lines <> count(p.journal_id)",
    ),
    (
        "a posting has its journal",
        "SELECT format('journal %s of %s is missing', p.journal_id, p.business_date)
           FROM posting p LEFT JOIN journal j USING (centre_id, journal_id, business_date)
          WHERE j.journal_id IS NULL",
    ),
    (
        "a balance is the sum of its postings",
        "SELECT format('account %s holds %s, its postings give %s', account_id, balance_fen, fen)
           FROM (SELECT a.account_id, a.balance_fen,
                        coalesce(sum(p.amount_fen), 0)
                            * CASE WHEN a.subject::text ~ '^(1|9|411)' THEN 1 ELSE -1 END AS fen
                   FROM ledger_account a LEFT JOIN posting p USING (centre_id, account_id)
                  WHERE a.running
                  GROUP BY a.centre_id, a.account_id, a.balance_fen, a.subject) AS held
          WHERE balance_fen <> fen",
    ),
    (
        "no balance is below zero",
        "SELECT format('account %s holds %s', account_id, balance_fen)
           FROM ledger_account WHERE running AND (balance_fen < 0 OR reserved_fen > balance_fen)",
    ),
    (
        "nothing was booked into a closed day after it was sealed",
        "SELECT format('%s was sealed with %s journals and %s postings and has %s and %s', d.business_date, d.journals, d.postings,
                       (SELECT count(*) FROM journal j
                         WHERE j.centre_id = d.centre_id AND j.business_date = d.business_date),
                       (SELECT count(*) FROM posting p
                         WHERE p.centre_id = d.centre_id AND p.business_date = d.business_date))
           FROM day_close d
          WHERE d.state = 2
            AND (d.journals, d.postings) IS DISTINCT FROM
                ((SELECT count(*) FROM journal j WHERE j.centre_id = d.centre_id AND j.business_date = d.business_date),
                 (SELECT count(*) FROM posting p WHERE p.centre_id = d.centre_id AND p.business_date = d.business_date))",
    ),
    (
        "no business date is later than the open one",
        "SELECT format('journal %s is dated %s', j.journal_id, j.business_date)
           FROM journal j JOIN business_day b USING (centre_id) WHERE j.business_date > b.open_date",
    ),
    (
        "an account has a year's interest once",
        "SELECT format('account %s has the interest of %s %s times', p.account_id, p.value_date, count(*))
           FROM posting p JOIN journal j USING (centre_id, journal_id, business_date)
          WHERE j.event = 72 AND p.subject = 201
          GROUP BY p.account_id, p.value_date HAVING count(*) > 1",
    ),
    (
        "a case takes its money once",
        "SELECT format('case %s took its money %s times', case_id, count(*))
           FROM journal WHERE event = 21 GROUP BY centre_id, case_id HAVING count(*) > 1",
    ),
    (
        "a case pays once",
        "SELECT format('case %s paid %s times', case_id, count(*) FILTER (WHERE event IN (22, 26))
                                                         - count(*) FILTER (WHERE event = 25))
           FROM journal WHERE event IN (22, 25, 26) GROUP BY centre_id, case_id
         HAVING count(*) FILTER (WHERE event IN (22, 26)) - count(*) FILTER (WHERE event = 25) > 1",
    ),
    (
        "a paid case has left the bank with its amount, no other has",
        "SELECT format('case %s (state %s, payment %s) of %s fen left the bank with %s fen', c.case_id, c.state, c.pay_state,
                       c.amount_fen, coalesce(booked.fen, 0))
           FROM business_case c
           LEFT JOIN (SELECT j.centre_id, j.case_id, -sum(p.amount_fen) AS fen
                        FROM journal j JOIN posting p USING (centre_id, journal_id, business_date)
                       WHERE p.subject = 10101 AND j.event IN (22, 25, 26)
                       GROUP BY j.centre_id, j.case_id) AS booked USING (centre_id, case_id)
          WHERE c.service LIKE 'withdraw-%'
            AND coalesce(booked.fen, 0) <> CASE WHEN c.pay_state = 3 THEN c.amount_fen ELSE 0 END",
    ),
    (
        "a case that failed has its money back",
        "SELECT format('case %s failed and %s fen of it are not back', c.case_id, sum(p.amount_fen))
           FROM business_case c
           JOIN journal j ON j.centre_id = c.centre_id AND j.case_id = c.case_id
           JOIN posting p ON p.centre_id = j.centre_id AND p.journal_id = j.journal_id AND p.business_date = j.business_date
          WHERE c.state = 9 AND p.subject = 201
          GROUP BY c.case_id HAVING sum(p.amount_fen) <> 0",
    ),
    (
        "money on its way is the money of the cases that are paying",
        "SELECT format('%s holds %s, the cases %s', subject, held, paying)
           FROM (SELECT subject,
                        (SELECT coalesce(-sum(p.amount_fen), 0) FROM posting p WHERE p.subject = of.subject) AS held,
                        (SELECT coalesce(sum(c.amount_fen), 0) FROM business_case c
                          WHERE c.service LIKE 'withdraw-%' AND c.state = 5
                            AND (c.pay_state = 5) = (of.subject = 21905)) AS paying
                   FROM (VALUES (21904), (21905)) AS of (subject)) AS both_sides
          WHERE held <> paying",
    ),
    (
        "a paid case has one debit of the bank",
        "SELECT format('case %s has %s debits of %s fen', c.case_id, count(i.serial), coalesce(sum(i.amount_fen), 0))
           FROM business_case c
           LEFT JOIN inbox i ON i.centre_id = c.centre_id AND i.case_id = c.case_id AND i.kind = 'debit'
          WHERE c.service LIKE 'withdraw-%' AND c.state = 6
          GROUP BY c.case_id, c.amount_fen HAVING count(i.serial) <> 1 OR sum(i.amount_fen) <> -c.amount_fen",
    ),
    (
        "an allocated list has credited what it says, once",
        "SELECT format('list %s of %s fen, allocated %s, has credited %s fen in %s journals', r.remittance_id, r.amount_fen,
                       r.allocated_fen, coalesce(booked.fen, 0), coalesce(booked.journals, 0))
           FROM remittance r
           LEFT JOIN (SELECT j.centre_id, j.case_id, -sum(p.amount_fen) AS fen, count(DISTINCT j.journal_id) AS journals
                        FROM journal j JOIN posting p USING (centre_id, journal_id, business_date)
                       WHERE j.event = 5 AND p.subject = 201
                       GROUP BY j.centre_id, j.case_id) AS booked
                  ON booked.centre_id = r.centre_id AND booked.case_id = r.remittance_id
          WHERE (coalesce(booked.fen, 0), coalesce(booked.journals, 0))
                IS DISTINCT FROM (CASE r.state WHEN 3 THEN (r.amount_fen::numeric, 1::bigint) ELSE (0::numeric, 0::bigint) END)
             OR r.allocated_fen <> coalesce(booked.fen, 0)",
    ),
    (
        "a list credits each account what its line says",
        "SELECT format('list %s, account %s: %s fen instead of %s', l.remittance_id, l.account_id, coalesce(booked.fen, 0),
                       l.employer_fen + l.employee_fen)
           FROM remittance_line l
           JOIN remittance r USING (centre_id, remittance_id)
           LEFT JOIN (SELECT j.case_id, p.account_id, -sum(p.amount_fen) AS fen
                        FROM journal j JOIN posting p USING (centre_id, journal_id, business_date)
                       WHERE j.event = 5 AND p.subject = 201
                       GROUP BY j.case_id, p.account_id) AS booked
                  ON booked.case_id = l.remittance_id AND booked.account_id = l.account_id
          WHERE r.state = 3 AND coalesce(booked.fen, 0) <> l.employer_fen + l.employee_fen",
    ),
    (
        "money that came in is a receipt, booked once",
        "SELECT format('%s %s: %s fen came in, %s receipts of %s fen', i.origin, i.serial, i.amount_fen, count(r.receipt_id),
                       coalesce(sum(r.amount_fen), 0))
           FROM inbox i
           LEFT JOIN receipt r ON r.centre_id = i.centre_id AND r.bank = i.origin AND r.serial = i.serial
          WHERE i.kind = 'credit' AND i.case_id IS NULL
          GROUP BY i.origin, i.serial, i.amount_fen
         HAVING count(r.receipt_id) <> 1 OR sum(r.amount_fen) <> i.amount_fen",
    ),
    (
        "nothing waits to be said about a case that has ended",
        "SELECT format('case %s is %s and message %s of kind %s waits', c.case_id, c.state, o.outbox_id, o.kind)
           FROM outbox o JOIN business_case c USING (centre_id, case_id)
          WHERE o.kind = 1 AND c.state >= 6",
    ),
];

/// Leaves of evidence, wherever they are at this moment: written with the change, sealed into the log afterwards.
const LEAVES: &str = "SELECT ref_id, kind FROM evidence_pending";
const SEALED_LEAVES: &str = " UNION ALL SELECT ref_id, kind FROM evidence_leaf";

/// Every case event has its leaf; every allocation one; every closed and signed day one. The leaves go in as text from above.
const EVIDENCE: &str = "WITH leaf AS (@leaves)
    SELECT format('case %s has %s events and %s leaves', case_id, events, leaves)
      FROM (SELECT case_id, count(*) AS events,
                   (SELECT count(*) FROM leaf WHERE kind = 1 AND ref_id = case_id) AS leaves
              FROM case_event GROUP BY case_id) AS counted
     WHERE events <> leaves
     UNION ALL
    SELECT format('list %s has %s leaves', remittance_id, leaves)
      FROM (SELECT remittance_id, state, (SELECT count(*) FROM leaf WHERE kind = 2 AND ref_id = remittance_id) AS leaves
              FROM remittance) AS counted
     WHERE leaves <> (state = 3)::integer
     UNION ALL
    SELECT format('%s days are signed and there are %s leaves of days', signed, leaves)
      FROM (SELECT (SELECT count(*) FROM day_signature WHERE state = 2) AS signed,
                   (SELECT count(*) FROM leaf WHERE kind = 3) AS leaves) AS counted
     WHERE signed <> leaves";

/// Compares books, bank, cases, evidence and the clients' log; waits for what is on its way. Panics with every breach.
pub async fn must_agree(places: &Places, log: &[Acknowledged]) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let breaches = breaches(places, log).await;
        if breaches.is_empty() {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "{} breaches:\n{}",
            breaches.len(),
            breaches[..breaches.len().min(40)].join("\n")
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// What does not agree at this moment.
pub async fn breaches(places: &Places, log: &[Acknowledged]) -> Vec<String> {
    let mut database = PgConnection::connect(&places.database)
        .await
        .expect("the database");
    let mut found = Vec::new();
    for (law, query) in LAWS {
        for breach in texts(&mut database, query).await {
            found.push(format!("{law}: {breach}"));
        }
    }
    for breach in evidence(&mut database).await {
        found.push(format!("every change has its leaf: {breach}"));
    }
    found.extend(keys(&mut database, log).await);
    found.extend(banks(&mut database, &places.outside).await);
    database.close().await.expect("a closed connection");
    found
}

async fn texts(database: &mut PgConnection, query: &'static str) -> Vec<String> {
    sqlx::query_scalar(query)
        .fetch_all(database)
        .await
        .unwrap_or_else(|error| panic!("{error}: {query}"))
}

async fn evidence(database: &mut PgConnection) -> Vec<String> {
    let log: bool = sqlx::query_scalar("SELECT to_regclass('evidence_leaf') IS NOT NULL")
        .fetch_one(&mut *database)
        .await
        .expect("an answer");
    let leaves = format!("{LEAVES}{}", if log { SEALED_LEAVES } else { "" });
    let query = EVIDENCE.replace("@leaves", &leaves);
    sqlx::query_scalar(sqlx::AssertSqlSafe(query))
        .fetch_all(database)
        .await
        .expect("the leaves")
}

/// Every acknowledged key is there with the answer that its client was given; every case is the case of one key.
async fn keys(database: &mut PgConnection, log: &[Acknowledged]) -> Vec<String> {
    let mut found = Vec::new();
    let asked: Vec<Uuid> = log.iter().map(|told| told.key).collect();
    let kept: HashMap<Uuid, Value> =
        sqlx::query_as("SELECT key, body FROM api_answer WHERE key = ANY ($1)")
            .bind(&asked)
            .fetch_all(&mut *database)
            .await
            .expect("the answers")
            .into_iter()
            .collect();
    let effects: HashMap<Uuid, i64> =
        sqlx::query_as("SELECT c.key, c.ref_id FROM command c JOIN business_case b ON b.case_id = c.ref_id WHERE c.key = ANY ($1)")
            .bind(&asked)
            .fetch_all(&mut *database)
            .await
            .expect("the commands")
            .into_iter()
            .collect();
    let mut of_case: BTreeMap<&str, Uuid> = BTreeMap::new();
    for told in log {
        match kept.get(&told.key) {
            None => found.push(format!("key {} ({}) is lost", told.key, told.path)),
            Some(answer) if *answer != told.answer => found.push(format!(
                "key {} was told {} and keeps {answer}",
                told.key, told.answer
            )),
            Some(_) => {}
        }
        if told.path != "/cases" {
            continue;
        }
        if !effects.contains_key(&told.key) {
            found.push(format!("key {} has an answer and no case", told.key));
        }
        let case = told.answer["case_id"].as_str().unwrap_or_default();
        if let Some(other) = of_case.insert(case, told.key)
            && other != told.key
        {
            found.push(format!("case {case} is told to {other} and {}", told.key));
        }
    }
    if !log.is_empty() {
        let cases: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM business_case WHERE service LIKE 'withdraw-%'",
        )
        .fetch_one(&mut *database)
        .await
        .expect("a count");
        if usize::try_from(cases).expect("a count") != of_case.len() {
            found.push(format!(
                "{cases} cases, {} acknowledged keys: a key has two cases or a case has no client",
                of_case.len()
            ));
        }
    }
    found
}

/// The bank's own journal: our account holds what the books say, each of its entries was taken in once, no order was executed twice.
async fn banks(database: &mut PgConnection, outside: &str) -> Vec<String> {
    let mut found = Vec::new();
    let accounts: Vec<(String, String, i64)> = sqlx::query_as(
        "SELECT f.bank, f.account_no, coalesce(sum(p.amount_fen), 0)::bigint
           FROM fund_account f
           LEFT JOIN posting p ON p.centre_id = f.centre_id AND p.account_id = f.deposit_id
          GROUP BY f.bank, f.account_no ORDER BY f.bank",
    )
    .fetch_all(&mut *database)
    .await
    .expect("the fund accounts");
    assert!(!accounts.is_empty(), "a centre has fund accounts");
    for (bank, number, booked) in accounts {
        let (balance, entries) = journal_of(outside, &bank, &number).await;
        if balance != booked {
            found.push(format!(
                "bank {bank} holds {balance} fen, the books say {booked}"
            ));
        }
        let taken: Vec<(i64, Option<String>)> =
            sqlx::query_as("SELECT amount_fen, end_to_end_id FROM inbox WHERE origin = $1")
                .bind(&bank)
                .fetch_all(&mut *database)
                .await
                .expect("the inbox");
        let mut left: BTreeMap<i64, i64> = BTreeMap::new();
        for entry in &entries {
            *left.entry(entry.0).or_default() += 1;
        }
        for (fen, _) in &taken {
            *left.entry(*fen).or_default() -= 1;
        }
        for (fen, count) in left.iter().filter(|(_, count)| **count != 0) {
            found.push(format!(
                "bank {bank}: entries of {fen} fen are {count} more at the bank than were taken in"
            ));
        }
        let mut orders: BTreeMap<&str, i64> = BTreeMap::new();
        for (fen, order) in &entries {
            if let Some(order) = order
                && *fen < 0
            {
                *orders.entry(order).or_default() += 1;
            }
        }
        for (order, times) in orders.iter().filter(|(_, times)| **times > 1) {
            found.push(format!("bank {bank} executed {order} {times} times"));
        }
    }
    found
}

/// Balance and entries (signed fen, identifier of the order) of an account, as the bank's journal has them.
async fn journal_of(outside: &str, bank: &str, number: &str) -> (i64, Vec<(i64, Option<String>)>) {
    let answer = reqwest::get(format!("{outside}/control/banks/{bank}/accounts/{number}"))
        .await
        .expect("the control door");
    if answer.status() == reqwest::StatusCode::NOT_FOUND {
        return (0, Vec::new());
    }
    let account: Value = answer.json().await.expect("an account");
    let entries = account["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .map(|entry| {
            (
                entry["amount_fen"].as_i64().expect("an amount"),
                entry["end_to_end_id"].as_str().map(str::to_owned),
            )
        })
        .collect();
    (account["balance_fen"].as_i64().expect("a balance"), entries)
}
