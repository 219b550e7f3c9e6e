//! Bytes that no clerk sends: every file is answered, none stops the program, none takes its memory (F15).

use std::fmt::Write;
use std::io::Read;
use std::process::Command;

use anju_business::contribution::roster::{lines, read, writer};
use anju_domain::calendar::Month;

use crate::town::{Town, fixture, repacked};

const NAMES: [&str; 6] = [
    "openpyxl_plain.xlsx",
    "openpyxl_as_clerks_send_it.xlsx",
    "openpyxl_broken_cells.xlsx",
    "exceljs_formulas.xlsx",
    "exceljs_streamed.xlsx",
    "libreoffice_percentages.xlsx",
];

/// SplitMix64: small, seeded, the same everywhere.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).expect("below a usize")
    }

    /// Changes, drops, doubles or swaps a few bytes.
    fn damage(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(8) {
            if bytes.is_empty() {
                return;
            }
            let at = self.below(bytes.len());
            let length = self.below(40).min(bytes.len() - at);
            match self.below(6) {
                0 => bytes[at] = u8::try_from(self.below(256)).expect("a byte"),
                1 => bytes[at] ^= 1 << self.below(8),
                2 => drop(bytes.drain(at..at + length)),
                3 => {
                    let piece = bytes[at..at + length].to_vec();
                    let to = self.below(bytes.len());
                    bytes.splice(to..to, piece);
                }
                4 => bytes.truncate(at),
                _ => {
                    let words: [&[u8]; 12] = [
                        b"<",
                        b">",
                        b"&",
                        b"&#0;",
                        b"&#xD800;",
                        b"\"",
                        b"99999999999999999999",
                        b"-1",
                        b"_x0000_",
                        b"<![CDATA[",
                        b"\xFF\xFE",
                        b"<!DOCTYPE x>",
                    ];
                    let word = words[self.below(words.len())].to_vec();
                    bytes.splice(at..at, word);
                }
            }
        }
    }
}

/// Reads, checks and annotates; whatever the bytes are, it comes back.
fn survive(bytes: &[u8], seed: u64) {
    let town = Town::new();
    let outcome = std::panic::catch_unwind(|| {
        if let Ok(sheet) = read(bytes) {
            let (_, faults) = lines(&sheet);
            let _ = town.upload_file(bytes);
            writer::annotated(Month::new(2026, 11).expect("a month"), &sheet, &faults)
                .expect("a file");
        }
    });
    assert!(outcome.is_ok(), "seed {seed}");
}

fn rounds() -> u64 {
    if std::env::var_os("ANJU_NIGHTLY").is_some() {
        20_000
    } else {
        400
    }
}

#[test]
fn damaged_containers_are_answered() {
    let files = NAMES.map(fixture);
    for seed in 0..rounds() {
        let mut chance = Chance(seed);
        let mut bytes = files[chance.below(files.len())].clone();
        chance.damage(&mut bytes);
        survive(&bytes, seed);
    }
}

#[test]
fn damaged_parts_in_sound_containers_are_answered() {
    let files = NAMES.map(fixture);
    for seed in 0..rounds() {
        let chance = std::cell::RefCell::new(Chance(seed ^ 0xA11C_E000));
        let file = files[chance.borrow_mut().below(files.len())].clone();
        let bytes = repacked(
            &file,
            |name, mut content| {
                let mut chance = chance.borrow_mut();
                if name.ends_with(".xml") && chance.below(4) == 0 {
                    chance.damage(&mut content);
                }
                Some(content)
            },
            &[],
        );
        survive(&bytes, seed);
    }
}

/// The most memory that reading a hostile file may need, in kB; the process itself takes about 10 MB.
const MAX_RESIDENT_KB: u64 = 300 << 10;

#[test]
fn hostile_files_need_bounded_memory() {
    let folder = std::env::temp_dir().join(format!("anju-hostile-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    for (name, part, content) in [
        ("texts", "xl/sharedStrings.xml", shared_texts()),
        (
            "tag",
            "xl/worksheets/sheet1.xml",
            format!(
                "<worksheet><row r=\"{}\"/></worksheet>",
                "1".repeat(20 << 20)
            ),
        ),
        (
            "rows",
            "xl/worksheets/sheet1.xml",
            format!(
                "<worksheet><sheetData>{}</sheetData></worksheet>",
                "<row/>".repeat(2 << 20)
            ),
        ),
        (
            "depth",
            "xl/worksheets/sheet1.xml",
            format!("<worksheet>{}", "<a>".repeat(1 << 20)),
        ),
        ("cells", "xl/worksheets/sheet1.xml", long_cells()),
    ] {
        let bytes = repacked(
            &fixture("openpyxl_plain.xlsx"),
            |entry, old| {
                Some(if entry == part {
                    content.clone().into_bytes()
                } else {
                    old
                })
            },
            &[],
        );
        drop(content);
        let path = folder.join(name);
        std::fs::write(&path, bytes).expect("a file");
        let child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "damage::a_child_reads_one_file", "--nocapture"])
            .env("ANJU_HOSTILE_FILE", &path)
            .output()
            .expect("a child");
        let text = String::from_utf8_lossy(&child.stdout);
        assert!(
            child.status.success(),
            "{name}: {text}{}",
            String::from_utf8_lossy(&child.stderr)
        );
        let peak_kb: u64 = text
            .lines()
            .find_map(|line| line.split("peak_kb ").nth(1)?.trim().parse().ok())
            .expect("the child's peak");
        assert!(peak_kb < MAX_RESIDENT_KB, "{name}: {peak_kb} kB");
    }
    std::fs::remove_dir_all(&folder).expect("our folder");
}

/// The child's side: reads the file that the test above names, and says how much memory it took.
#[test]
fn a_child_reads_one_file() {
    let Some(path) = std::env::var_os("ANJU_HOSTILE_FILE") else {
        return;
    };
    let bytes = std::fs::read(path).expect("the file");
    if let Ok(sheet) = read(&bytes) {
        assert!(!lines(&sheet).0.is_empty());
    }
    let mut status = String::new();
    std::fs::File::open("/proc/self/status")
        .and_then(|mut file| file.read_to_string(&mut status))
        .expect("Linux");
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .expect("the peak");
    println!("peak_kb {}", peak.trim().trim_end_matches(" kB"));
}

fn shared_texts() -> String {
    let mut text = String::from("<sst>");
    for index in 0..5_000_000 {
        write!(text, "<si><t>{index}</t></si>").expect("memory");
    }
    text + "</sst>"
}

/// A full roster of the longest texts that are kept.
fn long_cells() -> String {
    let mut text = String::from("<worksheet><sheetData>");
    let cell = |word: &str| format!("<c t=\"inlineStr\"><is><t>{word}</t></is></c>");
    let long = cell(&"x".repeat(256)).repeat(8);
    let header: String = [
        "姓名",
        "证件号码",
        "缴存基数",
        "单位比例",
        "个人比例",
        "变更",
        "月缴存额",
        "手机号",
    ]
    .map(cell)
    .concat();
    write!(text, "<row>{header}</row>").expect("memory");
    for _ in 0..50_000 {
        write!(text, "<row>{long}</row>").expect("memory");
    }
    text + "</sheetData></worksheet>"
}
