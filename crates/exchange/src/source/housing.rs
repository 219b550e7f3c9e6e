//! D04 市住房城乡建委: filed sales contracts and leases.

use super::Form as Interface;
use super::column::{Form::*, column};

pub(super) static FORMS: &[Interface] = &[
    Interface {
        fact_type: "housing.contract_filing",
        subject: "sfzjhm",
        keys: &[("contract_no", "htbh")],
        columns: &[
            column("filed", "bazt", Flag("1", "0")),
            column("contract_no", "htbh", Text),
            column("date", "barq", Date),
            column("kind", "htlx", Code(&[("1", "presale"), ("2", "stock")])),
            column("buyers", "msrlist", Texts),
            column("price_fen", "htzj", Yuan),
            column("paid_fen", "yfk", Yuan),
            column("area", "jzmj", Area),
            column("project", "xmmc", Text),
            column("cancelled", "zxbz", Flag("1", "0")),
        ],
        check: None,
    },
    Interface {
        fact_type: "housing.rental_filing",
        subject: "sfzjhm",
        keys: &[("lease_no", "zlhtbh")],
        columns: &[
            column("filed", "bazt", Flag("1", "0")),
            column("lease_no", "zlhtbh", Text),
            column("district", "xzqdm", Text),
            column("from", "zlqsrq", Date),
            column("to", "zlzzrq", Date),
            column("rent_fen_month", "yzj", Yuan),
            column(
                "kind",
                "zllx",
                Code(&[("1", "market"), ("2", "public"), ("3", "affordable")]),
            ),
        ],
        check: None,
    },
];
