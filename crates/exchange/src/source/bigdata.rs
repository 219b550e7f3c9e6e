//! D14 市大数据发展局: single sign-on and electronic certificates.

use super::Form as Interface;
use super::column::{Form::*, column};

pub(super) static FORMS: &[Interface] = &[
    Interface {
        fact_type: "bigdata.sso",
        subject: "dlm",
        keys: &[],
        columns: &[
            column("uid", "yhbs", Text),
            column("name", "xm", Text),
            column("id_sealed", "zjhm", Person),
            column("level", "smdj", Text),
            column("legal", "frbz", Flag("1", "0")),
        ],
        check: None,
    },
    Interface {
        fact_type: "bigdata.ecert",
        subject: "czrzjhm",
        keys: &[("cert_kind", "zzlx")],
        columns: &[
            column("cert_id", "zzbs", Text),
            column("kind", "zzlxdm", Text),
            column("issuer", "fzjg", Text),
            column("valid", "zzzt", Flag("1", "0")),
            column("file_hash", "wjzy", Text),
        ],
        check: None,
    },
    // 继承权公证书 as the library of electronic certificates holds it: whether this person takes by this deed, and how much.
    Interface {
        fact_type: "notary.inheritance",
        subject: "jcrzjhm",
        keys: &[("deed_no", "gzsbh"), ("other_id_no", "bjcrzjhm")],
        columns: &[
            column("entitled", "jcbz", Flag("1", "0")),
            column("share_bp", "jcfewfb", Count),
        ],
        check: None,
    },
];
