//! Opening an employer's account (单位缴存登记, contribution.md §2): one for each credit code, from the month it chooses.

use anju_domain::calendar::Month;
use anju_domain::name::PersonName;
use anju_domain::phone::Phone;
use anju_domain::uscc::Uscc;
use anju_ledger::account::Kind;
use anju_policy::fact::{Fact, FactState};
use chrono::{NaiveDate, TimeDelta};
use futures::future::BoxFuture;
use uuid::Uuid;

use anju_casework::person::purpose;
use anju_casework::{
    Actor, Error, Fault, Office, Refusal, Result, RowFault, books, branch, employer,
};

use crate::policy::Rules;

/// The kinds of employers.
pub const KINDS: [&str; 7] = ["机关", "事业", "国企", "私企", "外企", "社会组织", "其他"];

/// How far back a first month may lie; earlier months are a back payment.
const FIRST_MONTH_BACK: i32 = 12;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Opening {
    /// Registered name.
    pub name: String,
    /// Credit code as typed.
    pub uscc: String,
    /// One of [`KINDS`].
    pub kind: String,
    /// Basis points.
    pub ratio_employer_bp: i32,
    /// Basis points.
    pub ratio_employee_bp: i32,
    /// Name of the legal representative (法定代表人).
    pub legal_representative: String,
    /// GB/T 2260 code.
    pub district: String,
    /// First month; none for this month.
    pub first_month: Option<Month>,
    /// Payday.
    pub payday: Option<i16>,
    /// Clerk's name and phone.
    pub clerk: Option<(String, String)>,
    /// Address.
    pub address: Option<String>,
}

/// Opens the account. `registration` is the fact `market.registration` of the market regulator (D06).
///
/// # Errors
/// 422 with every mistake: `E-EMPR-01` code, `E-EMPR-02` already open, `E-EMPR-03` not registered or not open, `E-EMPR-05` payday or
/// first month, `E-RATIO-01/03`, `E-API-03` a field; 503 `E-EMPR-07` when the registry does not answer.
pub async fn open(
    office: &Office,
    opening: &Opening,
    registration: &Fact,
    actor: Actor,
    key: Uuid,
    digest: Uuid,
) -> Result<i64> {
    let rules = Rules::on(office, office.today());
    let mut faults = Vec::new();
    let mut fault = |column: &str, code: &str, message: String| {
        faults.push(RowFault {
            row: None,
            column: Some(column.to_owned()),
            code: code.to_owned(),
            message,
        });
    };

    let uscc = Uscc::parse(&opening.uscc);
    if let Err(error) = &uscc {
        fault(
            "uscc",
            "E-EMPR-01",
            format!("统一社会信用代码有误，请核对后重新填写：{error}。"),
        );
    }
    let name = anju_domain::text::normalise(&opening.name);
    if name.is_empty() || name.chars().count() > 100 {
        fault(
            "name",
            "E-API-03",
            "请填写单位名称，最多 100 个字。".to_owned(),
        );
    }
    if !KINDS.contains(&opening.kind.as_str()) {
        fault(
            "kind",
            "E-API-03",
            format!("单位性质请从这几种里选：{}。", KINDS.join("、")),
        );
    }
    if let Some((code, message)) =
        rules.ratio_pair(opening.ratio_employer_bp, opening.ratio_employee_bp)?
    {
        fault("ratio_employer_bp", code, message);
    }
    if opening.district.len() != 6 || !opening.district.bytes().all(|byte| byte.is_ascii_digit()) {
        fault("district", "E-API-03", "区县代码是 6 位数字。".to_owned());
    }
    if opening.payday.is_some_and(|day| !(1..=31).contains(&day)) {
        fault("payday", "E-EMPR-05", first_month_text());
    }
    let representative = PersonName::parse(&opening.legal_representative);
    if let Err(error) = &representative {
        fault(
            "legal_representative",
            "E-API-03",
            format!("法定代表人{error}。"),
        );
    }
    let clerk = match &opening.clerk {
        None => None,
        Some((clerk_name, phone)) => match (PersonName::parse(clerk_name), Phone::parse(phone)) {
            (Ok(clerk_name), Ok(phone)) => Some((clerk_name, phone)),
            (Err(error), _) => {
                fault("clerk.name", "E-API-03", format!("经办人{error}。"));
                None
            }
            (_, Err(error)) => {
                fault(
                    "clerk.phone",
                    "E-API-03",
                    format!("经办人手机号：{error}。"),
                );
                None
            }
        },
    };

    let registered = Registration::read(registration)?;
    let this_month = Month::of(office.today());
    let first_month = opening.first_month.unwrap_or(this_month);
    let founded = registered
        .as_ref()
        .ok()
        .and_then(|registered| registered.founded);
    let earliest = this_month
        .plus(-FIRST_MONTH_BACK)
        .max(founded.map_or(this_month.plus(-FIRST_MONTH_BACK), Month::of));
    if first_month < earliest || first_month > this_month.plus(FIRST_MONTH_BACK) {
        fault("first_month", "E-EMPR-05", first_month_text());
    }
    if let Err(state) = &registered {
        fault(
            "uscc",
            "E-EMPR-03",
            format!("该单位登记状态为“{state}”，暂不能开户。"),
        );
    }
    if let Ok(uscc) = &uscc
        && let Some(open) = employer::by_uscc(office, uscc).await?
    {
        // The repeat of the request that opened it is answered, not refused.
        if let Some(before) = books::remembered(office, key, digest).await? {
            return Ok(before);
        }
        let no = office
            .numbers
            .encode(anju_vault::NumberKind::Employer, open.employer_id);
        fault(
            "uscc",
            "E-EMPR-02",
            format!("该单位已开立住房公积金账户（账号：{no}），无需重复开户。"),
        );
    }
    if let Some(refusal) = Refusal::of_mistakes(faults) {
        return Err(refusal.into());
    }
    let (Ok(uscc), Ok(representative), Ok(registered)) = (uscc, representative, registered) else {
        return Err(Fault::Stored("a checked opening lost a field".to_owned()).into());
    };

    let branch = branch::of_district(office, &opening.district)
        .await?
        .ok_or_else(|| Fault::Stored("the centre has no branch".to_owned()))?;
    let employer_id = office.ids.next().await?;
    let suspense_id = office.ids.next().await?;
    let register_within = TimeDelta::days(rules.int("employer_register_days")?);
    let late = registered
        .founded
        .is_some_and(|founded| office.today() - founded > register_within);
    let mut tx = office.pool.begin().await?;
    let opened = async {
        books::remember(office, &mut tx, key, digest, employer_id).await?;
        books::open_accounts(office, &mut tx, Kind::UnitSuspense, &[suspense_id], &[employer_id]).await?;
        sqlx::query(
            "INSERT INTO employer (centre_id, employer_id, uscc, name, kind, district, address, legal_representative_sealed,
                                   branch_id, bank, ratio_employer_bp, ratio_employee_bp, payday, first_month, paid_to_month,
                                   suspense_account_id, founded_on, late_registration, opened_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
        )
        .bind(office.centre.id)
        .bind(employer_id)
        .bind(uscc.as_str())
        .bind(registered.name.as_deref().map_or(name, anju_domain::text::normalise))
        .bind(&opening.kind)
        .bind(&opening.district)
        .bind(opening.address.as_deref().or(registered.address.as_deref()))
        .bind(office.vault.seal(purpose::NAME, representative.expose().as_bytes()))
        .bind(branch.branch_id)
        .bind(&branch.bank)
        .bind(opening.ratio_employer_bp)
        .bind(opening.ratio_employee_bp)
        .bind(opening.payday)
        .bind(first_month.index())
        .bind(first_month.index() - 1)
        .bind(suspense_id)
        .bind(registered.founded)
        .bind(late)
        .bind(office.now())
        .execute(&mut *tx)
        .await?;
        if let Some((clerk_name, phone)) = &clerk {
            employer::add_clerk(office, &mut tx, employer_id, clerk_name.expose(), phone).await?;
        }
        Result::Ok(())
    }
    .await;
    match opened {
        Ok(()) => tx.commit().await?,
        Err(error) => {
            drop(tx);
            return repeated(office, &uscc, key, digest, error).await;
        }
    }
    tracing::info!(employer = employer_id, ?actor, "employer opened");
    Ok(employer_id)
}

