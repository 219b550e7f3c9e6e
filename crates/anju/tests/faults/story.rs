//! What people of the fault tests are and want.

use anju::cast::{self, Person, contribute, person};
use anju::doors::Doors;
use anju_domain::calendar::Month;
use futures::stream::{self, StreamExt};
use serde_json::Value;

/// Small counts for CI, large ones at night.
pub fn count(ci: usize, nightly: usize) -> usize {
    if std::env::var_os("ANJU_NIGHTLY").is_some() {
        nightly
    } else {
        ci
    }
}

/// People with 7,200.00 each from the three months before `this`, who live for rent by their promise: at most 1,500.00 a month.
pub async fn tenants(doors: &Doors, this: Month, number: usize, place: i64) -> Vec<Person> {
    let people: Vec<Person> = (0..number)
        .map(|n| {
            let n = i64::try_from(n).expect("a number");
            person("李梅", place * 10_000, n, 1_000_000).expect("numbers")
        })
        .collect();
    stream::iter(&people)
        .for_each_concurrent(8, |one| async {
            cast::register(doors, one).await.expect("departments");
        })
        .await;
    let employer = cast::open_employer(doors, place, this.plus(-3))
        .await
        .expect("an employer");
    for back in [3, 2, 1] {
        contribute(doors, &employer, this.plus(-back), &people)
            .await
            .expect("a month");
    }
    people
}

/// A withdrawal for rent by its applicant.
pub async fn request(doors: &Doors, who: &Person) -> Value {
    cast::rent_request(doors, who).await.expect("known")
}

/// The withdrawals of many.
pub async fn requests(doors: &Doors, people: &[Person]) -> Vec<Value> {
    stream::iter(people)
        .map(|one| request(doors, one))
        .buffered(8)
        .collect()
        .await
}
