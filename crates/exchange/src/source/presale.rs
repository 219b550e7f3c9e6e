//! D04 市住房城乡建委: permits of presale.

use super::Form as Interface;
use super::column::{Form::*, column};

const PROGRESS: &[(&str, &str)] = &[
    ("1", "foundation"),
    ("2", "structure"),
    ("3", "capped"),
    ("4", "completed"),
];

pub(super) static FORMS: &[Interface] = &[Interface {
    fact_type: "housing.presale",
    subject: "xmbh",
    keys: &[],
    columns: &[
        column("permit_no", "ysxkzh", Text),
        column("supervised_account", "jgzh", Text),
        column("supervised_holder", "jgzhhm", Text),
        column("progress", "gcjd", Code(PROGRESS)),
        column("developer_uscc", "kfstyshxydm", Text),
    ],
    check: None,
}];
