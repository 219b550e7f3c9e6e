//! Changes of an employer's members between two lists (职工变动, contribution.md §3 to §5): set-up, seal, unseal, base, ratio, from rows of
//! a form or from an uploaded roster. Invariant: they are checked by the rules of a roster, and all of them count or none.

use std::collections::HashMap;
use std::sync::Arc;

use anju_casework::catalogue::{Request, Service};
use anju_casework::employer::{self, Employer};
use anju_casework::{Error, Office, Refusal, Result, case};
use anju_domain::calendar::Month;
use anju_domain::contribution::Ratios;
use anju_domain::rate::Bp;
use anju_vault::NumberKind;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::base_year::{self, Owes};
use super::change_rows::{self, Asked};
use super::joining;
use super::kept::{change_code, keep};
use super::list_beside;
use super::members::Books;
use super::registration::{RosterRead, apply, roster_read};
use super::remittance;
use super::roster::{self, Change, Checked, Context, Mode};
use super::supplement;
use super::supplement_lines::Reason;
use super::transfer_request;
use super::upload::{Mistakes, Police, ask_police, roster_policy};

/// The service that changes the ratio; RATIO-04 counts its cases.
pub(super) const RATIO_SERVICE: &str = "ratio-adjust";

/// A service that changes members in one way.
pub struct MemberChanges {
    id: String,
    change: Change,
    police: Arc<dyn Police>,
}

impl MemberChanges {
    /// The service of a definition with one of these effects; none for another effect.
    pub fn of_effect(id: &str, effect: &str, police: &Arc<dyn Police>) -> Option<Self> {
        let change = match effect {
            "open_accounts" => Change::Add,
            "unseal_accounts" => Change::Unseal,
            "seal_accounts" => Change::Seal,
            "adjust_bases" => Change::Base,
            "adjust_ratio" => Change::Ratio,
            _ => return None,
        };
        Some(Self {
            id: id.to_owned(),
            change,
            police: police.clone(),
        })
    }

    async fn carry_out(&self, office: &Office, submission: &case::Submission) -> Result<i64> {
        let request = &submission.request;
        let employer = employer::require_open(office, request.applicant_id).await?;
        let month = {
            let mut conn = office.pool.acquire().await?;
            first_month(office, &mut conn, &employer).await?
        };
        let missed = self.effective(request, &employer, month)?;
        let prepared = self.prepared(office, &employer, month, request).await?;
        let mut tx = office.pool.begin().await?;
        let told = Told { month, missed };
        self.write(office, &mut tx, submission, &employer, &told, &prepared)
            .await?;
        tx.commit().await?;
        if self.change == Change::Seal {
            transfer_request::sealed(office, employer.employer_id).await;
        }
        Ok(submission.case_id)
    }

    /// The list that comes of it: uploaded before, or checked now.
    async fn prepared(
        &self,
        office: &Office,
        employer: &Employer,
        month: Month,
        request: &Request,
    ) -> Result<Prepared> {
        match request.form.get("roster") {
            Some(Value::String(number)) => {
                let roster_id = office
                    .numbers
                    .decode(NumberKind::Roster, number.trim())
                    .ok_or_else(|| Refusal::not_found("这份名册"))?;
                Ok(Prepared::Uploaded(roster_id))
            }
            _ => self.check(office, employer, month, request).await,
        }
    }

