//! The out-centre's side (转出): another centre's letter is checked by policy, the account closed with its interest, and the money paid.

use anju_casework::case::{self, Begun, CaseState};
use anju_casework::catalogue::{OwnBooks, Request, Service};
use anju_casework::inbox::Arrival;
use anju_casework::membership::{self, Membership};
use anju_casework::{Actor, Fault, Office, Refusal, Result, outbox, person};
use anju_domain::clock::end_of_day;
use anju_domain::id_number::IdNumber;
use anju_policy::fact::{Assurance, At, Fact, FactState};
use anju_policy::{ConditionOutcome, Decision, Outcome};
use anju_wire::platform::{Body, Information, Letter as ContactLetter, Message, Progress};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::leaving;
use super::letter::{self, Letter, Opened, Side, State, Step, shift};
use super::message::{say, take};
use crate::policy::Rules;
use crate::withdrawal::own_books;

/// The service that other centres' letters open cases of.
const SERVICE: &str = "transfer-out";

/// The service of the out-centre's side: cases of it begin with a letter alone.
pub struct TransferOut {
    id: String,
}

impl TransferOut {
    /// The service of a definition with effect `transfer_out`.
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned() }
    }
}

impl Service for TransferOut {
    fn id(&self) -> &str {
        &self.id
    }

    fn begin<'a>(
        &'a self,
        _office: &'a Office,
        _submission: &'a case::Submission,
    ) -> Option<BoxFuture<'a, Result<i64>>> {
        let detail = "转出由转入地中心发起：请在转入地中心申请异地转移接续。";
        Some(async move { Err(Refusal::rule("E-FORM-02", detail).into()) }.boxed())
    }

    /// The person applies at the in-centre and takes back there.
    fn take_back<'a>(
        &'a self,
        _office: &'a Office,
        _case_id: i64,
        _actor: Actor,
    ) -> Option<BoxFuture<'a, Result<()>>> {
        let detail = "转出由转入地中心发起，请在转入地中心撤销。";
        Some(async move { Err(Refusal::new(409, "E-RT-07", detail).into()) }.boxed())
    }
}

/// Who a letter is about, as we know him.
struct Known {
    person_id: i64,
    membership: Option<Membership>,
    name_matches: bool,
}

async fn find(office: &Office, letter: &ContactLetter) -> Result<Option<Known>> {
    let Ok(id) = IdNumber::parse(&letter.id_no) else {
        return Ok(None);
    };
    let Some(person) = person::by_id_number(office, &id).await? else {
        return Ok(None);
    };
    let memberships = membership::of_person(office, person.person_id).await?;
    let name_matches = anju_domain::name::PersonName::parse(&letter.name)
        .is_ok_and(|name| name.expose() == person.name.expose());
    Ok(Some(Known {
        person_id: person.person_id,
        membership: memberships
            .into_iter()
            .find(|one| one.state != membership::state::ENDED),
        name_matches,
    }))
}

/// LETTER_RECEIVED: a letter opens a case, once by its number. Somebody who is not ours, or not under that name, is refused at once and
/// has no case: nobody here could see it.
pub(super) async fn take_letter(
    office: &Office,
    message: &Message,
    letter: &ContactLetter,
) -> Result<Arrival> {
    let known = find(office, letter).await?;
    let mut tx = office.pool.begin().await?;
    if take(office, &mut tx, message).await? == Arrival::Repeat {
        return Ok(Arrival::Repeat);
    }
    let opened = receive(office, &mut tx, message, letter, known.as_ref()).await;
    match opened {
        Ok(()) => tx.commit().await?,
        // Another live letter of that centre for the same person.
        Err(error) if case::is_repeat(&error) => {
            tx.rollback().await?;
            let mut tx = office.pool.begin().await?;
            if take(office, &mut tx, message).await? == Arrival::New {
                let detail = "已有在办的转移申请，请勿重复提交。";
                refuse_unopened(office, &mut tx, message, letter, ("E-RT-05", detail)).await?;
            }
            tx.commit().await?;
        }
        Err(error) => return Err(error),
    }
    office.wake.notify_one();
    Ok(Arrival::New)
}

