//! 死亡提取 (withdrawal.md §5.2): an heir or legatee asks for the account of somebody who has died; the whole of it goes to all heirs by their shares.
//! Conditions are policy; what is booked is `casework::case::share`. The applicant is not the account's owner: facts of role `account` and
//! `deceased` are of the one who has died, those of `applicant` of the heir.
//!
//! Invariant: the holds of a death signal stand in nobody's way here and are lifted by this case alone; a court's holds stand.

pub mod consent;
pub mod notice;

use anju_casework::PgConnection;
use anju_casework::case::{Closing, share};
use anju_casework::catalogue::{Approved, Carried, OwnBooks, Request, Service};
use anju_casework::person::{self, Person};
use anju_casework::{Actor, Fault, Office, Result};
use anju_domain::id_number::IdNumber;
use anju_ledger::Centre;
use anju_ledger::freeze;
use anju_policy::{Assurance, Fact, Facts};
use chrono::{Datelike, NaiveDate};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use sqlx::FromRow;

use super::closing;
use super::own_books::{self, WHOLE_FREEZE_FEN};
use crate::policy::Rules;

/// The heirs beside the applicant, by their place in the form: `heir_2_name`.
pub const OTHERS: std::ops::RangeInclusive<usize> = 2..=20;

/// Why an agreement ends with the account.
const ENDED: &str = "账户销户：死亡提取";

/// Who has the care of a minor heir.
const GUARDIANSHIP: &str = "civil.guardianship";

/// The withdrawal of heirs.
pub struct EstateWithdrawal {
    id: String,
    kind: String,
}

/// What one more query brings.
#[derive(Debug, Default, FromRow)]
struct Read {
    signal_fen: i64,
    subsidy_signal_fen: i64,
    live_case: Option<i64>,
    disputed_until: Option<NaiveDate>,
    unclaimed: bool,
}

/// Who is known by this ID number.
///
/// # Errors
/// The database.
pub async fn person_of(office: &Office, id_no: &str) -> Result<Option<i64>> {
    let mut conn = office.pool.acquire().await?;
    found(office, &mut conn, id_no).await
}

async fn found(office: &Office, conn: &mut PgConnection, id_no: &str) -> Result<Option<i64>> {
    match IdNumber::parse(id_no) {
        Ok(number) => person::holder_of(office, conn, &number).await,
        Err(_) => Ok(None),
    }
}

/// What the wishes about one estate have in common, whoever of the heirs asks. The number stands in it as a keyed digest.
fn wish_of(office: &Office, id_no: &str) -> String {
    let number = anju_domain::text::normalise(id_no).to_uppercase();
    let digest = office.vault.token_of("estate", number.trim().as_bytes());
    format!("ESTATE:{}", hex::encode(&digest[..16]))
}

impl EstateWithdrawal {
    /// The withdrawal of a definition with effect `pay_heirs`.
    pub fn new(id: &str, kind: &str) -> Self {
        Self {
            id: id.to_owned(),
            kind: kind.to_owned(),
        }
    }

