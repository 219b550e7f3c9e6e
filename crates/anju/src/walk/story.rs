//! What the walk-through does, step by step, over the doors: an employer is opened, three rosters are paid, rent is withdrawn, the
//! books and the bank agree. Each walk has its own employer and people, so that it can be walked again on the same centre.

use std::time::{Duration, Instant};

use anju_domain::calendar::Month;
use anju_domain::clock::{Clock, FileClock, shanghai_date};
use anju_evidence::note::VerifierKey;
use anju_evidence::proof::Bundle;
use anyhow::{Context, bail, ensure};
use chrono::{DateTime, FixedOffset};
use reqwest::StatusCode;
use serde_json::Value;

use crate::cast::{
    self, Person, balance, bank_balance, number, person, rent_request, state_of, text,
};
use crate::{config::Config, doors::Doors, start::office};

use super::Figures;

/// Longest wait for a proof: a second is what is promised.
const SEALED_WITHIN: Duration = Duration::from_secs(15);

/// Tells the story and notes each figure when it is seen.
pub async fn tell(doors: &Doors, config: &Config, figures: &mut Figures) -> anyhow::Result<()> {
    let clock = office::clock(&config.home);
    clocks(doors, &clock, figures).await?;
    let seed = clock.now().timestamp();
    let people = [
        person("李梅", seed, 1, 1_000_000)?,
        person("王强", seed, 2, 654_300)?,
        person("赵敏", seed, 3, 233_000)?,
    ];
    let this_month = Month::of(shanghai_date(clock.now()));
    let months = [
        this_month.plus(-3),
        this_month.plus(-2),
        this_month.plus(-1),
    ];

    register_people(doors, &people).await?;
    let employer = cast::open_employer(doors, seed, months[0]).await?;
    let before = books(doors).await?;
    mistakes(doors, &employer, months[0], &people, figures).await?;
    let fund = remit(doors, &employer, &months, &people, figures).await?;
    balances(doors, &people, figures).await?;
    rent(doors, &people, figures).await?;
    agree(doors, &before, &fund, figures).await
}

async fn clocks(doors: &Doors, clock: &FileClock, figures: &mut Figures) -> anyhow::Result<()> {
    let answer = doors.control("/clock").await?.ok()?;
    let outside: DateTime<FixedOffset> = answer["now"]
        .as_str()
        .context("外部世界没有给出时刻")?
        .parse()?;
    figures.got(
        "clocks-apart",
        (clock.now() - outside.to_utc()).num_minutes(),
    )
}

/// What the departments know of the people; the product learns it over the gateway.
async fn register_people(doors: &Doors, people: &[Person]) -> anyhow::Result<()> {
    for person in people {
        cast::register(doors, person).await?;
    }
    cast::rents(doors, &people[0]).await?;
    cast::owns_home(doors, &people[1]).await
}

/// A roster with two mistakes is refused whole, with both in one answer.
async fn mistakes(
    doors: &Doors,
    employer: &str,
    month: Month,
    people: &[Person],
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let mut wrong = people.to_vec();
    wrong[2].base_fen = 232_900;
    let last = if wrong[0].id.ends_with('1') { '2' } else { '1' };
    wrong[0].id.replace_range(17.., &last.to_string());
    let answer = cast::send_roster(doors, employer, month, &wrong).await?;
    ensure!(
        answer.status.as_u16() == 422,
        "一份有错的名册被收下了：{}",
        answer.body
    );
    figures.got(
        "roster-mistakes",
        answer.body["errors"]
            .as_array()
            .map_or(0, |errors| i64::try_from(errors.len()).unwrap_or(0)),
    )
}

/// The centre's account that the employer pays into.
struct Fund {
    bank: String,
    account: String,
    before_fen: i64,
}

async fn remit(
    doors: &Doors,
    employer: &str,
    months: &[Month],
    people: &[Person],
    figures: &mut Figures,
) -> anyhow::Result<Fund> {
    let mut fund = None;
    let mut allocated = 0;
    for (place, month) in months.iter().enumerate() {
        let checked = cast::send_roster(doors, employer, *month, people)
            .await?
            .ok()?;
        if place == 0 {
            figures.got("roster-lines", number(&checked, "lines")?)?;
            figures.got("roster-total", number(&checked, "total_fen")?)?;
        }
        let registered = cast::register_roster(doors, employer, *month, &checked)
            .await?
            .ok()?;
        let remittance = text(&registered, "remittance_id")?;
        let (bank, account) = (
            text(&registered, "payee_bank")?,
            text(&registered, "payee_account")?,
        );
        if fund.is_none() {
            let before_fen = bank_balance(doors, &bank, &account).await?;
            fund = Some(Fund {
                bank: bank.clone(),
                account: account.clone(),
                before_fen,
            });
        }
        let total = number(&registered, "amount_fen")?;
        let payments = match place {
            0 => vec![total],
            1 => vec![400_000, total - 400_000],
            _ => vec![total + 1],
        };
        for (part, amount_fen) in payments.iter().enumerate() {
            cast::pay(doors, &registered, *amount_fen).await?;
            if part + 1 < payments.len() {
                let state = state_of(doors, &remittance, |state| state != "awaiting").await?;
                figures.got("short-state", state.as_str())?;
            }
        }
        if state_of(doors, &remittance, |state| state == "allocated").await? == "allocated" {
            allocated += 1;
        }
    }
    figures.got("allocated-months", allocated)?;
    fund.context("没有登记任何汇缴")
}

