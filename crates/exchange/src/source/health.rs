//! D10 市卫生健康委: diagnoses and certificates of death. Of a person's illness nothing is taken but the code, the day and the hospital.

use super::Form as Interface;
use super::column::{Form::*, column};

/// 医院等级: what counts is the level; 甲乙丙等 are dropped.
const GRADE: &[(&str, &str)] = &[
    ("3S", "3"),
    ("3A", "3"),
    ("3B", "3"),
    ("3C", "3"),
    ("2A", "2"),
    ("2B", "2"),
    ("2C", "2"),
    ("1A", "1"),
    ("1B", "1"),
    ("1C", "1"),
    ("99", "0"),
];

pub(super) static FORMS: &[Interface] = &[
    Interface {
        fact_type: "health.diagnosis",
        subject: "hzzjhm",
        keys: &[],
        columns: &[
            column("icd10", "zdbm", Text),
            column("listed", "zdbzbz", Flag("1", "0")),
            column("date", "qzrq", Date),
            column("hospital", "yljgmc", Text),
            column("hospital_grade", "yljgdj", Code(GRADE)),
        ],
        check: None,
    },
    // 居民死亡医学证明（推断）书 (国卫规划发〔2013〕57号): its number and the day. The cause of death is not taken.
    Interface {
        fact_type: "health.death_cert",
        subject: "szzjhm",
        keys: &[],
        columns: &[
            column("cert_no", "swzmbh", Text),
            column("date", "swrq", Date),
        ],
        check: None,
    },
];