    async fn check(
        &self,
        office: &Office,
        employer: &Employer,
        month: Month,
        request: &Request,
    ) -> Result<Prepared> {
        let ratios = Ratios {
            employer: Bp::new(employer.ratio_employer_bp),
            employee: Bp::new(employer.ratio_employee_bp),
        };
        let (asked, mut faults) = change_rows::read(request, self.change);
        let joining = change_rows::joining(&asked);
        let members = Books::read(office, employer, month, &joining).await?;
        let mut policy = roster_policy(office, employer, month)?;
        let lines = if self.change == Change::Ratio {
            change_rows::everybody(&members, new_ratios(request)?)
        } else {
            change_rows::lines(
                office,
                &asked,
                self.change,
                &members,
                &policy.limits,
                &mut faults,
            )
        };
        let mut known = members.members.clone();
        // BASE-03: outside the window, or for the second time in a year, a base is corrected for a reason.
        if self.change == Change::Base && request.text("reason").is_some() {
            policy.base_window_is_open = true;
            for member in known.values_mut() {
                member.base_adjusted_this_year = false;
            }
        }
        let no_answers = HashMap::new();
        let context = Context {
            month,
            mode: Mode::Changes,
            is_first: false,
            may_be_empty: true,
            ratios,
            ratio_change: members.ratio_change,
            policy: &policy,
            members: &known,
            elsewhere: &members.elsewhere,
            police: &no_answers,
            last_month: &members.last_month,
        };
        let (said, answers) = tokio::join!(
            joining::ask(office, &*self.police, &lines, &members, false),
            ask_police(&*self.police, &lines, &context)
        );
        let mut elsewhere = members.elsewhere.clone();
        let notices = said?.tell(&mut elsewhere);
        let context = Context {
            police: &answers,
            elsewhere: &elsewhere,
            ..context
        };
        match roster::check(&lines, faults, notices, &context) {
            Ok(checked) => Ok(Prepared::Checked(Box::new(NewList {
                checked,
                members,
                reasons: asked,
            }))),
            Err(refused) => Err(Mistakes {
                sheet: None,
                faults: refused.faults,
                notices: refused.notices,
                right_rows: refused.right_rows,
            }
            .refusal()
            .into()),
        }
    }

    /// One transaction: list, people, accounts, memberships, key and case.
    async fn write(
        &self,
        office: &Office,
        tx: &mut PgConnection,
        submission: &case::Submission,
        employer: &Employer,
        told: &Told,
        prepared: &Prepared,
    ) -> Result<()> {
        let month = told.month;
        let request = &submission.request;
        let locked = employer::lock(office, tx, employer.employer_id).await?;
        let roster_id = match prepared {
            Prepared::Uploaded(roster_id) => *roster_id,
            Prepared::Checked(new) => {
                let roster_id = office.ids.next().await?;
                keep(
                    office,
                    tx,
                    roster_id,
                    employer,
                    month,
                    Mode::Changes,
                    &new.checked,
                    &new.members,
                    submission.actor,
                )
                .await?;
                roster_id
            }
        };
        let list = roster_read(office, tx, employer.employer_id, roster_id).await?;
        let people = self
            .fits(office, tx, &locked, month, roster_id, &list)
            .await?;
        apply(office, tx, &locked, roster_id, &list).await?;
        let mut done =
            json!({ "people": people, "lines": list.lines, "total_fen": list.total_fen });
        let notices = told.notices(prepared);
        if !notices.is_empty() {
            done["notices"] = notices.into();
        }
        if self.change == Change::Base
            && let Some(owed) =
                difference(office, tx, submission, &locked, month, roster_id).await?
        {
            done["difference"] = owed;
        }
        if let (Change::Seal, Prepared::Checked(new)) = (self.change, prepared) {
            let reasons = change_rows::reasons(office, request, &new.reasons, &new.members);
            note_reasons(office, tx, &reasons).await?;
        }
        let roster = office.numbers.encode(NumberKind::Roster, roster_id);
        let mut form = json!({ "roster": roster, "month": month.to_string() });
        if let Some(reason) = request.text("reason") {
            form["reason"] = reason.into();
        }
        case::at_once(
            office,
            tx,
            submission,
            case::AtOnce {
                wish: &format!("{}:{roster}", self.id),
                branch_id: locked.branch_id,
                form,
                begun: json!({ "roster": roster, "month": month.to_string(), "digest": hex::encode(&list.digest) }),
                step: "changed",
                done,
            },
        )
        .await
    }

