//! What comes back: a receipt that bears a claim's code is credited to the person's account (E30), in the transaction that takes it.

use anju_casework::books::{self, Booking};
use anju_casework::case::{self, CaseState};
use anju_casework::{Actor, Fault, Office, PgConnection, Result, outbox};
use anju_domain::money::Fen;
use anju_ledger::Role;
use serde_json::json;

use super::{Recovery, find_code, find_locked, state};
use crate::contribution::receipt::Credit;

/// Where a receipt that names a recovery belongs.
pub(crate) enum Place {
    /// To each of these its part, fen, on its own account: one claim, or all claims on one contract where the developer gives back the
    /// whole of it at once.
    Claims(Vec<Part>),
    /// To nobody, with the reason.
    Nobody(String),
}

/// What of a receipt belongs to a claim.
pub(crate) struct Part {
    /// The claim.
    pub one: Recovery,
    /// The account that it comes back to.
    pub account_id: i64,
    /// Fen of the receipt.
    pub fen: i64,
    /// What of that goes back to the housing subsidy's account that it came from.
    pub subsidy: Option<(i64, i64)>,
}

/// Takes all open claims on a contract's money in its supervised account, in one order whoever's code is named.
async fn of_contract(
    office: &Office,
    tx: &mut PgConnection,
    contract_no: &str,
) -> Result<Vec<Recovery>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM recovery
          WHERE centre_id = $1 AND contract_no = $2 AND debtor = 2 AND state = 2 ORDER BY recovery_id FOR NO KEY UPDATE"
    ))
    .bind(office.centre.id)
    .bind(contract_no)
    .fetch_all(tx)
    .await?)
}

/// The contract of a claim, before it is taken.
async fn contract_of(
    office: &Office,
    tx: &mut PgConnection,
    recovery_id: i64,
) -> Result<Option<String>> {
    let found: Option<Option<String>> = sqlx::query_scalar(
        "SELECT contract_no FROM recovery WHERE centre_id = $1 AND recovery_id = $2 AND debtor = 2",
    )
    .bind(office.centre.id)
    .bind(recovery_id)
    .fetch_optional(tx)
    .await?;
    Ok(found.flatten())
}

/// Finds and takes the recovery that a receipt names; none where the remark names none of ours.
pub(crate) async fn place(
    office: &Office,
    tx: &mut PgConnection,
    credit: &Credit,
) -> Result<Option<Place>> {
    let Some(recovery_id) = find_code(office, &credit.remark) else {
        return Ok(None);
    };
    // Taken together and in order, so that two receipts of one developer do not wait for each other.
    let together = match contract_of(office, tx, recovery_id).await? {
        Some(contract_no) => of_contract(office, tx, &contract_no).await?,
        None => Vec::new(),
    };
    let Some(one) = find_locked(office, tx, recovery_id).await? else {
        return Ok(None);
    };
    let nobody = |words: &str| Ok(Some(Place::Nobody(words.to_owned())));
    if one.state != state::DEMANDED {
        return nobody("附言是追回码，但这笔追回已经结清或撤销，请退回");
    }
    let all: i64 = together.iter().map(Recovery::left_fen).sum();
    let claims = if credit.amount_fen <= one.left_fen() {
        vec![(one, credit.amount_fen)]
    } else if together.len() > 1 && credit.amount_fen == all {
        let each = together.into_iter();
        each.map(|one| {
            let left = one.left_fen();
            (one, left)
        })
        .collect()
    } else {
        return nobody("附言是追回码，但金额超过还要退回的数，请核对后退回");
    };
    let mut parts = Vec::new();
    for (one, fen) in claims {
        let Some(account_id) =
            case::account_to_credit(office, tx, one.person_id, one.of_case).await?
        else {
            return nobody("附言是追回码，但这位职工没有可以入账的账户");
        };
        let subsidy =
            case::subsidy_to_credit(office, tx, one.of_case, one.returned_fen, fen).await?;
        parts.push(Part {
            one,
            account_id,
            fen,
            subsidy,
        });
    }
    Ok(Some(Place::Claims(parts)))
}

/// E30: what came back is credited, in the transaction that takes the receipt; the last fen ends the recovery and gives back what the
/// withdrawal had used up. Interest does not come back (§7). Returns the journal, of two the first.
pub(crate) async fn received(
    office: &Office,
    tx: &mut PgConnection,
    part: &Part,
    credit: &Credit,
) -> Result<i64> {
    let Part {
        one,
        account_id,
        fen,
        subsidy,
    } = part;
    let of_subsidy = subsidy.map_or(0, |(_, fen)| fen);
    let key = format!("{}:{}:{}", credit.bank, credit.serial, one.recovery_id);
    let subsidy_key = format!("{key}:subsidy");
    let mut journals = Vec::new();
    for (key, account_id, amount_fen) in [
        (&key, *account_id, fen - of_subsidy),
        (&subsidy_key, subsidy.map_or(0, |(id, _)| id), of_subsidy),
    ] {
        if amount_fen > 0 {
            journals.push(credited(office, tx, one, credit, key, account_id, amount_fen).await?);
        }
    }
    let journal_id = *journals
        .first()
        .ok_or_else(|| Fault::Stored("a receipt of nothing".to_owned()))?;
    let returned = one.returned_fen + fen;
    let whole = returned == one.owed_fen;
    sqlx::query(
        "UPDATE recovery SET returned_fen = $3, state = CASE WHEN $4 THEN 3 ELSE state END WHERE centre_id = $1 AND recovery_id = $2",
    )
    .bind(office.centre.id)
    .bind(one.recovery_id)
    .bind(returned)
    .bind(whole)
    .execute(&mut *tx)
    .await?;
    let (id, actor) = (one.recovery_id, Actor::System);
    let detail = json!({ "received_fen": fen, "returned_fen": returned, "owed_fen": one.owed_fen });
    if whole {
        sqlx::query("UPDATE withdrawal_use SET state = 3 WHERE centre_id = $1 AND case_id = $2")
            .bind(office.centre.id)
            .bind(one.of_case)
            .execute(&mut *tx)
            .await?;
        let (to, steps) = (CaseState::Done, ["repaid", "done"]);
        case::end_executing(office, tx, id, to, &steps, detail.clone(), actor).await?;
        case::add_event(office, tx, one.of_case, actor, &["recovered"], detail).await?;
    } else {
        case::add_event(office, tx, id, actor, &["repaid_in_part"], detail).await?;
    }
    let split = match of_subsidy {
        0 => String::new(),
        part => format!("（其中 {} 元记入住房补贴账户）", Fen::new(part)),
    };
    let text = format!(
        "【公积金】收到退回的 {} 元，已记入您的公积金账户{split}，还差 {} 元。",
        Fen::new(*fen),
        Fen::new(one.owed_fen - returned)
    );
    outbox::tell_people(office, tx, id, &[one.person_id], &[text]).await?;
    Ok(journal_id)
}

/// E30 to one account.
async fn credited(
    office: &Office,
    tx: &mut PgConnection,
    one: &Recovery,
    credit: &Credit,
    key: &str,
    account_id: i64,
    amount_fen: i64,
) -> Result<i64> {
    let accounts = [
        (Role::Bank, office.bank(&credit.bank)?.deposit_id),
        (Role::Person, account_id),
    ];
    let booking = Booking {
        event: "E30",
        key,
        case_id: Some(one.recovery_id),
        branch_id: one.branch_id,
        maker: Actor::System,
        checker: None,
        policy_id: 0,
        month: None,
        value_date: None,
        accounts: &accounts,
        amount_fen,
    };
    books::post(office, tx, &booking).await
}
