//! Bank messages: what we write comes back the same, what others write is read to the fen, nothing makes us panic.
//!
//! Two tests need the third-party packages of `browser/requirements.txt`, which `./test` installs and names by `ANJU_TOOLS`:
//! our messages are validated against the published XSDs, and messages that a foreign library wrote are read.

use std::path::Path;
use std::process::Command;

use anju_domain::money::Fen;
use anju_wire::iso20022::{
    Account, AccountNotice, AccountStatement, CollectionInitiation, CreditTransfer, DirectDebit,
    Direction, Entry, EntryDetail, IsoError, Notice, Original, PaymentInformation,
    PaymentInitiation, Reason, Return, Statement, Status, StatusReport, TransferStatus,
};
use chrono::{DateTime, NaiveDate, Utc};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn account(number: &str, name: &str, bank: Option<&str>) -> Account {
    Account {
        number: Some(number.into()),
        name: Some(name.into()),
        bank: bank.map(str::to_owned),
    }
}

fn initiation() -> PaymentInitiation {
    let transfer = |id: &str, fen: i64, name: &str, remittance: Option<&str>| CreditTransfer {
        end_to_end_id: id.into(),
        amount: Fen::new(fen),
        creditor: account("6217003760011234567", name, Some("105653000016")),
        remittance: remittance.map(str::to_owned),
    };
    PaymentInitiation {
        message_id: "M20261124000001".into(),
        created: at("2026-11-24T02:24:31.123Z"),
        initiator: "重庆市住房公积金管理中心".into(),
        payments: vec![PaymentInformation {
            id: "P1".into(),
            execution_date: day("2026-11-24"),
            debtor: account(
                "6500004001",
                "重庆市住房公积金管理中心",
                Some("105653000016"),
            ),
            transfers: vec![
                transfer(
                    "W0000000000000000001",
                    360_000,
                    "李梅",
                    Some("租房提取 <2611-0482> & \"备注\""),
                ),
                transfer("W0000000000000000002", 1, "欧阳 娜娜", None),
            ],
        }],
    }
}

fn collection() -> CollectionInitiation {
    let debit = |id: &str, fen: i64, bank: Option<&str>, remittance: Option<&str>| DirectDebit {
        end_to_end_id: id.into(),
        amount: Fen::new(fen),
        mandate: "D0000000000017".into(),
        signed_on: day("2026-11-02"),
        debtor: account("50001234567890", "重庆山屿科技有限公司", bank),
        remittance: remittance.map(str::to_owned),
    };
    CollectionInitiation {
        message_id: "D20261124000001".into(),
        created: at("2026-11-24T02:24:31.123Z"),
        initiator: "重庆市住房公积金管理中心".into(),
        collection_date: day("2026-11-24"),
        creditor: account(
            "6500004001",
            "重庆市住房公积金管理中心",
            Some("105653000016"),
        ),
        debits: vec![
            debit(
                "D1",
                30_720_000,
                Some("105653000016"),
                Some("HJ2611 0731 28"),
            ),
            debit("D2", 1, None, None),
        ],
    }
}

fn report() -> StatusReport {
    let transfer = |id: &str, status, reason: Option<&str>| TransferStatus {
        end_to_end_id: id.into(),
        status,
        reason: reason.map(Reason::code),
        detail: reason.map(|_| "收款账户已销户".into()),
        accepted_at: Some(at("2026-11-24T02:24:32Z")),
        bank_reference: Some("B4202611240000017".into()),
        amount: Some(Fen::new(360_000)),
    };
    StatusReport {
        message_id: "B4R000000017".into(),
        created: at("2026-11-24T02:24:33Z"),
        original_message_id: "M20261124000001".into(),
        original: Original::Payment,
        group: None,
        group_reason: None,
        transfers: vec![
            transfer("W0000000000000000001", Status::Settled, None),
            transfer("W0000000000000000002", Status::Rejected, Some("AC04")),
        ],
    }
}