    async fn books(
        &self,
        office: &Office,
        conn: &mut PgConnection,
        request: &Request,
    ) -> Result<OwnBooks> {
        let mut own = own_books::read(office, conn, request).await?;
        // Nothing of the heir's own account is any of this.
        own.facts.retain(|fact| fact.fact_type == "own.person");
        own.account = None;
        own.subsidy = None;
        own.membership = None;
        let number = request.text("deceased_id_no").unwrap_or_default();
        let deceased = found(office, conn, number).await?;
        let mut read = Read::default();
        let mut owners = None;
        let mut account = None;
        let mut settlement = None;
        let mut paying = 0;
        let mut paying_no = None;
        if let Some(person_id) = deceased {
            let of_deceased = Request {
                applicant_id: person_id,
                ..request.clone()
            };
            let theirs = own_books::read(office, conn, &of_deceased).await?;
            let value = |wanted: &str| {
                let found = theirs.facts.iter().find(|fact| fact.fact_type == wanted);
                found
                    .map(|fact| fact.value.clone())
                    .filter(|value| !value.is_null())
            };
            account = value("own.account");
            let cases = value("own.case").unwrap_or_default();
            paying = cases["paying_cases"].as_i64().unwrap_or(0);
            paying_no = cases["live_case_no"].as_str().map(str::to_owned);
            let id = theirs.account.as_ref().map(|account| account.account_id);
            if let Some(id) = id {
                let closing =
                    closing::settlement(office, conn, person_id, id, theirs.person.as_ref())
                        .await?;
                settlement = Some(closing.value);
            }
            let subsidy = settlement
                .as_ref()
                .and_then(|one| one["subsidy_account"].as_i64());
            read = sqlx::query_as(include_str!("../sql/estate_books.sql"))
                .bind(office.centre.id)
                .bind(person_id)
                .bind(id)
                .bind(subsidy)
                .bind(wish_of(office, number))
                .bind(request.case_id)
                .bind(office.today())
                .fetch_one(&mut *conn)
                .await?;
            free_of_signal(
                &read,
                theirs.account.as_ref().map_or(0, |one| one.frozen_fen),
                &mut account,
                &mut settlement,
            );
            owners = theirs.membership;
            own.account = theirs.account;
        }
        own.membership = owners;
        let consent = consent::read(office, conn, request).await?;
        let now = office.now();
        let estate = estate_value(
            office,
            request,
            own.person.as_ref(),
            deceased,
            &read,
            paying,
            paying_no,
        )?;
        own.facts.extend([
            Fact::own(now, "account", "逝者账户", "own.account", account),
            Fact::own(now, "account", "逝者账户", "own.closing", settlement),
            Fact::own(now, "deceased", "逝者", "own.loan", None),
            Fact::own(now, "applicant", "本件", "own.estate", Some(estate)),
            Fact::own(now, "applicant", "其他继承人", consent::FACT, consent),
        ]);
        Ok(own)
    }

    async fn pay(
        &self,
        office: &Office,
        tx: &mut PgConnection,
        approved: &Approved<'_>,
    ) -> Result<Carried> {
        let own = approved.own;
        let membership = own
            .membership
            .as_ref()
            .ok_or_else(|| Fault::Stored("an account that is closed is gone".to_owned()))?;
        let heir = own
            .person
            .as_ref()
            .ok_or_else(|| Fault::Stored("nobody asks for an estate".to_owned()))?;
        let subsidy =
            fact(own, "own.closing").and_then(|fact| fact.value["subsidy_account"].as_i64());
        lift_signal(office, tx, membership.person_id).await?;
        end_agreements(office, tx, membership.person_id).await?;
        let closing = Closing {
            kind: &self.kind,
            membership,
            subsidy,
        };
        let payees = payees(approved.request, heir);
        share::close_out_shared(
            office,
            tx,
            approved,
            &closing,
            &payees,
            membership.person_id,
        )
        .await
    }
}

fn fact<'a>(own: &'a OwnBooks, fact_type: &str) -> Option<&'a Fact> {
    own.facts.iter().find(|fact| fact.fact_type == fact_type)
}

/// The account as it is without what a death signal laid on it; what a court or anybody else holds stays.
fn free_of_signal(
    read: &Read,
    frozen_fen: i64,
    account: &mut Option<Value>,
    settlement: &mut Option<Value>,
) {
    if let Some(account) = account {
        let others = frozen_fen - read.signal_fen;
        let whole = others >= WHOLE_FREEZE_FEN;
        account["whole_freeze"] = whole.into();
        account["frozen_fen"] = if whole {
            account["balance_fen"].clone()
        } else {
            others.into()
        };
    }
    if let Some(settlement) = settlement
        && let Some(held) = settlement["subsidy_held_fen"].as_i64()
    {
        settlement["subsidy_held_fen"] = (held - read.subsidy_signal_fen).into();
    }
}

