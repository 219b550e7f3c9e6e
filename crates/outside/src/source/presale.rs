//! D04 市住房城乡建委 keeps presale permits by 项目编号.

use super::Form;
use super::column::{Form::*, column};

const PROGRESS: &[(&str, &str)] = &[
    ("1", "foundation|基础"),
    ("2", "structure|主体在建"),
    ("3", "capped|封顶"),
    ("4", "completed|竣工"),
];

pub(super) static FORMS: &[Form] = &[Form {
    fact_type: "housing.presale",
    subject: "xmbh",
    columns: &[
        column("permit_no", "ysxkzh", Text),
        column("supervised_account", "jgzh", Text),
        column("supervised_holder", "jgzhhm", Text),
        column("progress", "gcjd", Code(PROGRESS)),
        column("developer_uscc", "kfstyshxydm", Text),
    ],
    comparison: None,
    prepare: None,
}];