fn entries() -> Vec<Entry> {
    let entry = |reference: &str, direction, fen: i64, detail: EntryDetail| Entry {
        bank_reference: Some(reference.into()),
        direction,
        amount: Fen::new(fen),
        booked: true,
        booking_date: Some(day("2026-11-24")),
        booked_at: Some(at("2026-11-24T01:31:12Z")),
        value_date: Some(day("2026-11-24")),
        details: vec![detail],
    };
    vec![
        entry(
            "B4202611240000001",
            Direction::Credit,
            30_720_000,
            EntryDetail {
                amount: Some(Fen::new(30_720_000)),
                debtor: account("50001234567890", "重庆山屿科技有限公司", None),
                remittance: Some("HJ2611 0731 28".into()),
                ..EntryDetail::default()
            },
        ),
        entry(
            "B4202611240000002",
            Direction::Debit,
            360_000,
            EntryDetail {
                end_to_end_id: Some("W0000000000000000001".into()),
                creditor: account("6217003760011234567", "李梅", Some("105653000016")),
                ..EntryDetail::default()
            },
        ),
        entry(
            "B4202611240000003",
            Direction::Credit,
            360_000,
            EntryDetail {
                end_to_end_id: Some("W0000000000000000001".into()),
                returned: Some(Return {
                    reason: Some(Reason::code("AC04")),
                    detail: Some("账户已销户".into()),
                }),
                ..EntryDetail::default()
            },
        ),
    ]
}

fn own_account() -> Account {
    account(
        "6500004001",
        "重庆市住房公积金管理中心",
        Some("105653000016"),
    )
}

fn notice() -> Notice {
    Notice {
        message_id: "B4N1-3".into(),
        created: at("2026-11-24T02:00:00Z"),
        accounts: vec![AccountNotice {
            id: "B4N1-3".into(),
            account: own_account(),
            entries: entries(),
        }],
    }
}

fn statement() -> Statement {
    Statement {
        message_id: "B4S20261124".into(),
        created: at("2026-11-24T16:00:01Z"),
        accounts: vec![AccountStatement {
            id: "B4S20261124".into(),
            account: own_account(),
            date: day("2026-11-24"),
            opening: Fen::new(-5),
            closing: Fen::new(30_719_995),
            entries: entries(),
        }],
    }
}

#[test]
fn what_we_write_comes_back_the_same() {
    let (order, status, notice, statement) = (initiation(), report(), notice(), statement());
    assert_eq!(
        PaymentInitiation::parse(order.to_xml().unwrap().as_bytes()).unwrap(),
        order
    );
    let collection = collection();
    assert_eq!(
        CollectionInitiation::parse(collection.to_xml().unwrap().as_bytes()).unwrap(),
        collection
    );
    let of_collection = StatusReport {
        original: Original::Collection,
        ..report()
    };
    assert_eq!(
        StatusReport::parse(of_collection.to_xml().unwrap().as_bytes()).unwrap(),
        of_collection
    );
    assert_eq!(
        StatusReport::parse(status.to_xml().unwrap().as_bytes()).unwrap(),
        status
    );
    assert_eq!(
        Notice::parse(notice.to_xml().unwrap().as_bytes()).unwrap(),
        notice
    );
    assert_eq!(
        Statement::parse(statement.to_xml().unwrap().as_bytes()).unwrap(),
        statement
    );
}

#[test]
fn amounts_are_exact_or_refused() {
    let xml = initiation().to_xml().unwrap();
    let amount_of = |text: &str| {
        let changed = xml.replacen(">3600.00</InstdAmt>", &format!(">{text}</InstdAmt>"), 1);
        let changed = changed.replace(
            "<NbOfTxs>2</NbOfTxs><CtrlSum>3600.01</CtrlSum>",
            "<NbOfTxs>2</NbOfTxs>",
        );
        PaymentInitiation::parse(changed.as_bytes())
            .map(|order| order.payments[0].transfers[0].amount.fen())
    };
    for (text, fen) in [
        ("3600", 360_000),
        ("3600.5", 360_050),
        ("3600.50000", 360_050),
        ("0.01", 1),
        (".01", 1),
        ("00012.30", 1230),
        ("90071992547409.93", 9_007_199_254_740_993),
        (" 7.00 ", 700),
    ] {
        assert_eq!(amount_of(text), Ok(fen), "{text}");
    }
    for text in [
        "",
        ".",
        "-1",
        "+1",
        "1e3",
        "1,000.00",
        "0.001",
        "0",
        "0.00",
        "１",
        "1.0.0",
        "NaN",
        "inf",
        "99999999999999999999.00",
    ] {
        assert!(amount_of(text).is_err(), "{text} was read");
    }
}

