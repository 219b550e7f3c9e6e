//! F15: bytes that nobody sends: rosters, bank files, answers of sources, policy files. Nothing panics, nothing takes the memory, and over
//! the doors nothing is a 500. (A question in words does not exist yet.)
//!
//! Each sample is valid; a few of its bytes are changed, dropped, doubled or replaced by words that parsers dislike. The seed of a round
//! is the run's seed and its number.

use std::{
    io::Read,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anju::cast;
use anju_business::contribution::roster;
use anju_domain::calendar::Month;
use anju_exchange::{catalogue::Catalogue, source};
use anju_policy::{PolicyFiles, PolicySet};
use anju_vault::SharedKey;
use anju_wire::{
    gateway::GatewayReply,
    iso20022::{Notice, PaymentInitiation, Statement, StatusReport},
};
use serde_json::{Value, json};

use crate::{
    chance::{Chance, seed},
    town::{Town, month},
};

/// Resident memory that a process of these tests may need at its peak, kB.
const MAX_RESIDENT_KB: u64 = 400 << 10;

/// Which parser a child process torments.
const PART: &str = "ANJU_FUZZ_PART";

/// Changes a few bytes.
fn damage(chance: &mut Chance, bytes: &mut Vec<u8>) {
    let small = |chance: &mut Chance, bound: usize| {
        usize::try_from(chance.below(bound.max(1) as u64)).expect("below a usize")
    };
    for _ in 0..=small(chance, 8) {
        if bytes.is_empty() {
            return;
        }
        let at = small(chance, bytes.len());
        let length = small(chance, 60).min(bytes.len() - at);
        match chance.below(6) {
            0 => bytes[at] = u8::try_from(chance.below(256)).expect("a byte"),
            1 => bytes[at] ^= 1 << chance.below(8),
            2 => drop(bytes.drain(at..at + length)),
            3 => {
                let piece = bytes[at..at + length].to_vec();
                let to = small(chance, bytes.len());
                bytes.splice(to..to, piece);
            }
            4 if chance.below(4) == 0 => bytes.truncate(at),
            _ => {
                const WORDS: [&[u8]; 16] = [
                    b"<",
                    b"&#0;",
                    b"&#xD800;",
                    b"\"",
                    b"\\u0000",
                    b"\xFF\xFE",
                    b"<!DOCTYPE x>",
                    b"<![CDATA[",
                    b"null",
                    b"-1",
                    b"1e999",
                    b"99999999999999999999",
                    b"9223372036854775807",
                    b"0.005",
                    b"2026-02-30",
                    b"[[[[[[[[",
                ];
                let word = WORDS[small(chance, WORDS.len())];
                bytes.splice(at..at, word.iter().copied());
            }
        }
    }
}

/// One round on what was damaged; it may refuse, it may not panic.
type Round = Box<dyn Fn(&[u8])>;

/// The valid samples of a part, and what reads them.
fn part(name: &str) -> (Vec<Vec<u8>>, Round) {
    match name {
        "roster" => (rosters(), Box::new(read_roster)),
        "bank" => (bank_files(), Box::new(read_bank_file)),
        "fact" => (replies(), Box::new(read_reply)),
        "policy" => policies(),
        other => panic!("no part {other}"),
    }
}

fn rosters() -> Vec<Vec<u8>> {
    let folder = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../business/tests/fixtures/rosters"
    ));
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the samples")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "xlsx"))
        .collect();
    files.sort();
    files
        .iter()
        .map(|path| std::fs::read(path).expect("a sample"))
        .collect()
}

fn read_roster(bytes: &[u8]) {
    if let Ok(sheet) = roster::read(bytes) {
        let (_, faults) = roster::lines(&sheet);
        roster::writer::annotated(Month::new(2026, 11).expect("a month"), &sheet, &faults)
            .expect("a file for the clerk");
    }
}

