//! Random commands against a small shadow model (F14): after each step the account is what the model says, at the end the
//! general ledger and the audit agree too.

use std::collections::HashMap;

use anju_domain::money::Fen;
use anju_domain::subject::Subject;
use anju_ledger::freeze::{self, Hold, HoldKind};
use anju_ledger::trial_balance::trial_balance;
use anju_ledger::{AccountId, JournalId, product};
use chrono::{Datelike, Days, NaiveDate};

use crate::books::{Books, CENTRE, noon};

/// Steps in CI; at night there are fifty times as many.
const STEPS: u32 = 2_000;
const RATE_BP: i64 = 150;

/// xorshift64*: enough chance for a test, and a seed is all that it needs.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % bound
    }

    fn fen(&mut self, bound: u64) -> Fen {
        Fen::new(i64::try_from(self.below(bound)).expect("small") + 1)
    }
}

/// What an account should be: its movements with their value dates, interest by walking over the days.
#[derive(Default)]
struct Shadow {
    balance: i64,
    frozen: i64,
    reserved: i64,
    product: i64,
    counted_to: Option<NaiveDate>,
    settled_on: Option<NaiveDate>,
    /// Interest owed for days before the last settlement, in fen × bp × days.
    owed: i64,
}

impl Shadow {
    fn count_to(&mut self, day: NaiveDate) {
        self.settle_if_due(day);
        let from = self.counted_to.replace(day).unwrap_or(day);
        self.product += self.balance * (day - from).num_days();
    }

    fn settle_if_due(&mut self, day: NaiveDate) {
        let year = interest_year(day);
        if self.settled_on.is_some_and(|settled| settled < year) {
            let from = self.counted_to.replace(year).expect("it moved before");
            self.product += self.balance * (year - from).num_days();
            self.balance += interest(self.product * RATE_BP);
            self.product = 0;
            self.settled_on = Some(year);
        }
    }

    fn change(&mut self, day: NaiveDate, value_date: NaiveDate, fen: i64) {
        self.count_to(day);
        let settled = self.settled_on.expect("an open account");
        self.product += fen * (day - value_date.max(settled)).num_days();
        if value_date < settled {
            self.owed += fen * (settled - value_date).num_days() * RATE_BP;
        }
        self.balance += fen;
    }

    fn available(&self) -> i64 {
        self.balance - self.frozen - self.reserved
    }
}

fn interest_year(day: NaiveDate) -> NaiveDate {
    let year = if day.month() < 7 {
        day.year() - 1
    } else {
        day.year()
    };
    NaiveDate::from_ymd_opt(year, 7, 1).expect("1 July")
}

fn interest(accrual: i64) -> i64 {
    accrual.signum() * ((accrual.abs() + 1_800_000) / 3_600_000)
}

struct Paid {
    account: usize,
    journal: JournalId,
    day: NaiveDate,
    fen: i64,
}

fn steps() -> u32 {
    if std::env::var_os("ANJU_NIGHTLY").is_some() {
        50 * STEPS
    } else {
        STEPS
    }
}

