//! The cast of the walk-through, of the demonstration and of tests: people whom departments know, an employer, a roster, money
//! paid in, all over the doors. Nobody's numbers are those of another cast, so that a story can be told again on the same centre.

pub mod home;
pub mod play;
pub mod table;

use std::time::{Duration, Instant};

use anju_domain::calendar::Month;
use anju_domain::card::CardNumber;
use anju_domain::id_number::IdNumber;
use anju_domain::money::Fen;
use anju_domain::uscc::Uscc;
use anyhow::Context;
use rust_xlsxwriter::Workbook;
use serde_json::{Value, json};

use crate::doors::{Answer, Doors};

/// The longest that a story waits for something that happens by itself.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A person of a story.
#[derive(Debug, Clone)]
pub struct Person {
    /// Name.
    pub name: String,
    /// Citizen identity number.
    pub id: String,
    /// Own debit card.
    pub card: String,
    /// Mobile phone, as the employer's roster tells it.
    pub phone: String,
    /// 缴存基数, fen.
    pub base_fen: i64,
}

/// A person whose numbers no other walk has: birth and order come from the instant.
///
/// # Errors
/// None for a seed and place that are not negative.
pub fn person(name: &str, seed: i64, place: i64, base_fen: i64) -> anyhow::Result<Person> {
    let number = seed * 10 + place;
    let day = chrono::NaiveDate::from_ymd_opt(1970, 1, 1)
        .and_then(|first| {
            first.checked_add_days(chrono::Days::new(
                u64::try_from(number / 1000 % 12_000).ok()?,
            ))
        })
        .context("a birth date")?;
    let body = format!("500103{}{:03}", day.format("%Y%m%d"), number % 1000);
    let id = "0123456789X"
        .chars()
        .map(|check| format!("{body}{check}"))
        .find(|id| IdNumber::parse(id).is_ok())
        .context("a check digit")?;
    let card = CardNumber::complete(&format!("622848{:012}", number % 1_000_000_000_000))?;
    Ok(Person {
        name: name.to_owned(),
        id,
        card: card.expose().to_owned(),
        phone: format!("139{:08}", number % 100_000_000),
        base_fen,
    })
}

/// Sets what a source holds of a subject.
///
/// # Errors
/// The outside world refuses.
pub async fn fact(
    doors: &Doors,
    source: &str,
    fact_type: &str,
    subject: &str,
    value: Value,
) -> anyhow::Result<()> {
    let body = json!({ "subject": subject, "value": value });
    doors
        .control_post(&format!("/facts/{source}/{fact_type}/set"), &body)
        .await?
        .ok()?;
    Ok(())
}

/// What the departments know of an ordinary person: identity, no marriage, an own debit card.
///
/// # Errors
/// The outside world refuses.
pub async fn register(doors: &Doors, person: &Person) -> anyhow::Result<()> {
    fact(
        doors,
        "D01",
        "police.identity",
        &person.id,
        json!({ "name": person.name, "match": true, "alive": true }),
    )
    .await?;
    fact(
        doors,
        "D02",
        "civil.marriage",
        &person.id,
        json!({ "state": "single", "since": "2000-01-01" }),
    )
    .await?;
    let card = json!({ "name": person.name, "card": person.card, "match": true, "card_type": "debit-1", "bank": "B4" });
    fact(doors, "D18", "unionpay.card_auth", &person.id, card).await
}

/// The person rents a home: a filed lease of 1,200.00 a month.
///
/// # Errors
/// The outside world refuses.
pub async fn rents(doors: &Doors, person: &Person) -> anyhow::Result<()> {
    let lease = json!({
        "filed": true, "lease_no": format!("ZL{}", &person.id[6..17]), "district": "500103", "from": "2020-01-01",
        "to": "2035-12-31", "rent_fen_month": 120_000, "kind": "market",
    });
    fact(doors, "D04", "housing.rental_filing", &person.id, lease).await
}

/// The person owns a home in the city.
///
/// # Errors
/// The outside world refuses.
pub async fn owns_home(doors: &Doors, person: &Person) -> anyhow::Result<()> {
    let home = json!({
        "houses": [{
            "district": "500112", "area_m2": "89.50", "use": "residential", "share_bp": 10_000, "acquired": "2018-05-01",
            "title_hash": "demo",
        }],
        "count": 1,
    });
    fact(doors, "D03", "estate.ownership", &person.id, home).await
}