/// What is known of the estate and of the form as a whole, for conditions that no register answers.
fn estate_value(
    office: &Office,
    request: &Request,
    heir: Option<&Person>,
    deceased: Option<i64>,
    read: &Read,
    paying: i64,
    paying_no: Option<String>,
) -> Result<Value> {
    let adult = Rules::on(office, office.today()).int("estate_adult_years")?;
    let mine = heir.map(|heir| heir.id_number.expose().to_owned());
    let mut seen: Vec<String> = mine.into_iter().collect();
    let mut twice = heir.map(|heir| heir.person_id) == deceased && deceased.is_some();
    let mut adult_by_guardian = false;
    let mut incomplete = false;
    let guardian = request.form.get("guardian") == Some(&true.into());
    let mut ward_is_adult = false;
    let online = consent::is_online(request);
    for place in OTHERS {
        let text = |field: &str| request.text(&format!("heir_{place}_{field}"));
        let flag =
            |field: &str| request.form.get(&format!("heir_{place}_{field}")) == Some(&true.into());
        let Some(number) = text("id_no") else {
            incomplete |= text("name").is_some() || text("card_no").is_some();
            continue;
        };
        let number = anju_domain::text::normalise(number).to_uppercase();
        twice |= seen.contains(&number) || request.text("deceased_id_no") == Some(number.as_str());
        let share = request
            .form
            .get(&format!("heir_{place}_share_bp"))
            .and_then(Value::as_i64)
            .unwrap_or(0);
        // Who gives his part up needs no card; whoever is paid needs one, or a guardian, or names it himself when he agrees online.
        incomplete |= text("name").is_none()
            || (share > 0 && text("card_no").is_none() && !flag("by_guardian") && !online);
        let in_care = guardian && place == *OTHERS.start();
        if (flag("by_guardian") || in_care)
            && let Ok(parsed) = IdNumber::parse(&number)
        {
            let born = parsed.birth();
            let grown = born
                .with_year(born.year() + i32::try_from(adult).unwrap_or(18))
                .unwrap_or(born);
            let is_adult = grown <= office.today();
            adult_by_guardian |= flag("by_guardian") && is_adult;
            ward_is_adult |= in_care && is_adult;
        }
        seen.push(number);
    }
    Ok(json!({
        "live_case_no": read.live_case.map(|case_id| anju_casework::case::number(office, case_id)).or(paying_no),
        "live_cases": i64::from(read.live_case.is_some()) + paying,
        "disputed": read.disputed_until.is_some(),
        "disputed_until": read.disputed_until,
        "unclaimed": read.unclaimed,
        "signed": request.at_counter() && request.form.get("all_signed") == Some(&true.into()),
        // A guardian is no heir: who stands alone is the child.
        "sole": seen.len() == 1 + usize::from(guardian),
        "named_twice": twice,
        "incomplete": incomplete,
        "adult_by_guardian": adult_by_guardian,
        "ward_is_adult": ward_is_adult,
        "at_counter": request.at_counter(),
    }))
}

/// Who is paid, in the order of the form; a minor without a card of his own by the applicant's, who is his guardian.
fn payees(request: &Request, heir: &Person) -> Vec<(share::Payee, i32)> {
    let bp = |field: &str| {
        let value = request.form.get(field).and_then(Value::as_i64).unwrap_or(0);
        i32::try_from(value).unwrap_or(0)
    };
    let own = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let (name, id_no) = (
        heir.name.expose().to_owned(),
        heir.id_number.expose().to_owned(),
    );
    let card_no = own(request.text("card_no"));
    let mut all = vec![(
        share::Payee {
            name: name.clone(),
            id_no: id_no.clone(),
            holder: name.clone(),
            holder_id_no: id_no.clone(),
            card_no: card_no.clone(),
        },
        bp("share_bp"),
    )];
    for place in OTHERS {
        let text = |field: &str| request.text(&format!("heir_{place}_{field}"));
        let Some(number) = text("id_no") else {
            continue;
        };
        let by_guardian =
            request.form.get(&format!("heir_{place}_by_guardian")) == Some(&true.into());
        let payee = share::Payee {
            name: own(text("name")),
            id_no: number.to_owned(),
            holder: if by_guardian {
                name.clone()
            } else {
                own(text("name"))
            },
            holder_id_no: if by_guardian {
                id_no.clone()
            } else {
                number.to_owned()
            },
            card_no: if by_guardian {
                card_no.clone()
            } else {
                own(text("card_no"))
            },
        };
        all.push((payee, bp(&format!("heir_{place}_share_bp"))));
    }
    all
}

