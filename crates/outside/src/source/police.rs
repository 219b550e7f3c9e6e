//! D01 市公安局 keeps people by 公民身份号码.

use super::column::{Column, Form::*, column};
use super::{Comparison, Form};

const KINSHIP: &[(&str, &str)] = &[
    ("10", "spouse|配偶"),
    ("20", "child|子女"),
    ("50", "parent|父母"),
    ("90", "other|其他"),
    ("00", "none-found|none|无"),
];

const CHILD: &[Column] = &[
    column("id_sealed|id_no|id", "gmsfhm", Text),
    column("birth", "csrq", Date),
];

pub(super) static FORMS: &[Form] = &[
    Form {
        fact_type: "police.identity",
        subject: "gmsfhm",
        columns: &[
            column("match", "hcjg", Flag("1", "0")).or("1"),
            column("alive", "rkzt", Flag("10", "30")).or("10"),
            column("valid_to", "yxqx", Date),
            column("name", "xm", Text).compared(),
        ],
        comparison: Some(Comparison::always("hcjg", "1", "0", &["xm"])),
        prepare: None,
    },
    Form {
        fact_type: "police.face_match",
        subject: "gmsfhm",
        columns: &[
            column("match", "bdjg", Flag("1", "0")).or("1"),
            column(
                "score_band",
                "xsdd",
                Code(&[
                    ("A", "a|high|高"),
                    ("B", "b|medium|中"),
                    ("C", "c|low|低"),
                    ("D", "d|none"),
                ]),
            ),
            column("liveness", "htjc", Flag("1", "0")).or("1"),
        ],
        comparison: None,
        prepare: None,
    },
    Form {
        fact_type: "police.hukou",
        subject: "gmsfhm",
        columns: &[
            column("local", "bdhk", Flag("1", "0")).or("1"),
            column("region_code", "hjdxzqh", Text),
            column("household_no_hash", "hhzy", Text),
            column(
                "state",
                "hkzt",
                Code(&[("10", "active|正常"), ("20", "cancelled|注销")]),
            )
            .or("10"),
        ],
        comparison: None,
        prepare: None,
    },
    Form {
        fact_type: "police.hukou_move",
        subject: "gmsfhm",
        columns: &[
            column("moved_out", "qcbz", Flag("1", "0")).or("1"),
            column("date", "qcrq", Date),
            column("to_region", "qwdxzqh", Text),
        ],
        comparison: None,
        prepare: None,
    },
    Form {
        fact_type: "police.children",
        subject: "gmsfhm",
        columns: &[
            column("minors", "wcnzn", Rows(CHILD)),
            column("count", "wcnzns", Count),
        ],
        comparison: None,
        prepare: Some(count_the_children),
    },
    Form {
        fact_type: "police.kinship",
        subject: "gmsfhm",
        columns: &[
            column("relation", "jtgx", Code(KINSHIP)).or("00"),
            column("other_id_no|other|id_no", "gxrsfhm", Text).compared(),
        ],
        comparison: Some(Comparison::unless("jtgx", "00", &["gxrsfhm"])),
        prepare: None,
    },
];

/// The number alone is enough; where children are listed, it is theirs.
fn count_the_children(given: &mut super::Row) -> Result<(), String> {
    if given.contains_key("minors") || !given.contains_key("count") {
        super::count_the_list(given, "minors")
    } else {
        Ok(())
    }
}