async fn balances(doors: &Doors, people: &[Person], figures: &mut Figures) -> anyhow::Result<()> {
    for (person, figure) in people
        .iter()
        .zip(["li-balance", "wang-balance", "zhao-balance"])
    {
        figures.got(figure, balance(doors, person).await?)?;
    }
    Ok(())
}

async fn rent(doors: &Doors, people: &[Person], figures: &mut Figures) -> anyhow::Result<()> {
    let [li, wang, _] = people else {
        bail!("three people")
    };
    let request = rent_request(doors, li).await?;
    let submitted = doors.post("/cases?wait=15s", &request).await?.ok()?;
    let case = doors
        .get(&format!("/cases/{}", text(&submitted, "case_id")?))
        .await?
        .ok()?;
    figures.got("precheck", text(&case["decision"], "outcome")?.as_str())?;
    figures.got("rent-state", text(&case, "state")?.as_str())?;
    figures.got("rent-amount", number(&case, "amount_fen")?)?;
    let bank = text(&case["payment"], "bank")?;
    figures.got("card-balance", bank_balance(doors, &bank, &li.card).await?)?;
    figures.got("li-after", balance(doors, li).await?)?;
    figures.got("rent-again", refusal(doors, &request).await?.as_str())?;
    let request = rent_request(doors, wang).await?;
    figures.got("wang-refused", refusal(doors, &request).await?.as_str())?;
    figures.got(
        "proof",
        witnesses(doors, &text(&submitted, "case_id")?).await?,
    )
}

/// How many witnesses have signed the proof of a case, checked as anybody would: with the bundle and the keys alone.
async fn witnesses(doors: &Doors, case: &str) -> anyhow::Result<i64> {
    let deadline = Instant::now() + SEALED_WITHIN;
    let bundle = loop {
        let answer = doors.get(&format!("/cases/{case}/proof")).await?;
        if answer.status != StatusCode::ACCEPTED {
            break answer.ok()?;
        }
        ensure!(Instant::now() < deadline, "存证没有封存");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let (_, keys) = doors.plain("/tlog/keys").await?;
    let keys = keys
        .lines()
        .map(|line| Ok(line.parse()?))
        .collect::<anyhow::Result<Vec<VerifierKey>>>()?;
    let verified = Bundle::parse(bundle.to_string().as_bytes())?.verify(&keys)?;
    Ok(i64::try_from(verified.witnesses.len())?)
}

/// The state of a case that should be refused, and the conditions that are not met.
async fn refusal(doors: &Doors, request: &Value) -> anyhow::Result<String> {
    let submitted = doors.post("/cases?wait=15s", request).await?.ok()?;
    let conditions = submitted["decision"]["conditions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let failed: Vec<&str> = conditions
        .iter()
        .filter(|condition| condition["outcome"] == "not_met")
        .filter_map(|condition| condition["code"].as_str())
        .filter(|code| code.starts_with("RENT-0"))
        .take(1)
        .collect();
    Ok(format!(
        "{} {}",
        text(&submitted, "state")?,
        failed.join(" ")
    ))
}

async fn books(doors: &Doors) -> anyhow::Result<Value> {
    doors.get("/books/trial-balance").await?.ok()
}

fn closing(balance: &Value, code: &str) -> anyhow::Result<i64> {
    let subjects = balance["subjects"].as_array().context("subjects")?;
    let line = subjects
        .iter()
        .find(|line| line["code"] == code)
        .with_context(|| format!("没有科目 {code}"))?;
    number(line, "closing_fen")
}

/// Books, bank and cases agree.
async fn agree(
    doors: &Doors,
    before: &Value,
    fund: &Fund,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let after = books(doors).await?;
    for (figure, code) in [
        ("books-201", "201"),
        ("books-21901", "21901"),
        ("books-21904", "21904"),
        ("books-10101", "10101"),
    ] {
        figures.got(figure, closing(&after, code)? - closing(before, code)?)?;
    }
    figures.got(
        "bank-balance",
        bank_balance(doors, &fund.bank, &fund.account).await? - fund.before_fen,
    )?;
    let side = |name: &str| -> anyhow::Result<i64> {
        after["subjects"]
            .as_array()
            .context("subjects")?
            .iter()
            .map(|line| number(line, name))
            .sum()
    };
    figures.got("books-difference", side("debit_fen")? - side("credit_fen")?)
}
