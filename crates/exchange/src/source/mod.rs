//! From each source's codes and field names to our facts (数据映射), one file a source.
//!
//! Invariant: a code that our table does not hold is a fault and the fact unknown, never a default. The tables are
//! what the other side calls things; what we call them is the catalogue's schema. Read [`column`] first.

pub mod column;

mod bank_loan;
mod bigdata;
mod civil;
mod court;
mod credit;
mod disabled;
mod estate;
mod finance;
mod health;
mod home_loan;
mod housing;
mod hrss;
mod immigration;
mod judgment;
mod market;
mod medins;
mod national;
mod payment_card;
mod police;
mod presale;
mod settle;
mod sichuan;
mod status;
mod talent;
mod tax;
mod tax_register;

use serde_json::{Map, Value};

use crate::catalogue::FactType;
use crate::schema::ValueFault;
use column::{Column, Seal, read_columns};

/// What must hold between the fields of a value.
type Check = fn(&Map<String, Value>) -> Result<(), ValueFault>;

/// How one type looks at its source.
pub struct Form {
    /// The type.
    pub fact_type: &'static str,
    /// The source's field for the subject, in question and answer.
    pub subject: &'static str,
    /// Further keys of the question: ours, theirs.
    pub keys: &'static [(&'static str, &'static str)],
    /// The fields of the answer.
    pub columns: &'static [Column],
    /// What must hold between the fields.
    pub check: Option<Check>,
}

/// Types whose sources have no agreed form yet speak our own fields, keyed by `subject`.
const COMMON_SUBJECT: &str = "subject";

static FORMS: &[&[Form]] = &[
    police::FORMS,
    civil::FORMS,
    estate::FORMS,
    housing::FORMS,
    tax::FORMS,
    home_loan::FORMS,
    hrss::FORMS,
    disabled::FORMS,
    immigration::FORMS,
    market::FORMS,
    court::FORMS,
    health::FORMS,
    medins::FORMS,
    national::FORMS,
    payment_card::FORMS,
    credit::FORMS,
    finance::FORMS,
    talent::FORMS,
    tax_register::FORMS,
    judgment::FORMS,
    presale::FORMS,
    bigdata::FORMS,
    sichuan::FORMS,
    settle::FORMS,
    status::FORMS,
    bank_loan::FORMS,
];

/// The form of a type, if its source has one of its own.
#[must_use]
pub fn form(fact_type: &str) -> Option<&'static Form> {
    FORMS
        .iter()
        .flat_map(|forms| forms.iter())
        .find(|form| form.fact_type == fact_type)
}

/// The question's parameters as the source names them.
#[must_use]
pub fn params<'k>(
    fact_type: &str,
    subject: &str,
    keys: impl Iterator<Item = (&'k str, &'k str)>,
) -> Map<String, Value> {
    let form = form(fact_type);
    let mut params = Map::new();
    params.insert(
        form.map_or(COMMON_SUBJECT, |form| form.subject).to_owned(),
        Value::from(subject),
    );
    for (ours, value) in keys {
        let theirs = match form {
            Some(form) => form
                .keys
                .iter()
                .find(|(name, _)| *name == ours)
                .map(|(_, name)| *name),
            None => Some(ours),
        };
        // A key that this source does not take stays here: least data.
        if let Some(theirs) = theirs {
            params.insert(theirs.to_owned(), Value::from(value));
        }
    }
    params
}

/// Whom an answer is about; every answer says so, "no record" too.
#[must_use]
pub fn subject_of<'d>(fact_type: &str, data: &'d Value) -> Option<&'d str> {
    data.get(form(fact_type).map_or(COMMON_SUBJECT, |form| form.subject))?
        .as_str()
}

/// The value of an answer in our fields, checked against the schema.
pub fn value_of(fact: &FactType, data: &Value, seal: Seal<'_>) -> Result<Value, ValueFault> {
    let Some(form) = form(&fact.name) else {
        return fact.admit(data.get("value").unwrap_or(&Value::Null));
    };
    let value = read_columns(form.columns, data, seal)?;
    if let Some(check) = form.check {
        check(&value)?;
    }
    fact.admit(&Value::Object(value))
}

