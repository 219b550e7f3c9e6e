//! `anju vectors FILE.csv`: recomputes worked numbers with the product's own functions (money_rules §6).
//!
//! Invariant: an area without a function counts as not built, never as passed; every expected field of a
//! row is compared.

use std::fmt;
use std::io::Write;
use std::path::Path;

use anju_domain::calendar::Month;
use anju_domain::contribution::{self, AmountRounding, BaseLimits, Ratios, RoundMode, RoundScope};
use anju_domain::due_date::DueRule;
use anju_domain::interest::{self, ChangeMode, End, RateTable};
use anju_domain::money::Fen;
use anju_domain::rate::{Bp, Percent};
use anju_domain::withdrawal::{self, Free, Rent};
use anju_domain::{deferral, deposit, rounding};
use chrono::NaiveDate;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// How many rows came out as expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Every expected field is equal.
    pub passed: usize,
    /// A field differs, or the row cannot be computed.
    pub failed: usize,
    /// There is no function for the area yet.
    pub not_built: usize,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} passed, {} failed, {} not built",
            self.passed, self.failed, self.not_built
        )
    }
}

/// Why a file of vectors cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum VectorsError {
    /// The file cannot be read as CSV with the five columns.
    #[error("reading the vectors")]
    File(#[from] csv::Error),
    /// The figures cannot be written.
    #[error("writing the figures")]
    Output(#[from] std::io::Error),
}

#[derive(Deserialize)]
struct Row {
    id: String,
    area: String,
    inputs: String,
    expected: String,
}

/// Recomputes a file and writes a line for each fault, then the tally.
///
/// # Errors
/// The file is not a file of vectors, or the figures cannot be written.
pub fn run(path: &Path, out: &mut impl Write) -> Result<Tally, VectorsError> {
    let mut tally = Tally::default();
    for row in csv::Reader::from_path(path)?.deserialize() {
        let row: Row = row?;
        let Some(compute) = area(&row.area) else {
            tally.not_built += 1;
            continue;
        };
        let faults = faults_of(&row, compute);
        if faults.is_empty() {
            tally.passed += 1;
        } else {
            tally.failed += 1;
        }
        for fault in faults {
            writeln!(out, "{} {fault}", row.id)?;
        }
    }
    writeln!(out, "{tally}")?;
    Ok(tally)
}

type Compute = fn(Value) -> Result<Value, String>;

/// The function of an area; nothing where the product has none yet.
fn area(name: &str) -> Option<Compute> {
    Some(match name {
        "monthly_contribution" => |inputs| monthly_contribution(&read(inputs)?),
        "backpay" => |inputs| backpay(&read(inputs)?),
        "deferral" => |inputs| deferral_plan(&read(inputs)?),
        "interest_settlement" => |inputs| interest_settlement(&read(inputs)?),
        "rent_withdrawal" => |inputs| rent_withdrawal(&read(inputs)?),
        "repay_withdrawal" => |inputs| repay_withdrawal(&read(inputs)?),
        "purchase_withdrawal" => |inputs| purchase_withdrawal(&read(inputs)?),
        "due_dates" => |inputs| due_dates(&read(inputs)?),
        "fixed_deposit" => |inputs| fixed_deposit(&read(inputs)?),
        "share_split" => |inputs| share_split(&read(inputs)?),
        _ => return None,
    })
}

fn read<T: DeserializeOwned>(inputs: Value) -> Result<T, String> {
    serde_json::from_value(inputs).map_err(|error| format!("inputs: {error}"))
}

fn faults_of(row: &Row, compute: Compute) -> Vec<String> {
    let parsed = |text: &str, name: &str| {
        serde_json::from_str::<Value>(text)
            .map_err(|error| vec![format!("{name}: not JSON, {error}")])
    };
    let computed = (|| {
        let expected = parsed(&row.expected, "expected")?;
        let got = compute(parsed(&row.inputs, "inputs")?).map_err(|error| vec![error])?;
        Ok((got, expected))
    })();
    match computed {
        Ok((got, expected)) => differences(&got, &expected),
        Err(faults) => faults,
    }
}

/// One text for each expected field that was not met.
fn differences(got: &Value, expected: &Value) -> Vec<String> {
    let Some(fields) = expected.as_object().filter(|fields| !fields.is_empty()) else {
        return vec!["expected: not an object with fields".to_owned()];
    };
    fields
        .iter()
        .filter(|(field, want)| !equal(field, &got[field.as_str()], want))
        .map(|(field, want)| format!("{field}: got {}, want {want}", got[field.as_str()]))
        .collect()
}

/// Percent strings are compared as decimals (money_rules §6), everything else as it stands.
fn equal(field: &str, got: &Value, want: &Value) -> bool {
    match (field.ends_with("_pct"), got.as_str(), want.as_str()) {
        (true, Some(got), Some(want)) => {
            matches!((Percent::parse(got), Percent::parse(want)), (Ok(a), Ok(b)) if a == b)
        }
        _ => got == want,
    }
}

#[derive(Deserialize)]
struct MonthlyContribution {
    wages_total_fen: Fen,
    months_paid: u32,
    lower_fen: Fen,
    upper_fen: Fen,
    base_round_unit_fen: Fen,
    employer_bp: Bp,
    employee_bp: Bp,
    amount_round_unit_fen: Fen,
    round_mode: RoundMode,
}

fn monthly_contribution(inputs: &MonthlyContribution) -> Result<Value, String> {
    let raw = contribution::base_raw(inputs.wages_total_fen, inputs.months_paid);
    let limits = BaseLimits {
        lower: inputs.lower_fen,
        upper: inputs.upper_fen,
    };
    let base = contribution::base(raw, limits, inputs.base_round_unit_fen);
    let ratios = Ratios {
        employer: inputs.employer_bp,
        employee: inputs.employee_bp,
    };
    let rounding = AmountRounding {
        unit: inputs.amount_round_unit_fen,
        mode: inputs.round_mode,
        scope: RoundScope::EachSide,
    };
    let sides = contribution::monthly(base, ratios, rounding);
    Ok(json!({
        "base_raw_fen": raw,
        "base_fen": base,
        "employer_fen": sides.employer,
        "employee_fen": sides.employee,
        "monthly_fen": sides.total(),
    }))
}

#[derive(Deserialize)]
struct Backpay {
    months: Vec<BackpayMonth>,
    base_round_unit_fen: Fen,
    amount_round_unit_fen: Fen,
    round_mode: RoundMode,
}

#[derive(Deserialize)]
struct BackpayMonth {
    month: Month,
    base_raw_fen: Fen,
    lower_fen: Fen,
    upper_fen: Fen,
    employer_bp: Bp,
    employee_bp: Bp,
    paid_fen: Fen,
}

fn backpay(inputs: &Backpay) -> Result<Value, String> {
    let rounding = AmountRounding {
        unit: inputs.amount_round_unit_fen,
        mode: inputs.round_mode,
        scope: RoundScope::EachSide,
    };
    let mut total = Fen::ZERO;
    let lines: Vec<Value> = inputs
        .months
        .iter()
        .map(|line| {
            let limits = BaseLimits {
                lower: line.lower_fen,
                upper: line.upper_fen,
            };
            let base = contribution::base(line.base_raw_fen, limits, inputs.base_round_unit_fen);
            let ratios = Ratios {
                employer: line.employer_bp,
                employee: line.employee_bp,
            };
            let due = contribution::monthly(base, ratios, rounding).total();
            let open = contribution::back_payment(due, line.paid_fen);
            total += open;
            json!({"month": line.month, "due_fen": due, "backpay_fen": open})
        })
        .collect();
    Ok(json!({"lines": lines, "total_fen": total}))
}

#[derive(Deserialize)]
struct Deferral {
    monthly_fen: Fen,
    from: Month,
    to: Month,
    plan_months: u32,
}

fn deferral_plan(inputs: &Deferral) -> Result<Value, String> {
    let plan = deferral::plan(
        inputs.monthly_fen,
        inputs.from,
        inputs.to,
        inputs.plan_months,
    )
    .ok_or("inputs: no month to defer or no instalment to pay")?;
    Ok(json!({
        "months_deferred": plan.months,
        "deferred_total_fen": plan.total,
        "instalments_fen": plan.instalments,
    }))
}

#[derive(Deserialize)]
struct InterestSettlement {
    opening_date: NaiveDate,
    opening_balance_fen: Fen,
    changes: Vec<Change>,
    end: End,
    rates: Vec<RateRow>,
    change_mode: ChangeMode,
}

#[derive(Deserialize)]
struct Change {
    date: NaiveDate,
    delta_fen: Fen,
}

#[derive(Deserialize)]
struct RateRow {
    from: NaiveDate,
    bp: Bp,
}

/// 银发〔2005〕129号: account interest counts 360 days a year.
const YEAR_DAYS: u16 = 360;

fn interest_settlement(inputs: &InterestSettlement) -> Result<Value, String> {
    let rates = RateTable::new(inputs.rates.iter().map(|row| (row.from, row.bp)))
        .map_err(|error| error.to_string())?;
    let changes: Vec<_> = inputs
        .changes
        .iter()
        .map(|change| (change.date, change.delta_fen))
        .collect();
    let opening = (inputs.opening_date, inputs.opening_balance_fen);
    let (settlements, balance) = interest::settle(
        opening,
        &changes,
        inputs.end,
        &rates,
        inputs.change_mode,
        YEAR_DAYS,
    )
    .map_err(|error| error.to_string())?;
    Ok(json!({"settlements": settlements, "final_balance_fen": balance}))
}

#[derive(Deserialize)]
struct RentWithdrawal {
    #[serde(flatten)]
    rent: Rent,
    #[serde(flatten)]
    free: Free,
    requested_fen: Option<Fen>,
}

fn rent_withdrawal(inputs: &RentWithdrawal) -> Result<Value, String> {
    let entitlement = inputs.rent.entitlement();
    Ok(json!({
        "months": inputs.rent.months(),
        "entitlement_fen": entitlement,
        "amount_fen": withdrawal::amount(entitlement, inputs.free, inputs.requested_fen),
    }))
}

#[derive(Deserialize)]
struct RepayWithdrawal {
    repaid: Vec<Repaid>,
    since_date: Option<NaiveDate>,
    until_date: NaiveDate,
    withdrawn_by_others_fen: Fen,
    #[serde(flatten)]
    free: Free,
}

#[derive(Deserialize)]
struct Repaid {
    date: NaiveDate,
    amount_fen: Fen,
}

fn repay_withdrawal(inputs: &RepayWithdrawal) -> Result<Value, String> {
    let repaid = inputs
        .repaid
        .iter()
        .map(|payment| (payment.date, payment.amount_fen));
    let eligible = withdrawal::repaid_eligible(
        repaid,
        inputs.since_date,
        inputs.until_date,
        inputs.withdrawn_by_others_fen,
    );
    Ok(
        json!({"eligible_fen": eligible, "amount_fen": withdrawal::amount(eligible, inputs.free, None)}),
    )
}

#[derive(Deserialize)]
struct PurchaseWithdrawal {
    price_fen: Fen,
    loan_fen: Fen,
    already_withdrawn_fen: Fen,
    #[serde(flatten)]
    free: Free,
}

fn purchase_withdrawal(inputs: &PurchaseWithdrawal) -> Result<Value, String> {
    let eligible = withdrawal::purchase_eligible(
        inputs.price_fen,
        inputs.loan_fen,
        inputs.already_withdrawn_fen,
    );
    Ok(
        json!({"eligible_fen": eligible, "amount_fen": withdrawal::amount(eligible, inputs.free, None)}),
    )
}

#[derive(Deserialize)]
struct DueDates {
    value_date: NaiveDate,
    due_rule: DueRule,
    ks: Vec<i32>,
}

fn due_dates(inputs: &DueDates) -> Result<Value, String> {
    let dates: Vec<NaiveDate> = inputs
        .ks
        .iter()
        .map(|k| inputs.due_rule.due(inputs.value_date, *k))
        .collect();
    Ok(json!({ "dates": dates }))
}

#[derive(Deserialize)]
struct FixedDeposit {
    principal_fen: Fen,
    annual_pct: Percent,
    months: u32,
}

fn fixed_deposit(inputs: &FixedDeposit) -> Result<Value, String> {
    let interest =
        deposit::fixed_deposit_interest(inputs.principal_fen, inputs.annual_pct, inputs.months);
    Ok(json!({ "interest_fen": interest }))
}

#[derive(Deserialize)]
struct ShareSplit {
    total_fen: Fen,
    weights: Vec<u64>,
}

fn share_split(inputs: &ShareSplit) -> Result<Value, String> {
    if inputs.weights.iter().all(|weight| *weight == 0) || inputs.total_fen < Fen::ZERO {
        return Err("inputs: nothing to split or nobody to split it among".to_owned());
    }
    Ok(json!({"parts_fen": rounding::split_shares(inputs.total_fen, &inputs.weights)}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_text(csv: &str) -> (Tally, String) {
        let path = std::env::temp_dir().join(format!(
            "anju-vectors-{:?}.csv",
            std::thread::current().id()
        ));
        std::fs::write(&path, csv).expect("written");
        let mut out = Vec::new();
        let tally = run(&path, &mut out).expect("run");
        std::fs::remove_file(&path).expect("removed");
        (tally, String::from_utf8(out).expect("text"))
    }

    #[test]
    fn every_row_of_a_built_area_passes() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors.csv");
        let mut out = Vec::new();
        let tally = run(&path, &mut out).expect("run");
        assert_eq!(tally.failed, 0, "{}", String::from_utf8_lossy(&out));
        assert!(tally.passed >= 31, "{tally}");
        assert_eq!(tally.passed + tally.not_built, 84);
    }

    #[test]
    fn a_wrong_field_is_named_and_an_unknown_area_is_not_passed() {
        let (tally, out) = run_text(concat!(
            "id,area,case,inputs,expected\n",
            r#"X1,share_split,wrong,"{""total_fen"":3,""weights"":[1,1]}","{""parts_fen"":[1,2]}""#,
            "\n",
            r#"X2,share_split,field that we do not give,"{""total_fen"":3,""weights"":[1]}","{""parts_fen"":[3],""rest_fen"":0}""#,
            "\n",
            r#"X3,share_split,no weights,"{""total_fen"":3,""weights"":[]}","{""parts_fen"":[]}""#,
            "\n",
            r#"X4,moon_phase,unknown,{},{}"#,
            "\n",
            r#"X5,share_split,nothing expected,"{""total_fen"":3,""weights"":[1]}",{}"#,
            "\n",
        ));
        assert_eq!(
            tally,
            Tally {
                passed: 0,
                failed: 4,
                not_built: 1
            }
        );
        assert!(
            out.starts_with("X1 parts_fen: got [2,1], want [1,2]\nX2 rest_fen: got null, want 0\n"),
            "{out}"
        );
        assert!(
            out.ends_with("\n0 passed, 4 failed, 1 not built\n"),
            "{out}"
        );
    }
}