    /// How many people the list changes: it is of this month, was checked against the members as they are, and changes somebody, and
    /// nothing but what this service changes.
    async fn fits(
        &self,
        office: &Office,
        tx: &mut PgConnection,
        employer: &Employer,
        month: Month,
        roster_id: i64,
        list: &RosterRead,
    ) -> Result<i64> {
        if list.month != month.index() {
            let detail = format!(
                "这份名册是{}的；现在的变动从{}起生效，请按这个月重新上传。",
                Month::from_index(list.month).chinese(),
                month.chinese()
            );
            return Err(Refusal::rule("E-REMIT-04", detail).into());
        }
        if list.list_version != employer.list_version {
            let detail = "核对之后，单位的职工名单有了变动。请重新核对，再提交。";
            return Err(Refusal::new(409, "E-REMIT-07", detail).into());
        }
        let (people, others): (i64, i64) = sqlx::query_as(
            "SELECT count(*) FILTER (WHERE change = $3), count(*) FILTER (WHERE change NOT IN (0, $3))
               FROM roster_row WHERE centre_id = $1 AND roster_id = $2",
        )
        .bind(office.centre.id)
        .bind(roster_id)
        .bind(change_code(Some(self.change)))
        .fetch_one(tx)
        .await?;
        let word = self.change.word();
        match (people, others) {
            (_, 1..) => {
                let detail =
                    format!("名册里有“{word}”以外的变更。请只报“{word}”，或登记当月汇缴一并办理。");
                Err(Refusal::rule("E-ROW-07", detail).into())
            }
            (0, _) => {
                let detail = format!("没有要办理“{word}”的职工，请至少报一名。");
                Err(Refusal::rule("E-REMIT-03", detail).into())
            }
            _ => Ok(people),
        }
    }
}

/// BASE-04 before it is done: the back payment that the asked change of bases would register. Nothing is changed.
///
/// # Errors
/// What stands in the way of the change itself.
pub async fn would_owe(
    office: &Office,
    police: &Arc<dyn Police>,
    request: &Request,
) -> Result<Option<Owes>> {
    let service = MemberChanges {
        id: request.service.clone(),
        change: Change::Base,
        police: police.clone(),
    };
    let employer = employer::require_open(office, request.applicant_id).await?;
    let month = {
        let mut conn = office.pool.acquire().await?;
        first_month(office, &mut conn, &employer).await?
    };
    service.effective(request, &employer, month)?;
    match service.prepared(office, &employer, month, request).await? {
        Prepared::Uploaded(roster_id) => {
            base_year::difference(office, &employer, month, roster_id).await
        }
        Prepared::Checked(new) => {
            let declared = new
                .checked
                .list
                .iter()
                .filter(|line| line.change == Some(Change::Base))
                .filter_map(|line| {
                    let member = new.members.rows.get(&line.id_number)?;
                    Some((member.account_id, member.person_id, line.base.fen()))
                })
                .collect();
            base_year::difference_of(office, &employer, month, declared).await
        }
    }
}

/// BASE-04: what months listed at the old base owe is a back payment of its own, registered with the change.
async fn difference(
    office: &Office,
    tx: &mut PgConnection,
    submission: &case::Submission,
    employer: &Employer,
    month: Month,
    roster_id: i64,
) -> Result<Option<Value>> {
    let lines = base_year::differences(office, tx, employer, month, roster_id).await?;
    if lines.is_empty() {
        return Ok(None);
    }
    let remittance_id = office.ids.next().await?;
    let list = supplement::owed(
        remittance_id,
        Reason::ShortBase,
        None,
        &submission.request.channel,
        submission.actor,
    );
    let registered = list_beside::register(office, tx, employer, list, &lines).await?;
    Ok(Some(registered))
}

/// The list that a case applies.
enum Prepared {
    Uploaded(i64),
    Checked(Box<NewList>),
}

struct NewList {
    checked: Checked,
    members: Books,
    reasons: Vec<Asked>,
}

/// The month from which a change counts: the one after the last list that is paid or waits for its money.
pub async fn first_month(
    office: &Office,
    conn: &mut PgConnection,
    employer: &Employer,
) -> Result<Month> {
    let waiting = remittance::waiting(office, conn, employer.employer_id).await?;
    let open = waiting
        .iter()
        .rfind(|list| list.kind == remittance::kind::MONTHLY);
    Ok(open.map_or_else(
        || employer.next_month(),
        |list| employer.month_after(list.month()),
    ))
}

