//! Back payment (补缴登记, contribution.md §7.2): months that are over, for one person or many, for a reason. It waits for its money and is
//! allocated like a month's list. `supplement_lines.rs` draws what is owed, `list_beside.rs` writes the list.

use anju_casework::catalogue::Service;
use anju_casework::{Actor, Office, Refusal, Result, books, case, employer};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::json;

use super::list_beside::{self, List};
use super::members::Books;
use super::remittance::{self, kind};
use super::supplement_lines::{self, Reason};

/// The service of back payments.
pub struct Supplement {
    id: String,
}

impl Supplement {
    /// The service of a definition with effect `register_supplement`.
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned() }
    }

    async fn carry_out(&self, office: &Office, submission: &case::Submission) -> Result<i64> {
        let request = &submission.request;
        let reason = request
            .text("reason")
            .and_then(Reason::parse)
            .ok_or_else(|| Refusal::rule("E-FORM-01", "请选择补缴原因。"))?;
        let document_no = request.text("document_no");
        if reason == Reason::Enforced && document_no.is_none() {
            return Err(
                Refusal::rule("E-FORM-01", "执法或判决补缴请填写决定书或判决书的文号。").into(),
            );
        }
        let asked = supplement_lines::rows(request)?;
        let employer = employer::require_open(office, request.applicant_id).await?;
        let members = Books::read(office, &employer, employer.next_month(), &[]).await?;
        let mut tx = office.pool.begin().await?;
        // One list of this employer after the other: what is paid is read when nobody else writes it.
        let employer = employer::lock(office, &mut tx, employer.employer_id).await?;
        if employer.list_version != members.list_version {
            let detail = "核对之后，单位的职工名单有了变动。请重新提交。";
            return Err(Refusal::new(409, "E-REMIT-07", detail).into());
        }
        let lines = supplement_lines::draw(
            office,
            &mut tx,
            &employer,
            &members,
            reason,
            request.at_counter(),
            &asked,
        )
        .await?;
        books::remember(
            office,
            &mut tx,
            submission.key,
            submission.digest,
            submission.case_id,
        )
        .await?;
        let list = owed(
            submission.case_id,
            reason,
            document_no,
            &request.channel,
            submission.actor,
        );
        list_beside::register(office, &mut tx, &employer, list, &lines).await?;
        tx.commit().await?;
        Ok(submission.case_id)
    }
}

/// The service of every back payment, whoever causes it.
pub(super) const SERVICE: &str = "supplement-register";

/// A back payment as it is registered.
pub(super) fn owed<'a>(
    remittance_id: i64,
    reason: Reason,
    document_no: Option<&'a str>,
    channel: &'a str,
    actor: Actor,
) -> List<'a> {
    List {
        remittance_id,
        service: SERVICE,
        kind: kind::SUPPLEMENT,
        reason: reason.code(),
        document_no,
        channel,
        actor,
        form: json!({ "reason": reason.code(), "document_no": document_no }),
    }
}

impl Service for Supplement {
    fn id(&self) -> &str {
        &self.id
    }

    fn take_back<'a>(
        &'a self,
        office: &'a Office,
        case_id: i64,
        actor: Actor,
    ) -> Option<BoxFuture<'a, Result<()>>> {
        Some(remittance::cancel(office, case_id, actor).boxed())
    }

    fn begin<'a>(
        &'a self,
        office: &'a Office,
        submission: &'a case::Submission,
    ) -> Option<BoxFuture<'a, Result<i64>>> {
        Some(self.carry_out(office, submission).boxed())
    }
}