/// One of each message, as a bank that speaks ISO 20022 writes them.
fn bank_files() -> Vec<Vec<u8>> {
    let entry = "<Ntry><Amt Ccy=\"CNY\">3600.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-11-24</Dt></BookgDt>\
                 <AcctSvcrRef>B4-1</AcctSvcrRef><NtryDtls><TxDtls><Refs><EndToEndId>W1</EndToEndId></Refs>\
                 <RmtInf><Ustrd>HJ2611 0731 28</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>";
    let notice = format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.054.001.08\"><BkToCstmrDbtCdtNtfctn><GrpHdr><MsgId>N1</MsgId>\
         <CreDtTm>2026-11-24T01:31:12Z</CreDtTm></GrpHdr><Ntfctn><Id>N1</Id><Acct><Id><Othr><Id>6500004001</Id></Othr></Id></Acct>{entry}\
         </Ntfctn></BkToCstmrDbtCdtNtfctn></Document>"
    );
    let day = chrono::NaiveDate::from_ymd_opt(2026, 11, 24).expect("a date");
    let at = day.and_hms_opt(2, 0, 0).expect("a time").and_utc();
    let account = |number: &str| anju_wire::iso20022::Account {
        number: Some(number.to_owned()),
        name: Some("李梅".to_owned()),
        bank: Some("105653000016".to_owned()),
    };
    let entry = anju_wire::iso20022::Entry {
        bank_reference: Some("B4-1".to_owned()),
        direction: anju_wire::iso20022::Direction::Credit,
        amount: anju_domain::money::Fen::new(360_000),
        booked: true,
        booking_date: Some(day),
        booked_at: Some(at),
        value_date: Some(day),
        details: vec![anju_wire::iso20022::EntryDetail {
            end_to_end_id: Some("W1".to_owned()),
            debtor: account("50001234567890"),
            remittance: Some("HJ2611 0731 28".to_owned()),
            ..Default::default()
        }],
    };
    let written = Notice {
        message_id: "N1".to_owned(),
        created: at,
        accounts: vec![anju_wire::iso20022::AccountNotice {
            id: "N1".to_owned(),
            account: account("6500004001"),
            entries: vec![entry.clone()],
        }],
    };
    let initiation = PaymentInitiation {
        message_id: "M1".to_owned(),
        created: at,
        initiator: "中心".to_owned(),
        payments: vec![anju_wire::iso20022::PaymentInformation {
            id: "P1".to_owned(),
            execution_date: day,
            debtor: account("6500004001"),
            transfers: vec![anju_wire::iso20022::CreditTransfer {
                end_to_end_id: "W1".to_owned(),
                amount: anju_domain::money::Fen::new(360_000),
                creditor: account("6217003760011234567"),
                remittance: None,
            }],
        }],
    };
    [
        notice,
        written.to_xml().expect("a notice"),
        initiation.to_xml().expect("an order"),
    ]
    .map(String::into_bytes)
    .to_vec()
}

fn read_bank_file(bytes: &[u8]) {
    // Whatever a message claims to be, each reader may be handed it.
    if let Ok(notice) = Notice::parse(bytes) {
        let _ = notice.to_xml();
    }
    if let Ok(order) = PaymentInitiation::parse(bytes) {
        let _ = order.to_xml();
    }
    let _ = Statement::parse(bytes);
    let _ = StatusReport::parse(bytes);
}

fn replies() -> Vec<Vec<u8>> {
    let reply = |data: Value| {
        serde_json::to_vec(&json!({
            "requestId": "1", "code": 200, "message": "ok", "asOf": "2026-11-24T09:00:00+08:00", "data": data, "signature": "00",
        }))
        .expect("JSON")
    };
    vec![
        reply(json!({"sfzh": "500103199001010011", "xm": "李梅", "bdjg": "1", "swbz": "0"})),
        reply(
            json!({"sfzh": "500103199001010011", "hyzk": "20", "djrq": "20200101", "pofsfzh": "", "pofxm": ""}),
        ),
        reply(
            json!({"zjhm": "500103199001010011", "count": 1, "list": [{"qx": "500112", "jzmj": "89.50", "fe": "100"}]}),
        ),
        reply(
            json!({"subject": "500103199001010011", "value": {"filed": true, "rent_fen_month": 120_000, "from": "2020-01-01"}}),
        ),
    ]
}