#[test]
fn another_currency_is_not_money_here() {
    let xml = notice()
        .to_xml()
        .unwrap()
        .replacen("Ccy=\"CNY\"", "Ccy=\"JPY\"", 1);
    assert_eq!(
        Notice::parse(xml.as_bytes()),
        Err(IsoError::Currency("JPY".into()))
    );
}

#[test]
fn totals_that_lie_are_refused() {
    let xml = initiation().to_xml().unwrap();
    for (from, to) in [
        ("<NbOfTxs>2</NbOfTxs>", "<NbOfTxs>3</NbOfTxs>"),
        ("<CtrlSum>3600.01</CtrlSum>", "<CtrlSum>3600.02</CtrlSum>"),
    ] {
        let lying = PaymentInitiation::parse(xml.replacen(from, to, 1).as_bytes());
        assert!(matches!(lying, Err(IsoError::Total { .. })), "{lying:?}");
    }
    let mut wrong = statement();
    wrong.accounts[0].closing = Fen::new(1);
    assert!(matches!(wrong.to_xml(), Err(IsoError::Total { .. })));
    let xml = statement()
        .to_xml()
        .unwrap()
        .replacen(">307199.95<", ">307199.96<", 1);
    assert!(matches!(
        Statement::parse(xml.as_bytes()),
        Err(IsoError::Total { .. })
    ));
}

#[test]
fn what_may_stand_once_stands_once() {
    let xml = initiation().to_xml().unwrap();
    let id = "<EndToEndId>W0000000000000000001</EndToEndId>";
    let twice = PaymentInitiation::parse(
        xml.replacen(id, &format!("{id}<EndToEndId>X</EndToEndId>"), 1)
            .as_bytes(),
    );
    assert!(matches!(twice, Err(IsoError::Repeated { .. })), "{twice:?}");
    let without = PaymentInitiation::parse(xml.replacen(id, "", 1).as_bytes());
    assert!(
        matches!(without, Err(IsoError::Missing { .. })),
        "{without:?}"
    );
}

#[test]
fn prefixes_comments_and_foreign_elements_do_not_matter() {
    let xml = r#"<?xml version="1.0"?><!-- a bank's own --><s:Document xmlns:s="urn:iso:std:iso:20022:tech:xsd:pain.002.001.03" xmlns:x="urn:x">
      <s:CstmrPmtStsRpt><s:GrpHdr><s:MsgId>R<!-- -->1</s:MsgId><s:CreDtTm>2026-11-24T10:24:33</s:CreDtTm></s:GrpHdr>
      <s:OrgnlGrpInfAndSts><s:OrgnlMsgId><![CDATA[M&1]]></s:OrgnlMsgId><s:OrgnlMsgNmId>pain.001.001.03</s:OrgnlMsgNmId></s:OrgnlGrpInfAndSts>
      <s:OrgnlPmtInfAndSts><s:OrgnlPmtInfId>P</s:OrgnlPmtInfId><x:TxInfAndSts><x:TxSts/></x:TxInfAndSts>
      <s:TxInfAndSts><s:TxSts>ACSC</s:TxSts><s:OrgnlEndToEndId>A&amp;&#66;</s:OrgnlEndToEndId></s:TxInfAndSts></s:OrgnlPmtInfAndSts>
      </s:CstmrPmtStsRpt></s:Document>"#;
    let report = StatusReport::parse(xml.as_bytes()).unwrap();
    assert_eq!(report.message_id, "R1");
    assert_eq!(report.created, at("2026-11-24T02:24:33Z"));
    assert_eq!(report.original_message_id, "M&1");
    assert_eq!(report.transfers.len(), 1);
    assert_eq!(report.transfers[0].end_to_end_id, "A&B");
    assert_eq!(report.transfers[0].status, Status::Settled);
}