/// What a change tells whoever made it.
struct Told {
    /// From which month it counts.
    month: Month,
    /// PERS-08: from which month somebody should have contributed whose months are paid or listed without him.
    missed: Option<Month>,
}

impl Told {
    fn notices(&self, prepared: &Prepared) -> Vec<Value> {
        let of_list = match prepared {
            Prepared::Checked(new) => &new.checked.notices[..],
            Prepared::Uploaded(_) => &[],
        };
        let mut notices: Vec<Value> = of_list
            .iter()
            .map(|one| json!({ "code": one.code, "message": one.message }))
            .collect();
        if let Some(from) = self.missed {
            let message = format!(
                "起缴月份早于单位已汇缴月份，缺少的月份请办理补缴（{}至{}）。",
                from.chinese(),
                self.month.plus(-1).chinese()
            );
            notices.push(json!({ "code": "W-PERS-08", "message": message }));
        }
        notices
    }
}

impl MemberChanges {
    /// A month that is asked for is that month: a list that stands is not changed (REMIT-04, BASE-04, RATIO-04), and nothing waits. Who
    /// joins may have begun earlier, while the employer contributed: he counts from that month, and what is missing is said (PERS-08).
    fn effective(
        &self,
        request: &Request,
        employer: &Employer,
        first: Month,
    ) -> Result<Option<Month>> {
        let asked = effective(request, first);
        if let Ok(Some(month)) = asked
            && (self.change != Change::Add || month < Month::from_index(employer.first_month))
        {
            return Err(too_early(month, first).into());
        }
        asked
    }
}

fn too_early(month: Month, first: Month) -> Refusal {
    let detail = format!(
        "{}的清册已经登记或缴存，不能再变动；可以从{}起生效。",
        month.chinese(),
        first.chinese()
    );
    Refusal::rule("E-REMIT-04", detail)
}

/// The earlier month that is asked for, if it is one.
fn effective(request: &Request, first: Month) -> Result<Option<Month>> {
    let Some(text) = request.text("month") else {
        return Ok(None);
    };
    let month = Month::parse(text)
        .map_err(|_| Refusal::rule("E-FORM-01", "生效月份填写有误，请按 2026-11 的格式填写。"))?;
    if month <= first {
        return Ok((month < first).then_some(month));
    }
    let detail = format!(
        "现在办理的变动从{}起生效；{}的变动请在那个月之前一个月缴存后办理。",
        first.chinese(),
        month.chinese()
    );
    Err(Refusal::rule("E-REMIT-04", detail).into())
}

fn new_ratios(request: &Request) -> Result<Ratios> {
    let bp = |field: &str| {
        request
            .form
            .get(field)
            .and_then(Value::as_i64)
            .and_then(|bp| i32::try_from(bp).ok())
            .map(Bp::new)
            .ok_or_else(|| Error::from(Refusal::rule("E-FORM-01", "请填写单位和个人的缴存比例。")))
    };
    Ok(Ratios {
        employer: bp("ratio_employer_bp")?,
        employee: bp("ratio_employee_bp")?,
    })
}

/// Why each was sealed, where the clerk said it.
async fn note_reasons(
    office: &Office,
    tx: &mut PgConnection,
    reasons: &[(i64, String)],
) -> Result<()> {
    if reasons.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE membership m SET seal_reason = r.reason
           FROM unnest($2::bigint[], $3::text[]) AS r (membership_id, reason)
          WHERE m.centre_id = $1 AND m.membership_id = r.membership_id",
    )
    .bind(office.centre.id)
    .bind(reasons.iter().map(|(id, _)| *id).collect::<Vec<_>>())
    .bind(
        reasons
            .iter()
            .map(|(_, reason)| reason.as_str())
            .collect::<Vec<_>>(),
    )
    .execute(tx)
    .await?;
    Ok(())
}

impl Service for MemberChanges {
    fn id(&self) -> &str {
        &self.id
    }

    fn begin<'a>(
        &'a self,
        office: &'a Office,
        submission: &'a case::Submission,
    ) -> Option<BoxFuture<'a, Result<i64>>> {
        Some(self.carry_out(office, submission).boxed())
    }
}