/// Why somebody may close his account (withdrawal.md §5), as the departments know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    /// Retired.
    Retired,
    /// Settled abroad.
    SettledAbroad,
    /// Insured and registered in another city.
    MovedAway,
    /// Lost all capacity to work.
    Disabled,
    /// Left his employer; registered in another city.
    LeftJob,
}

/// What the departments know of somebody who says farewell since a day.
///
/// # Errors
/// The outside world refuses.
pub async fn says_farewell(
    doors: &Doors,
    person: &Person,
    why: Farewell,
    since: chrono::NaiveDate,
) -> anyhow::Result<()> {
    let ended = json!({ "state": "ended", "ended_on": since, "reemployed": false });
    fact(doors, "D05", "hrss.employment", &person.id, ended).await?;
    let hukou = match why {
        Farewell::MovedAway | Farewell::LeftJob => {
            json!({ "local": false, "region_code": "510104", "state": "active" })
        }
        Farewell::SettledAbroad => {
            json!({ "local": true, "region_code": "500103", "state": "cancelled" })
        }
        Farewell::Retired | Farewell::Disabled => {
            json!({ "local": true, "region_code": "500103", "state": "active" })
        }
    };
    fact(doors, "D01", "police.hukou", &person.id, hukou).await?;
    let (source, fact_type, value) = match why {
        Farewell::Retired => (
            "D05",
            "hrss.retirement",
            json!({ "retired": true, "date": since, "kind": "normal" }),
        ),
        Farewell::SettledAbroad => (
            "D13",
            "immigration.settlement",
            json!({ "settled_abroad": true, "country": "加拿大", "date": since }),
        ),
        Farewell::MovedAway => (
            "D01",
            "police.hukou_move",
            json!({ "moved_out": true, "date": since, "to_region": "510104" }),
        ),
        Farewell::Disabled => (
            "D05",
            "hrss.work_capacity",
            json!({ "grade": "2", "total_loss": true, "date": since }),
        ),
        Farewell::LeftJob => return Ok(()),
    };
    fact(doors, source, fact_type, &person.id, value).await
}

/// The employer seals the account of who has left.
///
/// # Errors
/// A door refuses.
pub async fn seal(doors: &Doors, employer: &str, who: &Person) -> anyhow::Result<()> {
    let row =
        json!({ "account_no": text(&account(doors, who).await?, "account_no")?, "reason": "离职" });
    let body = json!({
        "service": "employee-account-seal", "applicant": employer, "form": { "roster": [row] }, "channel": "HALL",
    });
    doors.post("/cases", &body).await?.ok()?;
    Ok(())
}

/// The number of a person's home loan: he has one at most at each bank.
pub fn loan_no(person: &Person) -> String {
    format!("3100{}", &person.id[6..17])
}

/// The person repays a home loan of a bank: so much on the 20th of each of these months.
///
/// # Errors
/// The outside world refuses.
pub async fn repays(
    doors: &Doors,
    person: &Person,
    bank: &str,
    months: &[Month],
    fen: i64,
) -> anyhow::Result<()> {
    let instalments: Vec<Value> = months
        .iter()
        .map(|month| json!({ "date": format!("{month}-20"), "amount_fen": fen }))
        .collect();
    let loan = json!({
        "loan_no": loan_no(person), "role": "borrower", "purpose": "house", "district": "500112", "instalments": instalments,
    });
    fact(doors, bank, "bank.loan_repayment", &person.id, loan).await
}

/// A request about the person's own home loan at a bank: a claim, or with an `action` an agreement.
///
/// # Errors
/// The centre does not know the person.
pub async fn loan_request(
    doors: &Doors,
    person: &Person,
    bank: &str,
    action: Option<&str>,
) -> anyhow::Result<Value> {
    let applicant = look_up(doors, person).await?;
    let mut form = json!({ "loan_bank": bank, "loan_no": loan_no(person), "card_no": person.card });
    let service = match action {
        Some(action) => {
            form["action"] = action.into();
            "withdraw-sign-commercial"
        }
        None => "withdraw-repay",
    };
    Ok(json!({ "service": service, "applicant": applicant, "form": form, "channel": "APP" }))
}

