//! D04 市住房城乡建委 keeps filed contracts and leases by 身份证件号码.

use super::column::{Form::*, column};
use super::{Comparison, Form};

pub(super) static FORMS: &[Form] = &[
    Form {
        fact_type: "housing.contract_filing",
        subject: "sfzjhm",
        columns: &[
            column("filed", "bazt", Flag("1", "0")).or("1"),
            column("contract_no", "htbh", Text),
            column("date", "barq", Date),
            column(
                "kind",
                "htlx",
                Code(&[("1", "presale|预售"), ("2", "stock|存量")]),
            ),
            column("buyers", "msrlist", Texts),
            column("price_fen", "htzj", Yuan),
            column("paid_fen", "yfk", Yuan),
            column("area|area_m2", "jzmj", Area),
            column("project", "xmmc", Text),
            column("cancelled", "zxbz", Flag("1", "0")).or("0"),
        ],
        comparison: Some(Comparison::always("bazt", "1", "0", &["htbh"])),
        prepare: None,
    },
    Form {
        fact_type: "housing.rental_filing",
        subject: "sfzjhm",
        columns: &[
            column("filed", "bazt", Flag("1", "0")).or("1"),
            column("lease_no", "zlhtbh", Text),
            column("district|region", "xzqdm", Text),
            column("from", "zlqsrq", Date),
            column("to", "zlzzrq", Date),
            column("rent_fen_month", "yzj", Yuan),
            column(
                "kind",
                "zllx",
                Code(&[
                    ("1", "market|市场"),
                    ("2", "public|公租"),
                    ("3", "affordable|保障"),
                ]),
            ),
        ],
        comparison: Some(Comparison::always("bazt", "1", "0", &["zlhtbh"])),
        prepare: None,
    },
];
