//! F4 and F5: one key many times at once, many keys for one balance.

use futures::{
    future::join_all,
    stream::{self, StreamExt},
};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    checker::{Acknowledged, Places, must_agree},
    story::{count, request, tenants},
    town::{Town, month},
};

fn places(town: &Town) -> Places {
    Places {
        database: town.config.database_url.clone(),
        outside: town.config.outside_url.clone(),
    }
}

/// F4: one key fifty times at once, many keys: one effect, equal answers; another body is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_fifty_times_at_once_is_one_effect() {
    let town = Town::open().await;
    let people = tenants(&town.doors, month(0), count(100, 1_000), 75).await;
    let mut log = Vec::new();
    for one in &people {
        let body = request(&town.doors, one).await;
        let key = Uuid::now_v7();
        let text = key.to_string();
        let answers =
            join_all((0..50).map(|_| town.doors.post_with_key("/cases", &text, &body))).await;
        let bodies: Vec<Value> = answers
            .into_iter()
            .map(|answer| answer.expect("a door").ok().expect("the case"))
            .collect();
        assert!(
            bodies.iter().all(|body| *body == bodies[0]),
            "equal answers for {key}"
        );
        let mut other = body.clone();
        other["channel"] = "WX".into();
        let refused = town
            .doors
            .post_with_key("/cases", &text, &other)
            .await
            .expect("a door");
        assert_eq!((refused.status.as_u16(), refused.code()), (409, "E-API-02"));
        log.push(Acknowledged {
            key,
            path: "/cases".to_owned(),
            asked: body,
            answer: bodies[0].clone(),
        });
    }
    must_agree(&places(&town), &log).await;
}

/// F5: different keys racing for one balance: each race is won once, whoever wins, and the balance is what one winner leaves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_withdrawals_racing_for_one_balance_never_overdraw_it() {
    let town = Town::open().await;
    // Five at once for each account, ten at night: 500 and 10,000 runners.
    let (number, runners) = (count(100, 1_000), count(5, 10));
    let people = tenants(&town.doors, month(0), number, 76).await;
    stream::iter(&people)
        .for_each_concurrent(4, |one| async {
            let body = request(&town.doors, one).await;
            let answers = join_all((0..runners).map(|_| town.doors.post("/cases", &body))).await;
            for answer in answers {
                let answer = answer.expect("a door");
                assert!(
                    answer.status.is_success() || answer.code() == "E-W-05",
                    "{}",
                    answer.body
                );
            }
        })
        .await;
    must_agree(&places(&town), &[]).await;
    let once = town
        .sql(
            "SELECT count(*) FROM (SELECT c.applicant_id
                                     FROM business_case c JOIN ledger_account a USING (centre_id, account_id)
                                    WHERE c.service = 'withdraw-rent' AND c.state = 6
                                    GROUP BY c.applicant_id, a.balance_fen
                                   HAVING count(*) = 1 AND a.balance_fen = 720000 - sum(c.amount_fen)) AS winner",
        )
        .await;
    assert_eq!(
        usize::try_from(once).expect("a count"),
        people.len(),
        "each was paid once, from what was there"
    );
}
