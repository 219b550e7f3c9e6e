//! The rules of opening an account (EMPR-01 to 05 and 07, contribution.md §2.1): what was typed becomes an opening that may be written, or
//! every mistake at once.

use anju_casework::employer::{self, Employer};
use anju_casework::{Fault, Office, Refusal, Result, RowFault};
use anju_domain::calendar::Month;
use anju_domain::id_number::IdNumber;
use anju_domain::name::PersonName;
use anju_domain::phone::Phone;
use anju_domain::text::normalise;
use anju_domain::uscc::Uscc;
use anju_policy::Form;
use anju_policy::fact::Fact;
use anju_vault::NumberKind;
use chrono::{NaiveDate, TimeDelta};
use serde_json::Value;
use sqlx::PgConnection;

use super::opening::keeper;
use super::registry::{Registration, not_open};
use crate::policy::Rules;

/// The kinds of employers.
pub const KINDS: [&str; 7] = ["机关", "事业", "国企", "私企", "外企", "社会组织", "其他"];

/// How far back a first month may lie; earlier months are a back payment.
const FIRST_MONTH_BACK: i32 = 12;

/// What is asked for, as it was typed.
#[derive(Debug, Clone, Default)]
pub struct Opening {
    /// Credit code.
    pub uscc: String,
    /// Registered name.
    pub name: String,
    /// One of [`KINDS`].
    pub kind: String,
    /// Basis points; none where it is missing or no number.
    pub ratio_employer_bp: Option<i32>,
    /// Basis points.
    pub ratio_employee_bp: Option<i32>,
    /// Name of the legal representative (法定代表人); empty for the registry's.
    pub legal_representative: String,
    /// GB/T 2260 code; empty for the registry's.
    pub district: String,
    /// First month.
    pub first_month: Option<Month>,
    /// Payday.
    pub payday: Option<i64>,
    /// Clerk's name, number and phone.
    pub clerk: Option<(String, String, String)>,
    /// Address; none for the registry's.
    pub address: Option<String>,
}

impl Opening {
    /// Out of the service's form.
    #[must_use]
    pub fn read(form: &Form) -> Self {
        let text = |field: &str| {
            form.get(field)
                .and_then(Value::as_str)
                .map(str::trim)
                .unwrap_or_default()
                .to_owned()
        };
        let number = |field: &str| form.get(field).and_then(Value::as_i64);
        let bp = |field: &str| number(field).and_then(|bp| i32::try_from(bp).ok());
        let clerk = (text("clerk_name"), text("clerk_id_no"), text("clerk_phone"));
        Self {
            uscc: text("uscc"),
            name: text("name"),
            kind: text("kind"),
            ratio_employer_bp: bp("ratio_employer_bp"),
            ratio_employee_bp: bp("ratio_employee_bp"),
            legal_representative: text("legal_representative"),
            district: text("district"),
            first_month: Month::parse(&text("first_month")).ok(),
            payday: number("payday"),
            clerk: (!clerk.0.is_empty() || !clerk.2.is_empty()).then_some(clerk),
            address: Some(text("address")).filter(|address| !address.is_empty()),
        }
    }