async fn receive(
    office: &Office,
    tx: &mut PgConnection,
    message: &Message,
    letter: &ContactLetter,
    known: Option<&Known>,
) -> Result<()> {
    let known = known.and_then(|known| Some((known, known.membership.as_ref()?)));
    let Some((known, membership)) = known else {
        let detail = "转出地没有姓名和证件号码都一致的账户，请先更正个人信息。";
        return refuse_unopened(office, tx, message, letter, ("E-RT-02", detail)).await;
    };
    if !known.name_matches {
        let detail = "转入地与转出地登记的姓名或证件号码不一致，请先更正个人信息。";
        return refuse_unopened(office, tx, message, letter, ("E-RT-02", detail)).await;
    }
    let letter_id = office.ids.next().await?;
    let (alarm_on, promised_on) = clock(office, &message.from)?;
    let now = office.now();
    let opened = letter::open(
        office,
        tx,
        &Opened {
            letter_id,
            side: Side::Out,
            letter_no: &message.letter_no,
            other_centre: &message.from,
            other_name: &letter.centre_name,
            state: State::LetterReceived,
            person_id: Some(known.person_id),
            account_id: Some(membership.account_id),
            membership_id: Some(membership.membership_id),
            branch_id: membership.branch_id,
            applied_at: now,
            alarm_on,
            next_at: Some(now),
            receipt_bank: None,
            pay_bank: Some(&membership.bank),
            pay_to: Some(&letter.pay_to),
            reason: None,
        },
    )
    .await?;
    if !opened {
        return Ok(());
    }
    case::begin_at(
        office,
        tx,
        CaseState::Submitted,
        &["submitted"],
        Begun {
            case_id: letter_id,
            service: SERVICE,
            wish: &format!("{SERVICE}:{}", message.letter_no),
            applicant_id: known.person_id,
            branch_id: membership.branch_id,
            channel: "PLAT",
            amount_fen: None,
            promised_at: end_of_day(promised_on),
            form: json!({}),
            detail: json!({
                "letter": message.letter_no,
                "transfer_state": State::LetterReceived.code(),
                "other_centre": message.from,
            }),
        },
        Actor::Interface,
    )
    .await
}

/// The days of alarm and promise for a centre.
fn clock(office: &Office, other: &str) -> Result<(chrono::NaiveDate, chrono::NaiveDate)> {
    let today = office.today();
    let rules = Rules::on(office, today);
    let holidays = office.holidays();
    let at = [("region", other)];
    let day = |name| Result::Ok(holidays.add_working_days(today, rules.days_at(name, &at)?));
    Ok((
        day("rt_alarm_working_days")?,
        day("rt_target_working_days")?,
    ))
}

async fn refuse_unopened(
    office: &Office,
    tx: &mut PgConnection,
    message: &Message,
    letter: &ContactLetter,
    (code, reason): (&str, &str),
) -> Result<()> {
    let letter_id = office.ids.next().await?;
    letter::open(
        office,
        tx,
        &Opened {
            letter_id,
            side: Side::Out,
            letter_no: &message.letter_no,
            other_centre: &message.from,
            other_name: &letter.centre_name,
            state: State::Refused,
            person_id: None,
            account_id: None,
            membership_id: None,
            branch_id: office.centre.head_branch,
            applied_at: office.now(),
            alarm_on: office.today(),
            next_at: None,
            receipt_bank: None,
            pay_bank: None,
            pay_to: None,
            reason: Some((code, reason)),
        },
    )
    .await?;
    let Some(row) = letter::lock_by_no(office, tx, Side::Out, &message.letter_no).await? else {
        return Ok(());
    };
    say(office, tx, &row, &refusal(code, reason)).await
}

fn refusal(code: &str, reason: &str) -> Body {
    Body::Progress(Progress::Refused {
        code: code.to_owned(),
        reason: reason.to_owned(),
    })
}

/// Goes on with a letter that waits for nobody: checks it, or pays it.
pub async fn advance(office: &Office, letter_id: i64) -> Result<()> {
    let Some(letter) = letter::get(office, letter_id).await? else {
        return Ok(());
    };
    match letter.state() {
        State::LetterReceived => check(office, letter_id).await?,
        State::InfoApproved => {}
        _ => return Ok(()),
    }
    leaving::pay(office, letter_id).await
}

/// RT-02 to RT-04 over what our own books say at this moment.
pub(super) async fn judge(
    office: &Office,
    tx: &mut PgConnection,
    letter: &Letter,
) -> Result<(Decision, OwnBooks)> {
    let person_id = letter
        .person_id
        .ok_or_else(|| Fault::Stored("a letter about nobody is not judged".to_owned()))?;
    let request = Request {
        service: SERVICE.to_owned(),
        case_id: Some(letter.letter_id),
        applicant_id: person_id,
        form: anju_policy::Form::new(),
        channel: "PLAT".to_owned(),
        face_passed: false,
    };
    let mut own = own_books::read(office, tx, &request).await?;
    own.facts.push(Fact {
        fact_id: None,
        fact_type: "own.letter".to_owned(),
        role: "applicant".to_owned(),
        subject: "本人".to_owned(),
        state: FactState::Known,
        value: json!({ "name_matches": true }),
        source: "own".to_owned(),
        assurance: Assurance::Attested,
        as_of: office.now(),
        valid_until: None,
        digest: String::new(),
    });
    let facts = case::facts_of(&own, Vec::new());
    let at = At {
        now: office.now(),
        today: office.today(),
    };
    let (decision, _) = case::decide(&office.policy(), &request, &facts, at)?;
    Ok((decision, own))
}