/// Lifts what a death signal laid on the accounts: the heirs' case is what it was for.
pub(super) async fn lift_signal(
    office: &Office,
    tx: &mut PgConnection,
    person_id: i64,
) -> Result<()> {
    let holds: Vec<i64> = sqlx::query_scalar(
        "SELECT h.hold_id
           FROM batch_signal s
           JOIN account_hold h ON h.centre_id = s.centre_id AND h.hold_id = ANY (s.holds) AND h.released_at IS NULL
          WHERE s.centre_id = $1 AND s.owner_id = $2 AND s.flow = 'deaths' AND s.state IN (1, 2)",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .fetch_all(&mut *tx)
    .await?;
    for hold_id in holds {
        freeze::release(&mut *tx, Centre(office.centre.id), hold_id, office.now()).await?;
    }
    Ok(())
}

/// What the one who has died had agreed to be paid for his loans ends with the account (withdrawal.md §6.4).
pub(super) async fn end_agreements(
    office: &Office,
    tx: &mut PgConnection,
    person_id: i64,
) -> Result<()> {
    sqlx::query(
        "UPDATE repay_agreement SET state = 9, reason = $3, next_on = NULL, ask_on = NULL, ended_at = $4
          WHERE centre_id = $1 AND person_id = $2 AND state <> 9",
    )
    .bind(office.centre.id)
    .bind(person_id)
    .bind(ENDED)
    .bind(office.now())
    .execute(tx)
    .await?;
    Ok(())
}

/// Pays a share that waits to another card, which was verified.
///
/// # Errors
/// 409 `E-CASE-02` for a share that waits for no card, `E-W-04` where a court has frozen the account meanwhile.
pub async fn pay_again(
    office: &Office,
    one: &share::Share,
    card_no: &str,
    actor: Actor,
) -> Result<()> {
    let mut tx = office.pool.begin().await?;
    let owner: Option<i64> = sqlx::query_scalar(
        "SELECT person_id FROM withdrawal_use WHERE centre_id = $1 AND case_id = $2",
    )
    .bind(office.centre.id)
    .bind(one.case_id)
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(owner) = owner {
        lift_signal(office, &mut tx, owner).await?;
    }
    let case_id = match share::pay_again(office, &mut tx, one.share_id, card_no, actor).await {
        Err(error) if error.moved_meanwhile() => {
            let detail = "账户已被司法冻结，或正在日终，这一份暂时不能付。解除冻结后再换卡。";
            return Err(anju_casework::Refusal::new(409, "E-W-04", detail).into());
        }
        case_id => case_id?,
    };
    tx.commit().await?;
    office.changed_with_messages(case_id);
    Ok(())
}

impl Service for EstateWithdrawal {
    fn id(&self) -> &str {
        &self.id
    }

    fn own_books<'a>(
        &'a self,
        office: &'a Office,
        conn: &'a mut PgConnection,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<OwnBooks>> {
        self.books(office, conn, request).boxed()
    }

    fn carries_out(&self) -> bool {
        true
    }

    /// Two levels for what closes an account at the counter (withdrawal.md §7), and wherever only a paper says who has the care of a child.
    fn needs_two(&self, _office: &Office, request: &Request, facts: &Facts) -> Result<bool> {
        let by_paper = facts
            .iter()
            .any(|fact| fact.fact_type == GUARDIANSHIP && fact.assurance == Assurance::Paper);
        Ok(request.at_counter() || by_paper)
    }

    fn carry_out<'a>(
        &'a self,
        office: &'a Office,
        tx: &'a mut PgConnection,
        approved: Approved<'a>,
    ) -> BoxFuture<'a, Result<Carried>> {
        async move { self.pay(office, tx, &approved).await }.boxed()
    }

    fn wish(&self, office: &Office, request: &Request) -> String {
        wish_of(office, request.text("deceased_id_no").unwrap_or_default())
    }
}