    /// EMPR-01 to 05 and 07, every mistake at once, as of the day on which it was asked for. `may_be_late`: the machines' door may leave
    /// payday and clerk for later (doors.md §2). What only the registry could say is no mistake while it is silent.
    ///
    /// # Errors
    /// 422 with every mistake: `E-EMPR-01` code, `E-EMPR-02` already open, `E-EMPR-03` not registered or not open, `E-EMPR-05` payday or
    /// first month, `E-RATIO-01/03`, `E-API-03` a field.
    pub async fn check(
        &self,
        office: &Office,
        conn: &mut PgConnection,
        registration: Option<&Fact>,
        asked_on: NaiveDate,
        may_be_late: bool,
    ) -> Result<Checked> {
        let rules = Rules::on(office, office.today());
        let mut faults = Faults::default();
        let uscc = Uscc::parse(&self.uscc).map_err(|error| {
            let words = format!("统一社会信用代码有误，请核对后重新填写：{error}。");
            faults.add("uscc", "E-EMPR-01", words);
        });
        let registered = match &uscc {
            // Silent: what was typed stands until it answers.
            Ok(_) => registration
                .and_then(Registration::answer)
                .unwrap_or_else(|| Ok(Registration::default())),
            // Nobody was asked about a code that does not exist.
            Err(()) => Ok(Registration::default()),
        };
        let name = normalise(&self.name);
        if name.is_empty() || name.chars().count() > 100 {
            faults.add(
                "name",
                "E-API-03",
                "请填写单位名称，最多 100 个字。".to_owned(),
            );
        }
        let kind = KINDS.iter().find(|kind| **kind == self.kind).copied();
        if kind.is_none() {
            let words = format!("单位性质请从这几种里选：{}。", KINDS.join("、"));
            faults.add("kind", "E-API-03", words);
        }
        if uscc.as_ref().is_ok_and(Uscc::is_institution)
            && kind.is_some_and(|kind| ["国企", "私企", "外企"].contains(&kind))
        {
            let words = "这个信用代码是机构编制部门给的，单位性质请选机关或事业。".to_owned();
            faults.add("kind", "E-API-03", words);
        }
        let ratios = (
            self.ratio_employer_bp.unwrap_or(0),
            self.ratio_employee_bp.unwrap_or(0),
        );
        if let Some((code, message)) = rules.ratio_pair(ratios.0, ratios.1)? {
            faults.add("ratio_employer_bp", code, message);
        }
        let clerk = self.clerk(may_be_late, &mut faults);
        let payday = match self.payday {
            None if may_be_late => None,
            Some(day @ 1..=31) => i16::try_from(day).ok(),
            given => {
                let words = match given {
                    Some(_) => "发薪日请填 1 到 31 之间的日子。".to_owned(),
                    None => first_month_text(),
                };
                faults.add("payday", "E-EMPR-05", words);
                None
            }
        };
        let known = registered.as_ref().ok();
        // The register's word counts, as it does for the name.
        let representative = known
            .and_then(|known| known.representative.clone())
            .unwrap_or_else(|| self.legal_representative.clone());
        let representative = PersonName::parse(&representative).map_err(|error| {
            faults.add(
                "legal_representative",
                "E-API-03",
                format!("法定代表人{error}。"),
            );
        });
        let founded = known.and_then(|known| known.founded);
        let first_month = self.month(asked_on, founded, &mut faults);
        let district = self
            .district(office, &mut *conn, known, &mut faults)
            .await?;
        if let Err(state) = &registered {
            faults.add("uscc", "E-EMPR-03", not_open(state));
        }
        let mut waiting = None;
        if let Ok(uscc) = &uscc {
            waiting = employer::by_uscc_on(office, &mut *conn, uscc).await?;
            if let Some(open) = waiting.as_ref().filter(|one| !is_pre_opened(one)) {
                faults.add("uscc", "E-EMPR-02", already(office, open));
            }
        }
        if let Some(refusal) = Refusal::of_mistakes(faults.0) {
            return Err(refusal.into());
        }
        let (Ok(uscc), Ok(representative), Ok(registered), Some(kind), Some(first_month)) =
            (uscc, representative, registered, kind, first_month)
        else {
            return Err(Fault::Stored("a checked opening lost a field".to_owned()).into());
        };
        let register_within = TimeDelta::days(rules.int("employer_register_days")?);
        Ok(Checked {
            uscc,
            name: registered.name.as_deref().map_or(name, normalise),
            kind,
            ratios,
            representative,
            district,
            first_month,
            payday,
            clerk,
            address: self.address.clone().or(registered.address),
            is_late: founded.is_some_and(|founded| asked_on - founded > register_within),
            founded,
            pre_opened: waiting.filter(is_pre_opened),
        })
    }