/// What of a decision is not met first: its code for the other centre, and the words.
pub(super) fn unmet(decision: &Decision) -> (String, String) {
    let failed = decision
        .conditions
        .iter()
        .find(|condition| condition.outcome == ConditionOutcome::NotMet);
    let Some(failed) = failed else {
        return ("E-RT-04".to_owned(), "暂不能转出".to_owned());
    };
    (format!("E-{}", failed.code), failed.detail.to_owned())
}

/// LETTER_RECEIVED → LETTER_CONFIRMED, and → INFO_APPROVED where policy leaves nothing to people; or REFUSED.
async fn check(office: &Office, letter_id: i64) -> Result<()> {
    let mut tx = office.pool.begin().await?;
    let letter = letter::lock(office, &mut tx, letter_id).await?;
    if letter.state() != State::LetterReceived {
        return Ok(());
    }
    let (decision, _) = judge(office, &mut tx, &letter).await?;
    let detail = json!({ "policy": decision.policy.digest });
    match decision.outcome {
        Outcome::Refused => {
            let (code, reason) = unmet(&decision);
            refuse(office, &mut tx, &letter, (&code, &reason), Actor::System).await?;
        }
        outcome => {
            let automatic = outcome == Outcome::Approved;
            let steps: &[&str] = if automatic {
                &[
                    "letter_confirmed",
                    "decided",
                    "approved",
                    "info_approved",
                    "executing",
                ]
            } else {
                &["letter_confirmed", "executing"]
            };
            shift(
                office,
                &mut tx,
                &letter,
                Step {
                    to: if automatic {
                        State::InfoApproved
                    } else {
                        State::LetterConfirmed
                    },
                    next_at: automatic.then(|| office.now()),
                    reason: None,
                    steps,
                    detail,
                    actor: Actor::System,
                },
            )
            .await?;
            say(
                office,
                &mut tx,
                &letter,
                &Body::Progress(Progress::Confirmed),
            )
            .await?;
        }
    }
    tx.commit().await?;
    office.changed_with_messages(letter_id);
    Ok(())
}

/// REFUSED 驳回: the other centre is told why.
pub(super) async fn refuse(
    office: &Office,
    tx: &mut PgConnection,
    letter: &Letter,
    (code, reason): (&str, &str),
    actor: Actor,
) -> Result<()> {
    shift(
        office,
        tx,
        letter,
        Step {
            to: State::Refused,
            next_at: None,
            reason: Some((code, reason)),
            steps: &["refused"],
            detail: json!({ "code": code, "reason": reason }),
            actor,
        },
    )
    .await?;
    say(office, tx, letter, &refusal(code, reason)).await
}

/// INFO_APPROVED by two persons, where policy asks for them.
pub(super) async fn approve(
    office: &Office,
    tx: &mut PgConnection,
    letter: &Letter,
    checker: Actor,
) -> Result<()> {
    if !matches!(letter.state(), State::LetterConfirmed | State::Negotiating) {
        return Err(case::moved_on().into());
    }
    let (decision, _) = judge(office, tx, letter).await?;
    if decision.outcome == Outcome::Refused {
        let (_, reason) = unmet(&decision);
        return Err(Refusal::new(
            409,
            "E-CHECK-03",
            format!("现在不能转出：{reason}请处理后再通过，或不予通过。"),
        )
        .into());
    }
    shift(
        office,
        tx,
        letter,
        Step {
            to: State::InfoApproved,
            next_at: Some(office.now()),
            reason: None,
            steps: &["info_approved"],
            detail: json!({ "maker": letter.proposed_by }),
            actor: checker,
        },
    )
    .await
}

/// PAID: the in-centre gets the sheet, the person hears of it.
pub(super) async fn paid(
    office: &Office,
    tx: &mut PgConnection,
    letter: &Letter,
    bank_ref: &str,
) -> Result<()> {
    shift(
        office,
        tx,
        letter,
        Step {
            to: State::Paid,
            next_at: None,
            reason: None,
            steps: &["paid", "done"],
            detail: json!({ "amount_fen": letter.amount_fen, "bank_ref": bank_ref }),
            actor: Actor::System,
        },
    )
    .await?;
    if let Some(Json(sheet)) = &letter.sheet {
        let body = Body::Information(Information::Sheet(sheet.clone()));
        say(office, tx, letter, &body).await?;
    }
    outbox::sms(office, tx, letter.letter_id, "transferred_out").await?;
    // The in-centre may have had the money before we heard of our own payment.
    for body in &letter.heard.0 {
        let letter = letter::lock(office, tx, letter.letter_id).await?;
        hear_of_money(office, tx, &letter, body).await?;
    }
    Ok(())
}