#[test]
fn a_status_that_we_do_not_know_is_not_taken_for_one_that_we_do() {
    let xml = report().to_xml().unwrap().replacen(">ACSC<", ">ACXX<", 1);
    assert!(matches!(
        StatusReport::parse(xml.as_bytes()),
        Err(IsoError::Value { .. })
    ));
}

#[test]
fn reasons_are_told_in_chinese() {
    assert_eq!(Reason::code("AM04").words(), "付款账户余额不足");
    assert_eq!(Reason::code("AC04").to_string(), "AC04 账户已销户");
    assert_eq!(Reason::code("QQQQ").words(), "银行给出的其他原因");
}

#[test]
fn hostile_documents_are_refused() {
    let deep = format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.054.001.08\">{}",
        "<a>".repeat(100_000)
    );
    for xml in [
        "<!DOCTYPE d [<!ENTITY a \"b\">]><Document/>",
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.054.001.08\">&x;</Document>",
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\"><BkToCstmrStmt/></Document>",
        "<Document/>",
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.054.001.08\"><a/></Document><b/>",
        "",
        deep.as_str(),
    ] {
        assert!(
            Notice::parse(xml.as_bytes()).is_err(),
            "{}",
            &xml[..xml.len().min(80)]
        );
    }
}

#[test]
fn texts_that_the_schema_forbids_are_not_written() {
    for id in ["", "123456789012345678901234567890123456", "a\u{1}", " a"] {
        let mut order = initiation();
        order.payments[0].transfers[0].end_to_end_id = id.into();
        assert!(
            matches!(order.to_xml(), Err(IsoError::Value { .. })),
            "{id:?}"
        );
    }
    let mut order = initiation();
    order.payments[0].transfers.clear();
    assert!(order.to_xml().is_err());
    let mut order = initiation();
    order.payments[0].transfers[0].amount = Fen::ZERO;
    assert!(order.to_xml().is_err());
}

/// Goal: no bytes make a reader panic. Method: our own messages with bytes flipped, cut, doubled and swapped.
#[test]
fn damaged_messages_never_panic() {
    let seed: u64 = std::env::var("ANJU_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(20_261_124);
    let rounds: u32 = if std::env::var_os("ANJU_NIGHTLY").is_some() {
        200_000
    } else {
        4_000
    };
    println!("seed {seed}");
    let mut state = seed;
    let mut draw = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below.max(1)
    };
    let samples = [
        initiation().to_xml().unwrap(),
        collection().to_xml().unwrap(),
        report().to_xml().unwrap(),
        notice().to_xml().unwrap(),
        statement().to_xml().unwrap(),
    ];
    for _ in 0..rounds {
        let mut bytes = samples[draw(samples.len())].clone().into_bytes();
        for _ in 0..=draw(6) {
            let (from, to) = (draw(bytes.len()), draw(bytes.len()));
            match draw(5) {
                0 => bytes[from] = u8::try_from(draw(256)).unwrap(),
                1 => bytes.truncate(from + 1),
                2 => bytes.swap(from, to),
                3 => drop(bytes.drain(from.min(to)..from.max(to).min(from.min(to) + 40))),
                _ => {
                    let piece = bytes[from.min(to)..from.max(to).min(from.min(to) + 60)].to_vec();
                    bytes.splice(from..from, piece);
                }
            }
            if bytes.is_empty() {
                break;
            }
        }
        drop(PaymentInitiation::parse(&bytes));
        drop(CollectionInitiation::parse(&bytes));
        drop(StatusReport::parse(&bytes));
        drop(Notice::parse(&bytes));
        drop(Statement::parse(&bytes));
    }
}

/// The Python of `./test`'s tools. A plain `cargo test` has none and says so; with tools, a missing Python is a failure.
fn tools_python() -> Option<std::ffi::OsString> {
    let Some(tools) = std::env::var_os("ANJU_TOOLS") else {
        println!("ANJU_TOOLS is not set: third parties did not judge our messages");
        return None;
    };
    Some(Path::new(&tools).join("venv/bin/python").into_os_string())
}