fn read_reply(bytes: &[u8]) {
    thread_local! {
        static CATALOGUE: Catalogue = Catalogue::shipped().expect("our own catalogue");
    }
    let Ok(reply) = serde_json::from_slice::<GatewayReply>(bytes) else {
        return;
    };
    let _ = reply.as_of();
    CATALOGUE.with(|catalogue| {
        for fact_type in [
            "police.identity",
            "civil.marriage",
            "estate.ownership",
            "housing.rental_filing",
            "market.registration",
            "unionpay.card_auth",
        ] {
            let fact = catalogue.fact(fact_type).expect("a type of ours");
            let _ = source::subject_of(fact_type, &reply.data);
            let _ = source::value_of(fact, &reply.data, &|text| text.to_owned());
        }
    });
}

/// One policy file after the other is damaged; the rest stays as it is.
fn policies() -> (Vec<Vec<u8>>, Round) {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../policy"));
    let files = PolicyFiles::read(folder, "chongqing").expect("our own policy");
    // The name goes in front of the text, so that a sample says which file it is.
    let samples = files
        .files
        .iter()
        .map(|(name, text)| format!("{name}\n{text}").into_bytes())
        .collect();
    let round = move |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let (name, text) = text.split_once('\n').unwrap_or(("", &text));
        let mut damaged = files.clone();
        damaged.files.insert(name.to_owned(), text.to_owned());
        let _ = damaged.digest();
        let _ = PolicySet::load(&damaged);
    };
    (samples, Box::new(round))
}

/// So many rounds in CI, ten minutes at night.
fn torment(name: &str, rounds: u64, seed: u64) -> u64 {
    let nightly = std::env::var_os("ANJU_NIGHTLY").is_some();
    let until = Instant::now() + Duration::from_secs(600);
    let (samples, round) = part(name);
    assert!(!samples.is_empty(), "{name} has samples");
    for sample in &samples {
        round(sample);
    }
    let mut done = 0;
    while if nightly {
        Instant::now() < until
    } else {
        done < rounds
    } {
        let mut chance = Chance::of(seed.wrapping_add(done));
        let at = usize::try_from(chance.below(samples.len() as u64)).expect("small");
        let mut bytes = samples[at].clone();
        damage(&mut chance, &mut bytes);
        let outcome = catch_unwind(AssertUnwindSafe(|| round(&bytes)));
        assert!(
            outcome.is_ok(),
            "{name} panics: ANJU_SEED={} plays it as the first round",
            seed.wrapping_add(done)
        );
        done += 1;
    }
    done
}

/// A process for each part, so that its memory can be measured.
fn tormented_in_a_process(name: &str) {
    let seed = seed();
    let child = Command::new(std::env::current_exe().expect("this program"))
        .args([
            "--exact",
            "fuzz::a_child_torments_one_parser",
            "--nocapture",
        ])
        .env(PART, name)
        .env("ANJU_SEED", seed.to_string())
        .output()
        .expect("a child");
    let text = String::from_utf8_lossy(&child.stdout);
    assert!(
        child.status.success(),
        "seed {seed}: {text}{}",
        String::from_utf8_lossy(&child.stderr)
    );
    let said = text
        .lines()
        .find(|line| line.contains("peak_kb "))
        .expect("the child's peak");
    println!("{said}");
    let peak_kb: u64 = said
        .rsplit(' ')
        .next()
        .and_then(|word| word.parse().ok())
        .expect("a number");
    assert!(
        peak_kb < MAX_RESIDENT_KB,
        "{name}: {peak_kb} kB, seed {seed}"
    );
}

#[test]
fn damaged_rosters_are_answered() {
    tormented_in_a_process("roster");
}

#[test]
fn damaged_bank_files_are_answered() {
    tormented_in_a_process("bank");
}

