//! The rows of a form that changes members, read as the lines of a roster: whom they mean, and what is wrong with them.

use anju_casework::Office;
use anju_casework::catalogue::Request;
use anju_domain::contribution::{BaseLimits, Ratios};
use anju_domain::id_number::IdNumber;
use anju_domain::money::Fen;
use anju_domain::name::PersonName;
use anju_domain::phone::Phone;
use anju_vault::NumberKind;
use serde_json::{Map, Value};

use super::members::Books;
use super::roster::{Change, Column, Fault, Field, MemberState, RosterLine};

/// A row of the form.
#[derive(Debug, Default)]
pub(super) struct Asked {
    row: u32,
    name: Option<PersonName>,
    id: Option<IdNumber>,
    account: Option<String>,
    base: Option<Fen>,
    phone: Option<Phone>,
    reason: Option<String>,
}

/// The fields that a row may have.
const FIELDS: [&str; 6] = ["name", "id_no", "account_no", "base_fen", "phone", "reason"];

/// The rows of a form's `roster`, and what is wrong with each.
pub(super) fn read(request: &Request, change: Change) -> (Vec<Asked>, Vec<Fault>) {
    let mut faults = Vec::new();
    let rows = request.form.get("roster").and_then(Value::as_array);
    let asked = rows
        .into_iter()
        .flatten()
        .zip(1_u32..)
        .map(|(value, row)| match value.as_object() {
            Some(fields) => Asked::read(fields, row, change, &mut faults),
            None => {
                faults.push(wrong(row, None, "应为一名职工的各项".to_owned()));
                Asked {
                    row,
                    ..Asked::default()
                }
            }
        })
        .collect();
    (asked, faults)
}

fn wrong(row: u32, column: Option<&'static str>, what: String) -> Fault {
    Fault {
        row: Some(row),
        column,
        ..Fault::whole("E-FORM-01", format!("第 {row} 行{what}，请改正。"))
    }
}

impl Asked {
    fn read(
        fields: &Map<String, Value>,
        row: u32,
        change: Change,
        faults: &mut Vec<Fault>,
    ) -> Self {
        for name in fields
            .keys()
            .filter(|name| !FIELDS.contains(&name.as_str()))
        {
            faults.push(wrong(row, None, format!("没有“{name}”这一项")));
        }
        let text = |name: &str| {
            fields
                .get(name)
                .and_then(Value::as_str)
                .map(str::trim)
                .filter(|text| !text.is_empty())
        };
        let mut asked = Self {
            row,
            account: text("account_no").map(str::to_owned),
            reason: text("reason").map(str::to_owned),
            ..Self::default()
        };
        if let Some(name) = text("name") {
            match PersonName::parse(name) {
                Ok(name) => asked.name = Some(name),
                Err(error) => faults.push(Fault::cell(
                    row,
                    Column::Name,
                    "E-ROW-06",
                    error.to_string(),
                )),
            }
        }
        if let Some(id) = text("id_no") {
            match IdNumber::parse(id) {
                Ok(id) => asked.id = Some(id),
                Err(error) => {
                    let message = format!("第 {row} 行：{error}");
                    faults.push(Fault::cell(row, Column::IdNumber, "E-PERS-01", message));
                }
            }
        }
        if let Some(phone) = text("phone") {
            match Phone::parse(phone) {
                Ok(phone) => asked.phone = Some(phone),
                Err(error) => faults.push(Fault::cell(
                    row,
                    Column::Phone,
                    "E-FORM-01",
                    error.to_string(),
                )),
            }
        }
        match fields.get("base_fen").map(Value::as_i64) {
            None => {}
            Some(Some(fen)) if fen > 0 => asked.base = Some(Fen::new(fen)),
            Some(_) => faults.push(Fault::cell(
                row,
                Column::Base,
                "E-ROW-05",
                format!("第 {row} 行的缴存基数应是大于零的整数，单位是分，请改正。"),
            )),
        }
        asked.missing(fields, change, faults);
        asked
    }

    /// What the change needs and nobody wrote.
    fn missing(&self, fields: &Map<String, Value>, change: Change, faults: &mut Vec<Fault>) {
        let row = self.row;
        let absent = |name: &str| !fields.contains_key(name);
        if change == Change::Add {
            if absent("name") {
                faults.push(Fault::cell(
                    row,
                    Column::Name,
                    "E-FORM-01",
                    format!("第 {row} 行请填写姓名。"),
                ));
            }
            if absent("id_no") {
                faults.push(Fault::cell(
                    row,
                    Column::IdNumber,
                    "E-FORM-01",
                    format!("第 {row} 行请填写证件号码。"),
                ));
            }
        } else if absent("account_no") && absent("id_no") {
            faults.push(wrong(
                row,
                Some(ACCOUNT),
                "没有写个人账号或证件号码".to_owned(),
            ));
        }
        if matches!(change, Change::Add | Change::Base) && absent("base_fen") {
            faults.push(Fault::cell(
                row,
                Column::Base,
                "E-FORM-01",
                format!("第 {row} 行请填写缴存基数。"),
            ));
        }
    }
}

