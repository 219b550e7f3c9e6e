//! 一网通办 at the departments: what a centre says of an employer's account, each in a form of its own and in a register beside its own of
//! companies. Invariant: a message counts once by its number, however often it comes.

use serde_json::{Map, Value, json};

use super::column::{self, Column, Form::*, column};
use super::{Event, Registers, Row};
use crate::World;
use crate::store::StoreError;

/// Where a department takes such messages.
pub(super) struct Window {
    /// `D07`.
    pub(super) source: &'static str,
    /// The interface, also the name of its register.
    pub(super) interface: &'static str,
    /// Its fields of credit code, message number and its own receipt.
    subject: &'static str,
    number: &'static str,
    receipt: &'static str,
    columns: &'static [Column],
}

/// Where a register keeps the numbers that it has taken.
const TAKEN: &str = "_numbers";

const MARKET_EVENTS: &[(&str, &str)] = &[
    ("01", "pre_opened"),
    ("02", "opened"),
    ("03", "changed"),
    ("04", "sealed"),
    ("05", "unsealed"),
    ("06", "merged"),
    ("09", "cancelled"),
];

const TAX_EVENTS: &[(&str, &str)] = &[
    ("Y", "pre_opened"),
    ("K", "opened"),
    ("B", "changed"),
    ("F", "sealed"),
    ("Q", "unsealed"),
    ("H", "merged"),
    ("X", "cancelled"),
];

/// 变更类型 of the insured's employer.
const HRSS_EVENTS: &[(&str, &str)] = &[
    ("10", "pre_opened"),
    ("11", "opened"),
    ("20", "changed"),
    ("31", "sealed"),
    ("32", "unsealed"),
    ("41", "merged"),
    ("42", "cancelled"),
];

/// 办件结果: the office counts items that are done, whatever they were.
const ITEM_EVENTS: &[(&str, &str)] = &[
    ("kh-y", "pre_opened"),
    ("kh", "opened"),
    ("bg", "changed"),
    ("fc", "sealed"),
    ("qf", "unsealed"),
    ("hb", "merged"),
    ("xh", "cancelled"),
];

static WINDOWS: &[Window] = &[
    Window {
        source: "D06",
        interface: "market.fund_account",
        subject: "tyshxydm",
        number: "jsbh",
        receipt: "slbh",
        columns: &[
            column("event", "gjjsx", Code(MARKET_EVENTS)),
            column("account_no", "gjjdwzh", Text),
            column("name", "qymc", Text),
            column("date", "blrq", Date),
        ],
    },
    Window {
        source: "D07",
        interface: "tax.fund_account",
        subject: "nsrsbh",
        number: "jylsh",
        receipt: "swslh",
        columns: &[
            column("event", "gjjbglx", Code(TAX_EVENTS)),
            column("account_no", "gjjdjh", Text),
            column("name", "nsrmc", Text),
            column("address", "zcdz", Text),
            column("representative", "fddbrxm", Text),
            column("date", "bgrq", Date),
            column("successor_no", "cjdjh", Text),
        ],
    },
    Window {
        source: "D05",
        interface: "hrss.fund_account",
        subject: "aab998",
        number: "aaz400",
        receipt: "aaz401",
        columns: &[
            column("event", "aae160", Code(HRSS_EVENTS)),
            column("account_no", "gjjdwh", Text),
            column("name", "aab004", Text),
            column("address", "aae006", Text),
            column("representative", "aab013", Text),
            column("date", "aae035", Date),
            column("successor_no", "cjdwh", Text),
        ],
    },
    Window {
        source: "D14",
        interface: "bigdata.item_result",
        subject: "sqrzjhm",
        number: "xxbh",
        receipt: "hzbh",
        columns: &[
            column("event", "bjlx", Code(ITEM_EVENTS)),
            column("item", "sxbm", Text),
            column("item_name", "sxmc", Text),
            column("case_no", "bjbh", Text),
            column("accepted_at", "slsj", Text),
            column("ended_at", "bjsj", Text),
            column("account_no", "gjjdwzh", Text),
            column("name", "sqrmc", Text),
        ],
    },
];

/// The window of an interface.
pub(super) fn window(interface: &str) -> Option<&'static Window> {
    WINDOWS.iter().find(|window| window.interface == interface)
}

impl Window {
    /// The message's subject and number, and the record that it makes; none where it cannot be read.
    fn read(&self, params: &Value) -> Option<(String, String, Row)> {
        let text = |field: &str| {
            let text = params.get(field)?.as_str()?.trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        let mut row = Row::new();
        for column in self.columns {
            let Some(said) = text(column.theirs) else {
                continue;
            };
            if let Code(codes) = column.form
                && !codes.iter().any(|(theirs, _)| *theirs == said)
            {
                return None;
            }
            row.insert(column.theirs.to_owned(), said.into());
        }
        Some((text(self.subject)?, text(self.number)?, row))
    }
}

impl World {
    /// Takes a centre's message; the same number again changes nothing and is answered the same. None where it cannot be read.
    pub(super) async fn take_word(
        &self,
        window: &'static Window,
        params: &Value,
        lie: bool,
    ) -> Result<Option<Value>, StoreError> {
        let Some((uscc, number, said)) = window.read(params) else {
            return Ok(None);
        };
        let who = if lie {
            super::door::somebody_else(&uscc)
        } else {
            uscc.clone()
        };
        let receipt = format!("{}-{number}", window.source);
        let answer = json!({ window.subject: who, window.number: number, window.receipt: receipt });
        self.departments
            .store
            .change(|draft| {
                let mut row = draft
                    .register(window.source, window.interface)
                    .and_then(|register| register.get(&uscc))
                    .cloned()
                    .unwrap_or_default();
                let mut taken = numbers(&row);
                if taken.iter().any(|one| one.as_str() == Some(&number)) {
                    return;
                }
                taken.push(number.into());
                row.extend(said);
                row.insert(TAKEN.to_owned(), taken.into());
                draft.record(Event::Entered {
                    source: window.source.to_owned(),
                    fact_type: window.interface.to_owned(),
                    subject: uscc,
                    row,
                });
            })
            .await?;
        Ok(Some(answer))
    }
}

fn numbers(row: &Row) -> Vec<Value> {
    let taken = row.get(TAKEN).and_then(Value::as_array);
    taken.cloned().unwrap_or_default()
}

/// What each department has been told of a company, in the control door's words, with how many messages it has taken; by its code.
pub(super) fn told_of(registers: &Registers, uscc: &str) -> Map<String, Value> {
    let of = |window: &'static Window| {
        let row = registers.record(window.source, window.interface, uscc)?;
        let mut shown = column::show(window.columns, row);
        shown.insert("messages".to_owned(), numbers(row).len().into());
        Some((window.source.to_owned(), Value::Object(shown)))
    };
    WINDOWS.iter().filter_map(of).collect()
}
