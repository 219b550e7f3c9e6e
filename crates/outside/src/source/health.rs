//! D10 市卫生健康委 keeps diagnoses by the patient's 证件号码, in ICD-10 and the grades of hospitals.

use super::Form;
use super::column::{Form::*, column};

/// 医院等级 (WS 218): the first digit is the level.
const GRADE: &[(&str, &str)] = &[
    ("3A", "3|三级|三级甲等"),
    ("2A", "2|二级|二级甲等"),
    ("1A", "1|一级"),
    ("99", "0|未定级"),
];

pub(super) static FORMS: &[Form] = &[
    Form {
        fact_type: "health.diagnosis",
        subject: "hzzjhm",
        columns: &[
            column("icd10", "zdbm", Text),
            column("listed", "zdbzbz", Flag("1", "0")).or("1"),
            column("date", "qzrq", Date),
            column("hospital", "yljgmc", Text),
            column("hospital_grade", "yljgdj", Code(GRADE)),
        ],
        comparison: None,
        prepare: None,
    },
    Form {
        fact_type: "health.death_cert",
        subject: "szzjhm",
        columns: &[
            column("cert_no", "swzmbh", Text),
            column("date", "swrq", Date),
        ],
        comparison: None,
        prepare: None,
    },
];