/// What the in-centre says about a letter that the caller has taken.
pub(super) async fn hear(
    office: &Office,
    tx: &mut PgConnection,
    letter: &Letter,
    body: &Body,
) -> Result<()> {
    match body {
        Body::Cancel => cancel(office, tx, letter).await,
        Body::Progress(Progress::Asked) => answer(office, tx, letter).await,
        Body::Information(_) if letter.state() == State::Paying => {
            sqlx::query("UPDATE transfer_letter SET heard = heard || $3 WHERE centre_id = $1 AND letter_id = $2")
                .bind(office.centre.id)
                .bind(letter.letter_id)
                .bind(Json([body]))
                .execute(tx)
                .await?;
            Ok(())
        }
        body => hear_of_money(office, tx, letter, body).await,
    }
}

/// What the in-centre says about money that has left.
async fn hear_of_money(
    office: &Office,
    tx: &mut PgConnection,
    letter: &Letter,
    body: &Body,
) -> Result<()> {
    match body {
        Body::Information(Information::Completed) if letter.state() == State::Paid => {
            let detail = json!({ "amount_fen": letter.amount_fen });
            let step = Step {
                to: State::Closed,
                next_at: None,
                reason: None,
                steps: &["closed"],
                detail,
                actor: Actor::Interface,
            };
            shift(office, tx, letter, step).await
        }
        Body::Information(Information::Disputed {
            received_fen,
            reason,
        }) if letter.state() == State::Paid => {
            let detail = json!({ "received_fen": received_fen, "reason": reason });
            negotiate(office, tx, letter, ("DISPUTED", reason), detail).await
        }
        Body::Information(Information::Returned { amount_fen, reason }) => {
            let detail = json!({ "amount_fen": amount_fen, "reason": reason });
            match letter.state() {
                // The money came before the word.
                State::Negotiating if letter.out_journal.is_none() => {
                    let step = Step {
                        to: State::Refused,
                        next_at: None,
                        reason: Some(("RETURNED", reason)),
                        steps: &["refused"],
                        detail,
                        actor: Actor::Interface,
                    };
                    shift(office, tx, letter, step).await
                }
                State::Paid | State::Negotiating => {
                    negotiate(office, tx, letter, ("RETURNED", reason), detail).await
                }
                _ => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

async fn negotiate(
    office: &Office,
    tx: &mut PgConnection,
    letter: &Letter,
    reason: (&str, &str),
    detail: Value,
) -> Result<()> {
    let step = Step {
        to: State::Negotiating,
        next_at: None,
        reason: Some(reason),
        steps: &["negotiating"],
        detail,
        actor: Actor::Interface,
    };
    shift(office, tx, letter, step).await
}

/// BDC903: in time, or the in-centre hears that it is too late (E-RT-07 there).
async fn cancel(office: &Office, tx: &mut PgConnection, letter: &Letter) -> Result<()> {
    match letter.state() {
        State::LetterReceived => {
            let step = Step {
                to: State::Cancelled,
                next_at: None,
                reason: None,
                steps: &["withdrawn"],
                detail: json!({}),
                actor: Actor::Interface,
            };
            shift(office, tx, letter, step).await?;
            say(office, tx, letter, &Body::Progress(Progress::Cancelled)).await
        }
        State::Cancelled => say(office, tx, letter, &Body::Progress(Progress::Cancelled)).await,
        _ => answer(office, tx, letter).await,
    }
}

/// BDC904: where the letter stands, said again as it was said.
async fn answer(office: &Office, tx: &mut PgConnection, letter: &Letter) -> Result<()> {
    let body = match (letter.state(), &letter.sheet) {
        (State::LetterReceived, _) => return Ok(()),
        (State::Cancelled, _) => Body::Progress(Progress::Cancelled),
        (State::Refused, _) => refusal(
            letter.reason_code.as_deref().unwrap_or("E-RT-04"),
            letter.reason.as_deref().unwrap_or_default(),
        ),
        (State::Paid | State::Closed | State::Negotiating, Some(Json(sheet)))
            if letter.out_journal.is_some() =>
        {
            Body::Information(Information::Sheet(sheet.clone()))
        }
        _ => Body::Progress(Progress::Confirmed),
    };
    say(office, tx, letter, &body).await
}
