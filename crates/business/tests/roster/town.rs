//! A small employer for roster tests, and rosters built cell by cell.

use std::collections::HashMap;
use std::io::{Cursor, Read, Write};
use std::path::Path;

use anju_business::contribution::roster::{
    Checked, Context, Elsewhere, LastLine, Member, MemberState, Mode, PoliceAnswer, RatioChange,
    Refused, RosterPolicy, check, lines, read,
};
use anju_domain::calendar::Month;
use anju_domain::contribution::{
    AmountRounding, BaseLimits, Ratios, RoundMode, RoundScope, monthly,
};
use anju_domain::id_number::IdNumber;
use anju_domain::money::Fen;
use anju_domain::name::PersonName;
use anju_domain::rate::Bp;
use rust_xlsxwriter::{Workbook, Worksheet};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

pub const HEADER: [&str; 8] = [
    "姓名",
    "证件号码",
    "缴存基数",
    "单位比例",
    "个人比例",
    "变更",
    "月缴存额",
    "手机号",
];

/// A file that another program wrote.
pub fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/rosters")
        .join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A workbook of one sheet, filled by a function.
pub fn book(fill: impl FnOnce(&mut Worksheet)) -> Vec<u8> {
    let mut book = Workbook::new();
    fill(book.add_worksheet());
    book.save_to_buffer().expect("a workbook in memory")
}

/// A roster of text cells under the usual header.
pub fn roster(rows: &[[&str; 8]]) -> Vec<u8> {
    book(|sheet| {
        for (row, cells) in (0..).zip([HEADER].iter().chain(rows)) {
            for (column, text) in (0..).zip(cells).filter(|(_, text)| !text.is_empty()) {
                sheet.write_string(row, column, *text).expect("a cell");
            }
        }
    })
}

/// The same package with its parts changed: `None` drops a part, new names are added.
pub fn repacked(
    bytes: &[u8],
    change: impl Fn(&str, Vec<u8>) -> Option<Vec<u8>>,
    added: &[(&str, &[u8])],
) -> Vec<u8> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).expect("a package");
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).expect("a part");
        let name = entry.name().to_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("a sound part");
        if let Some(content) = change(&name, content) {
            writer
                .start_file(name, SimpleFileOptions::default())
                .expect("a new part");
            writer.write_all(&content).expect("memory");
        }
    }
    for (name, content) in added {
        writer
            .start_file(*name, SimpleFileOptions::default())
            .expect("a new part");
        writer.write_all(content).expect("memory");
    }
    writer.finish().expect("memory").into_inner()
}

/// An employer's books as a test writes them: 12 % each side, a centre with limits of 2,330 and 31,393 yuan.
pub struct Town {
    pub month: Month,
    pub mode: Mode,
    pub is_first: bool,
    pub ratio_change: RatioChange,
    pub policy: RosterPolicy,
    pub members: HashMap<IdNumber, Member>,
    pub elsewhere: HashMap<IdNumber, Elsewhere>,
    pub police: HashMap<IdNumber, PoliceAnswer>,
    pub last_month: Vec<LastLine>,
}

pub fn twelve() -> Ratios {
    Ratios {
        employer: Bp::new(1_200),
        employee: Bp::new(1_200),
    }
}

pub fn id(number: &str) -> IdNumber {
    IdNumber::parse(number).expect("a valid number")
}

impl Town {
    /// An employer that never had a roster.
    pub fn new() -> Self {
        Self {
            month: Month::new(2026, 11).expect("a month"),
            mode: Mode::Complete,
            is_first: true,
            ratio_change: RatioChange::Open,
            policy: RosterPolicy {
                limits: BaseLimits {
                    lower: Fen::yuan(2_330),
                    upper: Fen::yuan(31_393),
                },
                base_window_is_open: true,
                base_fall_warning: Bp::new(2_000),
                ratio_min: Bp::new(500),
                ratio_max: Bp::new(1_200),
                ratio_step: Bp::new(100),
                ratios_must_equal: true,
                ratios_per_person: false,
                rounding: AmountRounding {
                    unit: Fen::yuan(1),
                    mode: RoundMode::HalfUp,
                    scope: RoundScope::EachSide,
                },
                minimum_age_years: 16,
            },
            members: HashMap::new(),
            elsewhere: HashMap::new(),
            police: HashMap::new(),
            last_month: Vec::new(),
        }
    }

    /// A person who contributes, or is sealed, with a base in yuan.
    pub fn member(mut self, name: &str, number: &str, base_yuan: i64, state: MemberState) -> Self {
        self.is_first = false;
        let name = PersonName::parse(name).expect("a name");
        let base = Fen::yuan(base_yuan);
        if state == MemberState::Active {
            let monthly = monthly(base, twelve(), self.policy.rounding).total();
            self.last_month.push(LastLine {
                id_number: id(number),
                name: name.clone(),
                base,
                ratios: twelve(),
                monthly,
            });
        }
        self.members.insert(
            id(number),
            Member {
                name,
                state,
                base,
                ratios: twelve(),
                base_adjusted_this_year: false,
            },
        );
        self
    }

    /// Uploads a roster of text rows.
    pub fn upload(&self, rows: &[[&str; 8]]) -> Result<Checked, Refused> {
        self.upload_file(&roster(rows))
    }

    /// Uploads a file that can be read.
    pub fn upload_file(&self, bytes: &[u8]) -> Result<Checked, Refused> {
        let sheet = read(bytes).expect("a file that is not refused whole");
        let (lines, faults) = lines(&sheet);
        check(&lines, faults, sheet.notices, &self.context())
    }

    /// The faults of an upload as `(row, column, code)`.
    pub fn faults(
        &self,
        rows: &[[&str; 8]],
    ) -> Vec<(Option<u32>, Option<&'static str>, &'static str)> {
        let refused = self
            .upload(rows)
            .map(|checked| checked.list)
            .expect_err("a roster with faults");
        refused
            .faults
            .iter()
            .map(|fault| (fault.row, fault.column, fault.code))
            .collect()
    }

    fn context(&self) -> Context<'_> {
        Context {
            month: self.month,
            mode: self.mode,
            is_first: self.is_first,
            may_be_empty: false,
            ratios: twelve(),
            ratio_change: self.ratio_change,
            policy: &self.policy,
            members: &self.members,
            elsewhere: &self.elsewhere,
            police: &self.police,
            last_month: &self.last_month,
        }
    }
}

pub const LI: &str = "500103199003071423";
pub const OUYANG: &str = "50010619780615007X";
pub const MAI: &str = "650102198512312178";
pub const WANG: &str = "500112199902283311";

/// Li and Ouyang contribute, Mai is sealed.
pub fn town() -> Town {
    Town::new()
        .member("李梅", LI, 6_000, MemberState::Active)
        .member("欧阳娜", OUYANG, 5_000, MemberState::Active)
        .member("买买提·吐尔逊", MAI, 8_000, MemberState::Sealed)
}

pub fn li(change: &'static str, base: &'static str) -> [&'static str; 8] {
    ["李梅", LI, base, "", "", change, "", ""]
}

pub fn ouyang(change: &'static str, base: &'static str) -> [&'static str; 8] {
    ["欧阳娜", OUYANG, base, "", "", change, "", ""]
}