/// Two at once: the same request, or the same credit code.
async fn repeated(
    office: &Office,
    uscc: &Uscc,
    key: Uuid,
    digest: Uuid,
    error: Error,
) -> Result<i64> {
    if anju_casework::case::is_repeat(&error) {
        if let Some(before) = books::remembered(office, key, digest).await? {
            return Ok(before);
        }
        if let Some(open) = employer::by_uscc(office, uscc).await? {
            let no = office
                .numbers
                .encode(anju_vault::NumberKind::Employer, open.employer_id);
            return Err(Refusal::rule(
                "E-EMPR-02",
                format!("该单位已开立住房公积金账户（账号：{no}），无需重复开户。"),
            )
            .into());
        }
    }
    Err(error)
}

fn first_month_text() -> String {
    format!(
        "请填写发薪日和首次汇缴年月，首次汇缴年月不得早于登记年月，且最多早于本月 {FIRST_MONTH_BACK} 个月。"
    )
}

/// Who asks the market regulator about an employer; the gateway does.
pub trait Registry: Send + Sync {
    /// The fact `market.registration` of a credit code; asked anew for a case, since what was kept for others may be a week old.
    fn registration<'a>(&'a self, uscc: &'a str, case_no: &'a str) -> BoxFuture<'a, Result<Fact>>;
}

/// What the registry says.
pub(super) struct Registration {
    pub(super) name: Option<String>,
    pub(super) address: Option<String>,
    founded: Option<NaiveDate>,
}

impl Registration {
    /// The registration if it exists and is open; else the word for its state.
    pub(super) fn read(fact: &Fact) -> Result<std::result::Result<Self, String>> {
        match fact.state {
            FactState::Known => {}
            FactState::Absent => return Ok(Err("未登记".to_owned())),
            FactState::Unknown | FactState::Conflict => {
                return Err(Refusal::new(
                    503,
                    "E-EMPR-07",
                    "市场监管部门暂时没有回复，请过几分钟再试，已填的内容不用改。",
                )
                .into());
            }
        }
        let text = |field: &str| {
            fact.value
                .get(field)
                .and_then(|value| value.as_str())
                .map(str::to_owned)
        };
        let state = match text("state").as_deref() {
            None | Some("open") => None,
            Some("cancelled") => Some("注销"),
            Some("revoked") => Some("吊销"),
            Some("moved") => Some("迁出"),
            Some(_) => Some("异常"),
        };
        Ok(match state {
            Some(word) => Err(word.to_owned()),
            None => Ok(Self {
                name: text("name").filter(|name| !name.is_empty()),
                address: text("address").filter(|address| !address.is_empty()),
                founded: text("founded").and_then(|date| date.parse().ok()),
            }),
        })
    }
}