/// An employer of a story.
#[derive(Debug, Clone)]
pub struct Firm {
    /// Registered name.
    pub name: String,
    /// Credit code.
    pub uscc: String,
    /// Phone of its clerk 陈芳.
    pub clerk_phone: String,
}

/// A firm that no other story has.
///
/// # Errors
/// None for a seed that is not negative.
pub fn firm(name: &str, seed: i64) -> anyhow::Result<Firm> {
    let uscc = Uscc::complete(&format!("91500103{:09}", seed % 1_000_000_000))?;
    Ok(Firm {
        name: name.to_owned(),
        uscc: uscc.as_str().to_owned(),
        clerk_phone: format!("138{:08}", seed % 100_000_000),
    })
}

/// Opens a firm (12 % + 12 %) that the market regulator knows; returns its number.
///
/// # Errors
/// A door refuses.
pub async fn open_firm(doors: &Doors, firm: &Firm, first: Month) -> anyhow::Result<String> {
    let registration = json!({
        "name": firm.name, "kind": "company", "state": "open", "founded": "2015-06-01", "region": "500103",
        "address": "重庆市渝中区", "legal_person": { "name": "陈立" },
    });
    fact(
        doors,
        "D06",
        "market.registration",
        &firm.uscc,
        registration,
    )
    .await?;
    // Its account is at 建设银行, whatever its number: so that it can sign an entrusted collection.
    fact(
        doors,
        "B4",
        "bank.account_match",
        &firm.uscc,
        json!({ "match": true, "name": firm.name }),
    )
    .await?;
    let opening = json!({
        "name": firm.name, "uscc": firm.uscc, "kind": "私企", "ratio_employer_bp": 1200, "ratio_employee_bp": 1200,
        "legal_representative": "陈立", "first_month": first.to_string(), "payday": 10,
        "clerk": { "name": "陈芳", "phone": firm.clerk_phone },
    });
    text(
        &doors.post("/employers", &opening).await?.ok()?,
        "employer_no",
    )
}

/// Opens a firm for a walk or a test.
///
/// # Errors
/// A door refuses.
pub async fn open_employer(doors: &Doors, seed: i64, first: Month) -> anyhow::Result<String> {
    let firm = firm(&format!("重庆走查科技有限公司{}", seed % 1_000_000), seed)?;
    open_firm(doors, &firm, first).await
}

/// A complete roster of these people as a clerk's xlsx.
///
/// # Errors
/// The file cannot be put together; no input leads there.
pub fn roster(people: &[Person]) -> anyhow::Result<Vec<u8>> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for (column, header) in (0..).zip(["姓名", "证件号码", "缴存基数", "手机号"]) {
        sheet.write_string(0, column, header)?;
    }
    for (row, person) in (1..).zip(people) {
        sheet.write_string(row, 0, &person.name)?;
        sheet.write_string(row, 1, &person.id)?;
        // Text, so that the file holds the exact yuan.
        sheet.write_string(row, 2, Fen::new(person.base_fen).to_string())?;
        sheet.write_string(row, 3, &person.phone)?;
    }
    Ok(book.save_to_buffer()?)
}

/// Sends a month's roster of these people; nothing is registered by it.
///
/// # Errors
/// The door does not answer.
pub async fn send_roster(
    doors: &Doors,
    employer: &str,
    month: Month,
    people: &[Person],
) -> anyhow::Result<Answer> {
    let path = format!("/employers/{employer}/rosters?month={month}");
    doors.post_xlsx(&path, roster(people)?).await
}

/// Registers a roster that was found right for a month.
///
/// # Errors
/// The door does not answer.
pub async fn register_roster(
    doors: &Doors,
    employer: &str,
    month: Month,
    checked: &Value,
) -> anyhow::Result<Answer> {
    let body = json!({ "roster_id": checked["roster_id"], "month": month.to_string() });
    doors
        .post(&format!("/employers/{employer}/remittances"), &body)
        .await
}

/// Registers a month of these people; returns the answer of the door.
///
/// # Errors
/// A door refuses.
pub async fn register_month(
    doors: &Doors,
    employer: &str,
    month: Month,
    people: &[Person],
) -> anyhow::Result<Value> {
    let checked = send_roster(doors, employer, month, people).await?.ok()?;
    register_roster(doors, employer, month, &checked)
        .await?
        .ok()
}

