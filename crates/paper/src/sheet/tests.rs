use super::*;
use crate::receipt::tests::{instant, press, text_of};

pub(crate) fn data() -> SheetData {
    let fact = |label: &str, value: &str| SheetFact {
        label: label.into(),
        value: value.into(),
        strong: false,
    };
    SheetData {
        centre: "重庆市住房公积金管理中心".into(),
        title: "住房公积金缴存证明".into(),
        lead: "兹证明：李梅在本中心缴存住房公积金，情况如下。".into(),
        facts: vec![fact("姓名", "李梅"), fact("账户余额", "7,200.00 元")],
        tables: vec![SheetTable {
            title: "最近 12 个月".into(),
            columns: vec![("月份".into(), false), ("金额（元）".into(), true)],
            rows: (1..=12)
                .map(|month| vec![format!("2026年{month}月"), "2,400.00".to_owned()])
                .collect(),
        }],
        notes: vec!["余额是出具那一刻的。".into()],
        code: "ABCD2345EFGH6789".into(),
        verify_page: "https://gjj.example/verify-document".into(),
        verify_url: "https://gjj.example/verify-document?code=ABCD2345EFGH6789".into(),
        issued_at: instant("2026-11-24T16:30:00Z"),
        valid_until: NaiveDate::from_ymd_opt(2026, 12, 25),
    }
}

#[test]
fn a_sheet_can_be_read_by_an_outside_program() {
    let pdf = press().sheet(&data()).expect("a sheet");
    let text: String = text_of(&pdf).split_whitespace().collect();
    for part in [
        "住房公积金缴存证明",
        "李梅",
        "7,200.00元",
        "2026年12月",
        "2026年11月25日00:30:00",
        "有效期至",
        "2026年12月25日",
        "ABCD2345EFGH6789",
        "https://gjj.example/verify-document",
        "第1页，共1页",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn a_long_table_runs_over_several_pages() {
    let mut long = data();
    let row = long.tables[0].rows[0].clone();
    long.tables[0].rows = vec![row; 60];
    let pdf = press().sheet(&long).expect("a sheet");
    let text: String = text_of(&pdf).split_whitespace().collect();
    assert!(
        text.contains("第2页，共3页") || text.contains("第2页，共2页"),
        "{text}"
    );
    long.tables[0].rows = vec![vec!["2026年1月".to_owned(), "1.00".to_owned()]; 900];
    assert!(matches!(press().sheet(&long), Err(PaperError::TooLong(_))));
}
