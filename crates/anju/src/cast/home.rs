//! What the departments know of homes that people of a story bought, rebuild or add an elevator to.

use serde_json::{Value, json};

use super::{Person, fact};
use crate::doors::Doors;

/// 不动产单元号 of a home that nobody else of the story has: the person's own numbers stand in it.
#[must_use]
pub fn unit_of(person: &Person) -> String {
    format!("500112001001GB{}", &person.id[6..17])
}

/// Number of the filed contract of the person's home.
#[must_use]
pub fn contract_of(person: &Person) -> String {
    format!("HT{}", &person.id[6..17])
}

/// The two are married since 2020.
///
/// # Errors
/// The outside world refuses.
pub async fn marry(doors: &Doors, one: &Person, other: &Person) -> anyhow::Result<()> {
    for (who, spouse) in [(one, other), (other, one)] {
        let record = json!({
            "state": "married", "since": "2020-05-20", "changes_24m": 0,
            "spouse": { "name": spouse.name, "id_no": spouse.id },
        });
        fact(doors, "D02", "civil.marriage", &who.id, record).await?;
    }
    Ok(())
}

/// A contract for a home in the city that the person alone bought on this day, of which so much is paid.
///
/// # Errors
/// The outside world refuses.
pub async fn signs(
    doors: &Doors,
    buyer: &Person,
    day: &str,
    price_fen: i64,
    paid_fen: i64,
) -> anyhow::Result<()> {
    let contract = json!({
        "filed": true, "contract_no": contract_of(buyer), "date": day, "kind": "presale", "buyers": [buyer.name],
        "unit_no": unit_of(buyer), "district": "500112", "use": "residential", "price_fen": price_fen, "paid_fen": paid_fen,
        "area": "89.50", "project": "江岸", "cancelled": false,
    });
    fact(doors, "D04", "housing.contract_filing", &buyer.id, contract).await?;
    invoiced(doors, buyer, day, paid_fen).await
}

/// An invoice to the person.
///
/// # Errors
/// The outside world refuses.
pub async fn invoiced(
    doors: &Doors,
    payer: &Person,
    day: &str,
    amount_fen: i64,
) -> anyhow::Result<()> {
    let invoice = json!({ "valid": true, "amount_fen": amount_fen, "date": day, "red": false });
    fact(doors, "D07", "tax.invoice", &payer.id, invoice).await
}

/// A bank lends so much for the home that the person signed for.
///
/// # Errors
/// The outside world refuses.
pub async fn borrows(
    doors: &Doors,
    borrower: &Person,
    bank: &str,
    principal_fen: i64,
) -> anyhow::Result<()> {
    let loan = json!({
        "valid": true, "loan_no": format!("DK{}", &borrower.id[6..17]), "contract_no": contract_of(borrower), "purpose": "house",
        "principal_fen": principal_fen, "balance_fen": principal_fen, "term": 240, "rate": "3.30",
    });
    fact(doors, bank, "bank.commercial_loan", &borrower.id, loan).await
}

/// The person is in the register as the owner of a home in the city since this day.
///
/// # Errors
/// The outside world refuses.
pub async fn has_title(
    doors: &Doors,
    owner: &Person,
    since: &str,
    price_fen: i64,
) -> anyhow::Result<()> {
    let title = json!({
        "valid": true, "title_no": format!("渝(2025){}", &owner.id[12..17]), "unit_no": unit_of(owner),
        "title_hash": unit_of(owner), "owners": [owner.name], "share_bp": 10_000, "district": "500112", "use": "residential",
        "registered": since, "acquired_by": "purchase", "price_fen": price_fen, "area": "89.50", "built_year": 1998,
        "mortgaged": false, "sealed": false, "transfers_12m": 0,
    });
    fact(doors, "D03", "estate.title", &owner.id, title).await
}

/// A permit to rebuild the own home for at most so much.
///
/// # Errors
/// The outside world refuses.
pub async fn may_rebuild(
    doors: &Doors,
    owner: &Person,
    permit_no: &str,
    day: &str,
    budget_fen: i64,
) -> anyhow::Result<()> {
    let permit = json!({
        "valid": true, "permit_no": permit_no, "kind": "rebuild", "owner": owner.name, "date": day, "budget_fen": budget_fen,
    });
    fact(doors, "D04", "housing.build_permit", &owner.id, permit).await
}

/// An accepted elevator of which the person's home bears so much, and another home the same.
///
/// # Errors
/// The outside world refuses.
pub async fn shares_elevator(
    doors: &Doors,
    owner: &Person,
    project_no: &str,
    accepted: &str,
    share_fen: i64,
) -> anyhow::Result<()> {
    let project = json!({
        "approved": true, "project_no": project_no, "date": accepted, "accepted_on": accepted, "units": 2,
        "cost_fen": share_fen * 2, "share_rule": "按楼层分摊",
        "shares": [
            { "title_hash": "another home", "share_fen": share_fen, "paid": true },
            { "title_hash": unit_of(owner), "share_fen": share_fen, "paid": true },
        ],
    });
    fact(doors, "D04", "housing.elevator_project", &owner.id, project).await
}

/// What the person sends to withdraw for a home to the own card.
///
/// # Errors
/// The centre does not know the person.
pub async fn request(
    doors: &Doors,
    person: &Person,
    service: &str,
    form: &Value,
) -> anyhow::Result<Value> {
    let applicant = super::look_up(doors, person).await?;
    let mut form = form.clone();
    form["card_no"] = json!(person.card);
    Ok(json!({ "service": service, "applicant": applicant, "form": form, "channel": "APP" }))
}