/// Pays into the centre's account that a registered remittance names.
///
/// # Errors
/// The bank refuses.
pub async fn pay(doors: &Doors, registered: &Value, amount_fen: i64) -> anyhow::Result<()> {
    let payment = json!({
        "from": "6500999000001", "to": registered["payee_account"], "amount_fen": amount_fen,
        "reference": registered["reference"], "payer": "重庆走查科技有限公司",
    });
    let bank = text(registered, "payee_bank")?;
    doors
        .control_post(&format!("/banks/{bank}/payments"), &payment)
        .await?
        .ok()?;
    Ok(())
}

/// Registers, pays and waits for the allocation of a month.
///
/// # Errors
/// A door refuses, or it is not allocated in time.
pub async fn contribute(
    doors: &Doors,
    employer: &str,
    month: Month,
    people: &[Person],
) -> anyhow::Result<Value> {
    let registered = register_month(doors, employer, month, people).await?;
    pay(doors, &registered, number(&registered, "amount_fen")?).await?;
    let state = state_of(doors, &text(&registered, "remittance_id")?, |state| {
        state == "allocated"
    })
    .await?;
    anyhow::ensure!(state == "allocated", "{month} is {state}");
    Ok(registered)
}

/// The remittance's state once it is what is waited for, or when patience is over.
///
/// # Errors
/// A door refuses.
pub async fn state_of(
    doors: &Doors,
    remittance: &str,
    wanted: impl Fn(&str) -> bool,
) -> anyhow::Result<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let state = text(
            &doors
                .get(&format!("/remittances/{remittance}"))
                .await?
                .ok()?,
            "state",
        )?;
        if wanted(&state) || Instant::now() > deadline {
            return Ok(state);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The person's public number.
///
/// # Errors
/// The centre does not know the person.
pub async fn look_up(doors: &Doors, person: &Person) -> anyhow::Result<String> {
    let found = doors
        .post("/people/lookup", &json!({ "id_no": person.id }))
        .await?
        .ok()?;
    text(&found, "person_id")
}

/// What the person sends for a withdrawal of rent to his own card.
///
/// # Errors
/// The centre does not know the person.
pub async fn rent_request(doors: &Doors, person: &Person) -> anyhow::Result<Value> {
    let applicant = look_up(doors, person).await?;
    Ok(json!({
        "service": "withdraw-rent", "applicant": applicant, "form": { "card_no": person.card }, "channel": "APP",
    }))
}

/// The person's account as the door shows it.
///
/// # Errors
/// The person has no account.
pub async fn account(doors: &Doors, person: &Person) -> anyhow::Result<Value> {
    let person_id = look_up(doors, person).await?;
    let accounts = doors
        .get(&format!("/people/{person_id}/accounts"))
        .await?
        .ok()?;
    Ok(accounts[0].clone())
}

/// The balance of the person's account, fen.
///
/// # Errors
/// As [`account`].
pub async fn balance(doors: &Doors, person: &Person) -> anyhow::Result<i64> {
    number(&account(doors, person).await?, "balance_fen")
}

/// What an account or card holds at a bank, fen; 0 before its first entry.
///
/// # Errors
/// The outside world refuses.
pub async fn bank_balance(doors: &Doors, bank: &str, account: &str) -> anyhow::Result<i64> {
    let answer = doors
        .control(&format!("/banks/{bank}/accounts/{account}"))
        .await?;
    if answer.status.as_u16() == 404 {
        return Ok(0);
    }
    number(&answer.ok()?, "balance_fen")
}

/// A text of an answer.
///
/// # Errors
/// There is none.
pub fn text(value: &Value, field: &str) -> anyhow::Result<String> {
    Ok(value[field]
        .as_str()
        .with_context(|| format!("回答里没有 {field}：{value}"))?
        .to_owned())
}

/// A number of an answer.
///
/// # Errors
/// There is none.
pub fn number(value: &Value, field: &str) -> anyhow::Result<i64> {
    value[field]
        .as_i64()
        .with_context(|| format!("回答里没有 {field}：{value}"))
}