#[test]
fn damaged_answers_of_sources_are_answered() {
    tormented_in_a_process("fact");
}

#[test]
fn damaged_policy_files_are_answered() {
    tormented_in_a_process("policy");
}

/// The child's side: torments the part that its parent names, and says how much memory it took.
#[test]
fn a_child_torments_one_parser() {
    let Ok(name) = std::env::var(PART) else {
        return;
    };
    let rounds = match name.as_str() {
        "roster" => 300,
        "policy" => 400,
        _ => 20_000,
    };
    let done = torment(&name, rounds, seed());
    let mut status = String::new();
    std::fs::File::open("/proc/self/status")
        .and_then(|mut file| file.read_to_string(&mut status))
        .expect("Linux");
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .expect("the peak");
    println!(
        "{name}: {done} rounds, peak_kb {}",
        peak.trim().trim_end_matches(" kB")
    );
}

/// The same bytes over the doors: every answer is ours, none is a 500, and the server lives.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_bytes_at_the_doors_are_refused_and_never_a_500() {
    let seed = seed();
    let mut chance = Chance::of(seed);
    let town = Town::open().await;
    let employer = cast::open_employer(&town.doors, 90, month(0))
        .await
        .expect("an employer");
    let key = SharedKey::open(town.config.home.join("keys/bank.key")).expect("the bank's key");
    let http = reqwest::Client::new();
    let rosters = rosters();
    let notices = bank_files();
    let forms = [
        json!({"service": "withdraw-rent", "applicant": "P1", "form": {"card_no": "6217003760011234567"}, "channel": "APP"}),
        json!({"name": "某公司", "uscc": "91500103000000123X", "kind": "私企", "ratio_employer_bp": 800, "ratio_employee_bp": 800,
               "legal_representative": "陈立"}),
        json!({"id_no": "500103199001010011"}),
    ]
    .map(|form| form.to_string().into_bytes());
    let nightly = std::env::var_os("ANJU_NIGHTLY").is_some();
    let until = Instant::now() + Duration::from_secs(600);
    let mut done = 0;
    while if nightly {
        Instant::now() < until
    } else {
        done < 300
    } {
        let pick = |chance: &mut Chance, of: usize| {
            usize::try_from(chance.below(of as u64)).expect("small")
        };
        let mut bytes;
        let answer = match chance.below(3) {
            0 => {
                bytes = rosters[pick(&mut chance, rosters.len())].clone();
                damage(&mut chance, &mut bytes);
                let path = format!("/employers/{employer}/rosters?month={}", month(0));
                let answer = town.doors.post_xlsx(&path, bytes).await;
                answer.expect("an answer").status
            }
            1 => {
                bytes = notices[pick(&mut chance, notices.len())].clone();
                damage(&mut chance, &mut bytes);
                let answer = http
                    .post(format!("http://{}/inbox/bank/B4", town.config.listen))
                    .header("x-signature", key.sign_hex(&bytes))
                    .body(bytes)
                    .send()
                    .await;
                answer.expect("an answer").status()
            }
            _ => {
                let at = pick(&mut chance, forms.len());
                bytes = forms[at].clone();
                damage(&mut chance, &mut bytes);
                let path = ["/cases", "/employers", "/people/lookup"][at];
                let answer = http
                    .post(format!("http://{}/open/v1{path}", town.config.listen))
                    .bearer_auth(demo_key(&town))
                    .header("Idempotency-Key", format!("fuzz-{seed}-{done}"))
                    .body(bytes)
                    .send()
                    .await;
                answer.expect("an answer").status()
            }
        };
        assert_ne!(answer.as_u16(), 500, "seed {seed}, round {done}");
        done += 1;
    }
    let (status, _) = town.doors.plain("/readyz").await.expect("it lives");
    assert!(status.is_success());
}

fn demo_key(town: &Town) -> String {
    std::fs::read_to_string(anju::home::demo_key(&town.config.home))
        .expect("the demo key")
        .trim()
        .to_owned()
}
