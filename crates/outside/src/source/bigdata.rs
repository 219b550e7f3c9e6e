//! D14 市大数据发展局 keeps log-ins by their code and certificates by 持证人.

use super::Form;
use super::column::{Form::*, column};
use super::comparison::Comparison;

pub(super) static FORMS: &[Form] = &[
    Form {
        fact_type: "bigdata.sso",
        subject: "dlm",
        columns: &[
            column("uid", "yhbs", Text),
            column("name", "xm", Text),
            column("id_sealed|id_no|id", "zjhm", Text),
            column("level", "smdj", Text),
            column("legal", "frbz", Flag("1", "0")),
        ],
        comparison: None,
        prepare: None,
    },
    Form {
        fact_type: "bigdata.ecert",
        subject: "czrzjhm",
        columns: &[
            column("cert_id", "zzbs", Text),
            column("kind", "zzlxdm", Text),
            column("issuer", "fzjg", Text),
            column("valid", "zzzt", Flag("1", "0")).or("1"),
            column("file_hash", "wjzy", Text),
        ],
        comparison: None,
        prepare: None,
    },
    Form {
        fact_type: "notary.inheritance",
        subject: "jcrzjhm",
        columns: &[
            column("entitled", "jcbz", Flag("1", "0")).or("1"),
            column("share_bp", "jcfewfb", Count),
            column("deed_no", "gzsbh", Text).compared(),
            column("other_id_no", "bjcrzjhm", Text).compared(),
        ],
        comparison: Some(Comparison::unless("jcbz", "0", &["gzsbh", "bjcrzjhm"])),
        prepare: None,
    },
];