fn run_script(python: &std::ffi::OsStr, script: &str, folder: &Path) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/schema")
        .join(script);
    let run = Command::new(python)
        .arg(script)
        .arg(folder)
        .output()
        .unwrap();
    assert!(
        run.status.success(),
        "{}{}",
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr)
    );
}

fn folder(name: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("anju-{name}-{}", std::process::id()));
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn our_messages_hold_to_the_published_schemas() {
    let Some(python) = tools_python() else {
        return;
    };
    let folder = folder("ours");
    let refused_whole = StatusReport {
        group: Some(Status::Rejected),
        group_reason: Some(Reason::code("NOOR")),
        transfers: vec![],
        ..report()
    };
    let quiet_day = Statement {
        accounts: vec![AccountStatement {
            entries: vec![],
            closing: Fen::new(-5),
            ..statement().accounts[0].clone()
        }],
        ..statement()
    };
    for (name, xml) in [
        ("order", initiation().to_xml()),
        ("collection", collection().to_xml()),
        ("status", report().to_xml()),
        ("refused_whole", refused_whole.to_xml()),
        ("notice", notice().to_xml()),
        ("statement", statement().to_xml()),
        ("quiet_day", quiet_day.to_xml()),
    ] {
        std::fs::write(folder.join(format!("{name}.xml")), xml.unwrap()).unwrap();
    }
    run_script(&python, "check.py", &folder);
}

#[test]
fn messages_of_a_foreign_library_are_read_to_the_fen() {
    let Some(python) = tools_python() else {
        return;
    };
    let folder = folder("theirs");
    run_script(&python, "write_samples.py", &folder);
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();

    let order = PaymentInitiation::parse(&read("pain.001.001.09.xml")).unwrap();
    let amounts: Vec<i64> = order.payments[0]
        .transfers
        .iter()
        .map(|transfer| transfer.amount.fen())
        .collect();
    assert_eq!(amounts, [360_000, 1, 123_456_789_012]);
    assert_eq!(order.payments[0].transfers[0].end_to_end_id, "E2E-1");
    assert_eq!(
        order.payments[0].transfers[0].creditor.name.as_deref(),
        Some("李梅")
    );
    let order = PaymentInitiation::parse(&read("pain.001.001.03.xml")).unwrap();
    assert_eq!(order.payments[0].transfers[0].amount.fen(), 360_000);
    assert_eq!(order.payments[0].execution_date, day("2026-11-24"));

    for version in ["03", "10", "12"] {
        let report = StatusReport::parse(&read(&format!("pain.002.001.{version}.xml"))).unwrap();
        let read: Vec<_> = report
            .transfers
            .iter()
            .map(|t| (t.end_to_end_id.as_str(), t.status))
            .collect();
        assert_eq!(
            read,
            [
                ("E2E-1", Status::Settled),
                ("E2E-2", Status::Rejected),
                ("E2E-3", Status::Pending)
            ]
        );
        assert_eq!(report.transfers[1].reason, Some(Reason::code("AC04")));
    }

    let statement = Statement::parse(&read("camt.053.001.08.xml")).unwrap();
    let account = &statement.accounts[0];
    assert_eq!(
        (account.opening.fen(), account.closing.fen()),
        (100_050, 30_460_050)
    );
    assert_eq!(
        account
            .entries
            .iter()
            .map(|entry| entry.signed().fen())
            .collect::<Vec<_>>(),
        [30_720_000, -360_000]
    );
    assert_eq!(
        account.entries[1].details[0].end_to_end_id.as_deref(),
        Some("E2E-1")
    );

    let notice = Notice::parse(&read("camt.054.001.08.xml")).unwrap();
    let entry = &notice.accounts[0].entries[0];
    assert_eq!(
        (entry.signed().fen(), entry.bank_reference.as_deref()),
        (30_720_000, Some("REF-1"))
    );
    assert_eq!(
        entry.details[0].debtor.name.as_deref(),
        Some("重庆山屿科技有限公司")
    );
}