#[tokio::test]
async fn random_commands_leave_the_books_as_the_model_says() {
    let seed = std::env::var("ANJU_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(20_261_124);
    println!("seed {seed} (ANJU_SEED)");
    let mut chance = Chance(seed);
    let books = Books::open("2026-02-01").await;
    let accounts = books.people(6).await;
    let mut shadows: Vec<Shadow> = accounts
        .iter()
        .map(|_| Shadow {
            settled_on: Some(interest_year("2026-02-01".parse().expect("a date"))),
            ..Shadow::default()
        })
        .collect();
    let mut suspense = 0_i64;
    let mut paid: Vec<Paid> = Vec::new();
    let mut holds: HashMap<i64, (usize, HoldKind, i64)> = HashMap::new();
    let (mut refused, mut reversed) = (0, 0);

    for step in 0..steps() {
        let day = books.today().await.date();
        let which = usize::try_from(chance.below(6)).expect("small");
        let account = accounts[which];
        match chance.below(100) {
            0..=24 => {
                let fen = chance.fen(500_000);
                books.receive(fen).await;
                suspense += fen.fen();
            }
            25..=54 => {
                // A roster of one to four, sometimes with an earlier value date, sometimes more than there is.
                let count = usize::try_from(chance.below(4)).expect("small") + 1;
                let back = Days::new(if chance.below(3) == 0 {
                    chance.below(25)
                } else {
                    0
                });
                let value_date = (day - back).max("2026-02-01".parse().expect("a date"));
                let lines: Vec<(AccountId, Fen)> = (0..count)
                    .map(|n| (accounts[(which + n) % 6], chance.fen(200_000)))
                    .collect();
                let total: i64 = lines.iter().map(|(_, fen)| fen.fen()).sum();
                if books.allocate(&lines, value_date).await.is_ok() {
                    assert!(total <= suspense, "step {step}");
                    suspense -= total;
                    for (account, fen) in lines {
                        let at = accounts.iter().position(|a| *a == account).expect("ours");
                        shadows[at].change(day, value_date, fen.fen());
                    }
                } else {
                    assert!(total > suspense, "step {step}");
                    refused += 1;
                }
            }
            55..=79 => {
                let fen = chance.fen(300_000).fen();
                let journal = books.pay_out(account, Fen::new(fen)).await;
                shadows[which].settle_if_due(day);
                assert_eq!(
                    journal.is_some(),
                    fen <= shadows[which].available(),
                    "step {step}"
                );
                match journal {
                    Some(journal) => {
                        shadows[which].change(day, day, -fen);
                        paid.push(Paid {
                            account: which,
                            journal,
                            day,
                            fen,
                        });
                    }
                    None => refused += 1,
                }
            }
            80..=86 => {
                if !paid.is_empty() {
                    let at = usize::try_from(chance.below(paid.len() as u64)).expect("small");
                    let Paid {
                        account,
                        journal,
                        day: of,
                        fen,
                    } = paid.swap_remove(at);
                    books.reverse(23, journal, of).await.expect("a reversal");
                    shadows[account].change(day, of, fen);
                    reversed += 1;
                }
            }
            87..=92 => {
                let kind = if chance.below(2) == 0 {
                    HoldKind::Freeze
                } else {
                    HoldKind::Reservation
                };
                let hold = Hold {
                    hold_id: i64::from(step),
                    account,
                    kind,
                    amount: chance.fen(100_000),
                    case_id: None,
                    reason: "random",
                    until: None,
                };
                let fen = hold.amount.fen();
                let shadow = &mut shadows[which];
                let laid = freeze::hold(&mut *books.conn().await, CENTRE, &hold, noon(day))
                    .await
                    .expect("an answer");
                assert_eq!(
                    laid,
                    kind == HoldKind::Freeze || fen <= shadow.available(),
                    "step {step}"
                );
                if laid {
                    *(if kind == HoldKind::Freeze {
                        &mut shadow.frozen
                    } else {
                        &mut shadow.reserved
                    }) += fen;
                    holds.insert(hold.hold_id, (which, kind, fen));
                }
            }
            93..=95 => {
                if let Some(hold_id) = holds.keys().min().copied() {
                    let (which, kind, fen) = holds.remove(&hold_id).expect("it is there");
                    assert!(
                        freeze::release(&mut *books.conn().await, CENTRE, hold_id, noon(day))
                            .await
                            .expect("released")
                    );
                    let shadow = &mut shadows[which];
                    *(if kind == HoldKind::Freeze {
                        &mut shadow.frozen
                    } else {
                        &mut shadow.reserved
                    }) -= fen;
                }
            }
            96..=97 => {
                let owed = interest(shadows[which].owed);
                let header = books.header(89).await;
                let key = step.to_string();
                shadows[which].owed = 0;
                let booked =
                    product::correct_interest(&mut *books.conn().await, &header, &key, account)
                        .await
                        .expect("E89");
                assert_eq!(booked.fen(), owed, "step {step}");
                if owed != 0 {
                    shadows[which].change(day, day, owed);
                }
            }
            _ => {
                let next = day + Days::new(chance.below(20) + 1);
                books.close_to(&next.to_string()).await;
            }
        }
        let now = books.account(account).await;
        let shadow = &shadows[which];
        assert_eq!(
            (
                now.balance.fen(),
                now.frozen.fen(),
                now.reserved.fen(),
                now.product
            ),
            (
                shadow.balance,
                shadow.frozen,
                shadow.reserved,
                shadow.product
            ),
            "step {step}, seed {seed}"
        );
        assert_eq!(
            books.account(books.suspense).await.balance.fen(),
            suspense,
            "step {step}, seed {seed}"
        );
        general_ledger_agrees(&books, &shadows, suspense, &paid).await;
    }
    println!(
        "{refused} refused, {reversed} reversed, {} days",
        books.today().await.date()
    );
    books.must_balance().await;
}

/// The general ledger holds what the model's accounts hold.
async fn general_ledger_agrees(books: &Books, shadows: &[Shadow], suspense: i64, paid: &[Paid]) {
    let date = books.today().await.date();
    let ledger = trial_balance(&mut *books.conn().await, CENTRE, date, None)
        .await
        .expect("figures");
    let closing = |subject| ledger.of(subject).map_or(0, |line| line.closing.fen());
    let held: i64 = shadows.iter().map(|shadow| shadow.balance).sum();
    let in_flight: i64 = paid.iter().map(|paid| paid.fen).sum();
    assert_eq!(
        (
            closing(Subject::FUND_LIABILITY),
            closing(Subject::UNIT_SUSPENSE),
            closing(Subject::WITHDRAWAL_PAYABLE)
        ),
        (held, suspense, in_flight)
    );
}