/// What a fault calls the number of a person's account.
const ACCOUNT: &str = "个人账号";

/// The lines of people who join, as far as they say who it is: our books are asked about them.
pub(super) fn joining(asked: &[Asked]) -> Vec<RosterLine> {
    asked
        .iter()
        .filter(|asked| asked.account.is_none())
        .map(|asked| {
            line(
                asked,
                asked.id.clone(),
                asked.name.clone(),
                asked.base,
                Change::Add,
            )
        })
        .collect()
}

/// The lines of a changes-only roster. Who is named by an account is a member; who is not one is a fault.
pub(super) fn lines(
    office: &Office,
    asked: &[Asked],
    change: Change,
    members: &Books,
    limits: &BaseLimits,
    faults: &mut Vec<Fault>,
) -> Vec<RosterLine> {
    let by_account = members.by_account();
    asked
        .iter()
        .filter_map(|asked| {
            let id = match (&asked.account, &asked.id) {
                (Some(account), _) => {
                    let found = office
                        .numbers
                        .decode(NumberKind::Account, account)
                        .and_then(|account_id| Some(by_account.get(&account_id)?.0));
                    if found.is_none() {
                        let what = format!("的个人账号 {account} 不是本单位职工的账户");
                        faults.push(wrong(asked.row, Some(ACCOUNT), what));
                    }
                    Some(found?.clone())
                }
                (None, id) => id.clone(),
            };
            let member = id.as_ref().and_then(|id| members.members.get(id));
            let name = asked
                .name
                .clone()
                .or_else(|| member.map(|member| member.name.clone()));
            // BASE-06: who comes back keeps the base, inside the limits of today.
            let kept = member
                .filter(|member| change == Change::Unseal && member.state == MemberState::Sealed)
                .map(|member| member.base.clamp(limits.lower, limits.upper));
            Some(line(asked, id, name, asked.base.or(kept), change))
        })
        .collect()
}

fn line(
    asked: &Asked,
    id: Option<IdNumber>,
    name: Option<PersonName>,
    base: Option<Fen>,
    change: Change,
) -> RosterLine {
    RosterLine {
        row: asked.row,
        name: given(name),
        id_number: given(id),
        base: given(base),
        employer_ratio: Field::Empty,
        employee_ratio: Field::Empty,
        change: Field::Given(change),
        monthly: Field::Empty,
        phone: asked.phone.clone().map_or(Field::Empty, Field::Given),
    }
}

/// What is missing is already told.
fn given<T>(value: Option<T>) -> Field<T> {
    value.map_or(Field::Faulty, Field::Given)
}

/// Everybody who contributes, with new ratios: 比例调整 is for all at once.
pub(super) fn everybody(members: &Books, ratios: Ratios) -> Vec<RosterLine> {
    let mut active: Vec<_> = members
        .members
        .iter()
        .filter(|(_, member)| member.state == MemberState::Active)
        .collect();
    active.sort_by_key(|(id, _)| *id);
    active
        .into_iter()
        .zip(1_u32..)
        .map(|((id, member), row)| RosterLine {
            row,
            name: Field::Given(member.name.clone()),
            id_number: Field::Given(id.clone()),
            base: Field::Given(member.base),
            employer_ratio: Field::Given(ratios.employer),
            employee_ratio: Field::Given(ratios.employee),
            change: Field::Given(Change::Ratio),
            monthly: Field::Empty,
            phone: Field::Empty,
        })
        .collect()
}

/// Why each membership is sealed: the row's own reason, or that of the form.
pub(super) fn reasons(
    office: &Office,
    request: &Request,
    asked: &[Asked],
    members: &Books,
) -> Vec<(i64, String)> {
    let by_account = members.by_account();
    asked
        .iter()
        .filter_map(|asked| {
            let reason = asked.reason.as_deref().or_else(|| request.text("reason"))?;
            let membership = match (&asked.account, &asked.id) {
                (Some(account), _) => {
                    by_account
                        .get(&office.numbers.decode(NumberKind::Account, account)?)?
                        .1
                }
                (None, id) => members.rows.get(id.as_ref()?)?,
            };
            Some((membership.membership_id, reason.to_owned()))
        })
        .collect()
}