/// A source that counts also lists: a list cut short must not look like fewer homes or children.
fn count_equals_list(value: &Map<String, Value>, list: &str) -> Result<(), ValueFault> {
    let listed = value
        .get(list)
        .and_then(Value::as_array)
        .map_or(0, Vec::len);
    match value.get("count").and_then(Value::as_i64) {
        Some(count) if usize::try_from(count) != Ok(listed) => {
            Err(ValueFault::Kind("count".to_owned()))
        }
        Some(_) => Ok(()),
        None => Err(ValueFault::Missing("count".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;
    use serde_json::json;

    fn sealed(text: &str) -> String {
        format!("<{}>", text.len())
    }

    fn value(fact_type: &str, data: Value) -> Result<Value, ValueFault> {
        let catalogue = Catalogue::shipped().unwrap();
        value_of(catalogue.fact(fact_type).unwrap(), &data, &sealed)
    }

    #[test]
    fn every_form_belongs_to_a_type_of_the_catalogue() {
        let catalogue = Catalogue::shipped().unwrap();
        for form in FORMS.iter().flat_map(|forms| forms.iter()) {
            assert!(
                catalogue.fact(form.fact_type).is_some(),
                "{}",
                form.fact_type
            );
        }
    }

    #[test]
    fn marriage_reads_the_national_codes_and_seals_the_spouse() {
        for (code, state) in [
            ("10", "single"),
            ("20", "married"),
            ("22", "married"),
            ("30", "widowed"),
            ("40", "divorced"),
        ] {
            let read = value("civil.marriage", json!({"sfzh": "1", "hyzk": code})).unwrap();
            assert_eq!(read["state"], state, "GB/T 2261.2 code {code}");
        }
        let read = value(
            "civil.marriage",
            json!({"sfzh": "1", "hyzk": "20", "poxm": "王强", "posfzh": "500103199001011234", "djrq": "20180520", "bgcs24": "0"}),
        );
        let expected = json!({"state": "married", "spouse": {"name": "王强", "id_sealed": "<18>"}, "since": "2018-05-20", "changes_24m": 0});
        assert_eq!(read, Ok(expected));
        let unknown = value("civil.marriage", json!({"sfzh": "1", "hyzk": "77"}));
        assert_eq!(unknown, Err(ValueFault::Code("state".into())));
    }

    #[test]
    fn houses_come_with_fractions_areas_and_use_codes() {
        let read = value(
            "estate.ownership",
            json!({"zjhm": "1", "fwts": "1", "fwlist": [
                {"xzqdm": "500103", "jzmj": "89.5", "ghyt": "11", "qlbl": "1/3", "djsj": "20150601", "qzhzy": "ab"}]}),
        );
        let expected = json!({"count": 1, "houses": [{"district": "500103", "area_m2": "89.50", "use": "residential",
            "share_bp": 3333, "acquired": "2015-06-01", "title_hash": "ab"}]});
        assert_eq!(read, Ok(expected));
    }

    #[test]
    fn a_house_count_that_differs_from_the_list_is_malformed() {
        let read = value(
            "estate.ownership",
            json!({"zjhm": "1", "fwts": "2", "fwlist": []}),
        );
        assert_eq!(read, Err(ValueFault::Kind("count".into())));
    }

    #[test]
    fn money_is_read_to_the_fen_and_nothing_finer() {
        let lease = |rent: &str| {
            value(
                "housing.rental_filing",
                json!({"sfzjhm": "1", "bazt": "1", "yzj": rent}),
            )
        };
        for (yuan, fen) in [
            ("1500", 150_000),
            ("1500.5", 150_050),
            ("0.01", 1),
            ("1500.00", 150_000),
        ] {
            assert_eq!(lease(yuan).unwrap()["rent_fen_month"], fen, "{yuan}");
        }
        for bad in ["1500.005", "1,500", "-1", "1e3", "."] {
            assert_eq!(
                lease(bad),
                Err(ValueFault::Kind("rent_fen_month".into())),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_banks_repayments_come_with_their_days_and_penalties_apart() {
        let read = value(
            "bank.loan_repayment",
            json!({"zjhm": "1", "jkrlx": "2", "dkyt": "01", "fwxzq": "500112", "ljhk": "3210.55", "yqbz": "0", "yqts": "0",
                "hkmx": [{"hkrq": "20240229", "bxhj": "3210.55", "fxje": "1.20"}], "tqhkmx": []}),
        );
        let expected = json!({"role": "co_owner", "purpose": "house", "district": "500112", "paid_fen": 321_055, "overdue": false,
            "overdue_days": 0, "instalments": [{"date": "2024-02-29", "amount_fen": 321_055, "penalty_fen": 120}], "early": []});
        assert_eq!(read, Ok(expected));
        let unknown = value(
            "bank.loan_repayment",
            json!({"zjhm": "1", "jkrlx": "9", "dkyt": "01", "ljhk": "0", "yqbz": "0", "yqts": "0"}),
        );
        assert_eq!(unknown, Err(ValueFault::Code("role".into())));
    }

    #[test]
    fn a_key_that_the_source_does_not_take_is_not_sent() {
        let keys = [("name", "李梅"), ("phone", "13800000000")];
        let sent = params("police.identity", "1", keys.into_iter());
        assert_eq!(Value::Object(sent), json!({"gmsfhm": "1", "xm": "李梅"}));
        let common = params("settle.account_notice", "1", [("year", "2025")].into_iter());
        assert_eq!(
            Value::Object(common),
            json!({"subject": "1", "year": "2025"})
        );
    }
}