    fn clerk(&self, may_be_late: bool, faults: &mut Faults) -> Option<Clerk> {
        let Some((name, id_no, phone)) = &self.clerk else {
            if !may_be_late {
                let words = "请填写经办人的姓名和手机号。".to_owned();
                faults.add("clerk_name", "E-FORM-01", words);
            }
            return None;
        };
        let name = PersonName::parse(name).map_err(|error| {
            faults.add("clerk_name", "E-API-03", format!("经办人{error}。"));
        });
        let phone = Phone::parse(phone).map_err(|error| {
            faults.add(
                "clerk_phone",
                "E-API-03",
                format!("经办人手机号：{error}。"),
            );
        });
        let id_no = (!id_no.is_empty()).then(|| {
            IdNumber::parse(id_no).map_err(|error| {
                faults.add(
                    "clerk_id_no",
                    "E-PERS-01",
                    format!("经办人证件号码：{error}。"),
                );
            })
        });
        Some(Clerk {
            name: name.ok()?,
            id_no: id_no.and_then(|id_no| id_no.ok()),
            phone: phone.ok()?,
        })
    }

    fn month(
        &self,
        today: NaiveDate,
        founded: Option<NaiveDate>,
        faults: &mut Faults,
    ) -> Option<Month> {
        let this_month = Month::of(today);
        let back = this_month.plus(-FIRST_MONTH_BACK);
        let earliest = founded.map_or(back, |founded| back.max(Month::of(founded)));
        let month = self
            .first_month
            .filter(|month| (earliest..=this_month.plus(FIRST_MONTH_BACK)).contains(month));
        if month.is_none() {
            faults.add("first_month", "E-EMPR-05", first_month_text());
        }
        month
    }

    /// Where it is registered: what was given, else the registry's word, else the centre's own district.
    async fn district(
        &self,
        office: &Office,
        conn: &mut PgConnection,
        known: Option<&Registration>,
        faults: &mut Faults,
    ) -> Result<String> {
        let is_code =
            |code: &str| code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit());
        if !self.district.is_empty() {
            if !is_code(&self.district) {
                faults.add("district", "E-API-03", "区县代码是 6 位数字。".to_owned());
            }
            return Ok(self.district.clone());
        }
        match known.and_then(|known| known.region.clone()) {
            Some(region) if is_code(&region) => Ok(region),
            _ => Ok(keeper(office, conn, "").await?.district),
        }
    }
}

#[derive(Default)]
struct Faults(Vec<RowFault>);

impl Faults {
    fn add(&mut self, column: &str, code: &str, message: String) {
        self.0.push(RowFault {
            row: None,
            column: Some(column.to_owned()),
            code: code.to_owned(),
            message,
        });
    }
}

/// An opening that every rule lets pass.
#[derive(Debug, Clone)]
pub struct Checked {
    pub(super) uscc: Uscc,
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) ratios: (i32, i32),
    pub(super) representative: PersonName,
    pub(super) district: String,
    pub(super) first_month: Month,
    pub(super) payday: Option<i16>,
    pub(super) clerk: Option<Clerk>,
    pub(super) address: Option<String>,
    pub(super) founded: Option<NaiveDate>,
    pub(super) is_late: bool,
    /// The account that the regulator's message opened and that this completes.
    pub(super) pre_opened: Option<Employer>,
}

/// Who acts for it.
#[derive(Debug, Clone)]
pub(super) struct Clerk {
    pub(super) name: PersonName,
    pub(super) id_no: Option<IdNumber>,
    pub(super) phone: Phone,
}

fn is_pre_opened(employer: &Employer) -> bool {
    employer.state == employer::state::PRE_OPENED
}

pub(super) fn already(office: &Office, open: &Employer) -> String {
    let no = office
        .numbers
        .encode(NumberKind::Employer, open.employer_id);
    format!("该单位已开立住房公积金账户（账号：{no}），无需重复开户。")
}

fn first_month_text() -> String {
    format!(
        "请填写发薪日和首次汇缴年月，首次汇缴年月不得早于登记年月，且最多早于本月 {FIRST_MONTH_BACK} 个月。"
    )
}
