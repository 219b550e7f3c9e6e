//! What two persons decide about a letter at the desk: one proposes, another confirms (制单、复核).

use anju_casework::staff::Staff;
use anju_casework::{Actor, Office, Refusal, Result, case};
use serde_json::json;

use super::letter::{self, Letter, Side, State};
use super::{incoming, outgoing};

/// What may be proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proposal {
    /// Out: the account's information is right, the money may leave; also once more after it came back.
    Approve,
    /// Out: 驳回.
    Refuse,
    /// In: the money goes back to the out-centre.
    GiveBack,
    /// In: the person has an account that takes it now, be it another one than the letter was written for.
    CreditHere,
}

impl Proposal {
    const ALL: [(Self, &'static str, &'static str); 4] = [
        (Self::Approve, "approve", "账户信息核对无误，划款"),
        (Self::Refuse, "refuse", "驳回"),
        (Self::GiveBack, "give_back", "款项退回转出地"),
        (Self::CreditHere, "credit_here", "记入本人现在的账户"),
    ];

    /// By its name in a form.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// Its name in a form.
    pub fn code(self) -> &'static str {
        self.row().1
    }

    /// The words of its button.
    pub fn word(self) -> &'static str {
        self.row().2
    }

    fn row(self) -> &'static (Self, &'static str, &'static str) {
        Self::ALL
            .iter()
            .find(|row| row.0 == self)
            .expect("every proposal stands in the list")
    }
}

/// What may be proposed about a letter as it stands.
pub fn possible(letter: &Letter) -> Vec<Proposal> {
    match (letter.side(), letter.state()) {
        (Side::Out, State::LetterConfirmed) => vec![Proposal::Approve, Proposal::Refuse],
        (Side::Out, State::Negotiating) if letter.out_journal.is_none() => {
            vec![Proposal::Approve, Proposal::Refuse]
        }
        (Side::In, State::Negotiating) if letter.received_fen > 0 && letter.pay_state == 0 => {
            if letter.is_whole() {
                vec![Proposal::CreditHere, Proposal::GiveBack]
            } else {
                vec![Proposal::GiveBack]
            }
        }
        _ => Vec::new(),
    }
}

/// One person's proposal; nothing moves yet. A later one replaces it.
///
/// # Errors
/// `E-CHECK-02` where the letter has moved on, `E-SUSP-02` without a reason.
pub async fn propose(
    office: &Office,
    letter_id: i64,
    proposal: Proposal,
    reason: &str,
    maker: &Staff,
) -> Result<()> {
    let reason = reason.trim();
    if reason.chars().count() < 2 {
        return Err(Refusal::rule("E-SUSP-02", "请写明依据，例如“已电话核对对方中心”。").into());
    }
    let mut tx = office.pool.begin().await?;
    let letter = letter::lock(office, &mut tx, letter_id).await?;
    if !possible(&letter).contains(&proposal) {
        return Err(case::moved_on().into());
    }
    sqlx::query(
        "UPDATE transfer_letter SET proposal = $3, proposed_by = $4, proposed_at = $5, reason = $6 WHERE centre_id = $1 AND letter_id = $2",
    )
    .bind(office.centre.id)
    .bind(letter_id)
    .bind(proposal.code())
    .bind(maker.staff_id)
    .bind(office.now())
    .bind(reason)
    .execute(&mut *tx)
    .await?;
    case::step(
        office,
        &mut tx,
        letter_id,
        letter.state().of_case(),
        &["proposed"],
        json!({ "proposal": proposal.code(), "reason": reason }),
        Actor::Staff(maker.staff_id),
    )
    .await?;
    tx.commit().await?;
    office.changed(letter_id);
    Ok(())
}

/// Another person confirms what was proposed, or sends it back.
///
/// # Errors
/// `E-CHECK-01` for whoever proposed it, `E-CHECK-02` where there is nothing to confirm any more, `E-CHECK-05` where the person has
/// no account that takes the money.
pub async fn confirm(office: &Office, letter_id: i64, agree: bool, checker: &Staff) -> Result<()> {
    let mut tx = office.pool.begin().await?;
    let letter = letter::lock(office, &mut tx, letter_id).await?;
    let proposal = letter.proposal.as_deref().and_then(Proposal::parse);
    let Some(proposal) = proposal.filter(|proposal| possible(&letter).contains(proposal)) else {
        return Err(case::moved_on().into());
    };
    if letter.proposed_by == Some(checker.staff_id) {
        return Err(case::own_work().into());
    }
    let actor = Actor::Staff(checker.staff_id);
    sqlx::query(
        "UPDATE transfer_letter SET proposal = NULL, proposed_by = NULL, proposed_at = NULL WHERE centre_id = $1 AND letter_id = $2",
    )
    .bind(office.centre.id)
    .bind(letter_id)
    .execute(&mut *tx)
    .await?;
    if agree {
        let reason = letter.reason.clone().unwrap_or_default();
        match proposal {
            Proposal::Approve => outgoing::approve(office, &mut tx, &letter, actor).await?,
            Proposal::Refuse => {
                outgoing::refuse(office, &mut tx, &letter, ("E-RT-04", &reason), actor).await?;
            }
            Proposal::GiveBack => incoming::order_back(office, &mut tx, &letter, actor).await?,
            Proposal::CreditHere => incoming::credit_here(office, &mut tx, &letter).await?,
        }
    } else {
        case::step(
            office,
            &mut tx,
            letter_id,
            letter.state().of_case(),
            &["sent_back"],
            json!({ "proposal": proposal.code() }),
            actor,
        )
        .await?;
    }
    tx.commit().await?;
    office.changed_with_messages(letter_id);
    Ok(())
}
