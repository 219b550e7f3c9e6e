//! 名册有错: every wrong cell of a refused file with a way to mend it here. `mend.rs` takes what was mended.

use std::time::Instant;

use anju_business::contribution::roster::{
    Absent, Change, Column, Fault as Wrong, Mode, Remedy, Sheet,
};
use anju_business::contribution::upload::Mistakes;
use anju_domain::calendar::contribution_year_of;
use uuid::Uuid;

use crate::authorization::AtUnit;
use crate::components::{Button, ErrTable, ErrorSummary, Fault, Mend, Mistake, Text};
use crate::frame::UnitTab;
use crate::pages::error::PageError;
use crate::pages::unit::ErrorsPage;
use crate::security::Visit;
use crate::serve::Portal;
use crate::unit::framed;
use crate::unit::home::short;
use crate::unit::kept::Upload;
use crate::unit::mend::{DROP_ROW, EMPTY, KEEP_RATIOS, SEAL, STAY};
use crate::unit::roster::{DROP, mode_field};

/// More cells than anybody mends one by one: a new file is the way.
const MENDABLE: usize = 50;

/// The cell that a fault means.
fn cell_of(fault: &Wrong) -> Option<(u32, Column)> {
    let column = Column::ALL
        .into_iter()
        .find(|column| Some(column.header()) == fault.column)?;
    Some((fault.row?, column))
}

/// The name of a cell's box: row and place of its column.
fn field_of((row, column): (u32, Column)) -> String {
    format!("r{row}c{}", column as usize)
}

/// The box or list that mends a cell. It begins with what we guess or with what stands there, so that who touches nothing changes
/// nothing but what we guessed before his eyes.
fn mend(sheet: &Sheet, bases: bool, cell: (u32, Column), guess: Option<&str>) -> Mend {
    let (row, column) = cell;
    let field = field_of(cell);
    let place = format!("第 {row} 行，");
    let label = format!("{}改成", column.header());
    let stands = sheet.offered(row, column);
    if column == Column::Change {
        return Mend {
            field,
            place,
            label,
            options: changes(stands, bases),
            ..Mend::default()
        };
    }
    Mend {
        place,
        label,
        value: guess.or(stands).unwrap_or_default().to_owned(),
        empty: (column.may_be_empty()).then(|| (EMPTY, field.clone())),
        // An ID number is not sent to the page in clear, so its box is empty.
        hint: (guess.or(stands).is_none()).then_some("空着就是先不改"),
        field,
        ..Mend::default()
    }
}

/// The one choice for all rows of a list that may not change the ratio; at first nothing, and the fault stays.
fn keep_ratios(rows: usize) -> Mend {
    let all = format!("全部 {rows} 行都不调整比例，照现在的比例缴");
    Mend {
        field: KEEP_RATIOS.to_owned(),
        label: "整份名册的“比例调整”怎么办".to_owned(),
        options: vec![
            (String::new(), "先不改".to_owned()),
            (EMPTY.to_owned(), all),
        ],
        ..Mend::default()
    }
}

/// Whether a fault is one of all rows, though it is told at the first.
fn is_of_all(fault: &Wrong) -> bool {
    fault.remedies.contains(&Remedy::KeepRatios)
}

/// What becomes of somebody who stands in no row; at first nothing, and his fault stays.
fn add_row(place: usize, absent: &Absent) -> Mend {
    let options = [
        ("", "先不改"),
        (SEAL, "在这份名册里封存"),
        (STAY, "照旧缴存，补进名册"),
    ];
    Mend {
        field: format!("m{place}"),
        label: format!("{}（{}）怎么办", absent.name, absent.id_number),
        options: options
            .map(|(key, words)| (key.to_owned(), words.to_owned()))
            .into(),
        ..Mend::default()
    }
}

/// The words of 变更, first the one that leaves it as it is. A list of bases knows none but the empty one.
fn changes(stands: Option<&str>, bases: bool) -> Vec<(String, String)> {
    let keep = match stands {
        Some(text) => format!("先不改（{text}）"),
        None => "先不改（空着）".to_owned(),
    };
    let mut options = vec![(String::new(), keep)];
    if stands.is_some() {
        options.push((EMPTY.to_owned(), "清空：没有变化".to_owned()));
    }
    let words = Change::ALL.into_iter().map(Change::word);
    options.extend(
        words
            .filter(|word| !bases && stands != Some(*word))
            .map(|word| (word.to_owned(), word.to_owned())),
    );
    options
}

/// The ways to mend a list, drawn fault by fault: each cell has one box, each row one tick.
struct Ways<'a> {
    /// The list, where it is mended here at all.
    sheet: Option<&'a Sheet>,
    /// Whether it declares bases.
    bases: bool,
    /// Cells with a fault of their own, which have their box there.
    own: Vec<(u32, Column)>,
    /// Cells that have their box.
    boxed: Vec<(u32, Column)>,
    /// Rows that have their tick.
    ticked: Vec<u32>,
    /// Who stands in no row. He is kept beside the file: the page knows him by his place alone.
    absent: Vec<Absent>,
}

impl Ways<'_> {
    /// The boxes of a fault and the row that may be left out; none where the file has to be mended.
    fn of(&mut self, fault: &Wrong) -> Option<(Vec<Mend>, Option<u32>)> {
        let cell = cell_of(fault);
        let sheet = self
            .sheet
            .filter(|_| cell.is_some() || !fault.remedies.is_empty())?;
        if is_of_all(fault) {
            return Some((vec![keep_ratios(sheet.len())], None));
        }
        let mut mends = Vec::new();
        let mut dropped = None;
        // Two faults of one cell share its box.
        if let Some(cell) = cell.filter(|cell| !self.boxed.contains(cell)) {
            self.boxed.push(cell);
            mends.push(mend(sheet, self.bases, cell, fault.suggestion.as_deref()));
        }
        for remedy in &fault.remedies {
            match (remedy, fault.row) {
                (Remedy::Cell(column), Some(row)) => {
                    let cell = (row, *column);
                    if !self.own.contains(&cell) && !self.boxed.contains(&cell) {
                        self.boxed.push(cell);
                        mends.push(mend(sheet, self.bases, cell, None));
                    }
                }
                (Remedy::DropRow, Some(row)) if !self.ticked.contains(&row) => {
                    self.ticked.push(row);
                    dropped = Some(row);
                }
                (Remedy::AddRow(person), _) => {
                    mends.push(add_row(self.absent.len(), person));
                    self.absent.push((**person).clone());
                }
                _ => {}
            }
        }
        Some((mends, dropped))
    }
}

pub(super) async fn page(
    portal: &Portal,
    visit: &Visit,
    at: &AtUnit,
    file: Upload,
    mistakes: &Mistakes,
) -> Result<ErrorsPage, PageError> {
    let office = &portal.engine.office;
    let month = file.month;
    let (title, action, tab) = if file.mode == Mode::Bases {
        let year = contribution_year_of(month);
        (
            format!("{year} 年度缴存基数"),
            "/unit/base",
            UnitTab::People,
        )
    } else {
        (
            format!("{}名册", short(month)),
            "/unit/roster",
            UnitTab::Roster,
        )
    };
    let (mut frame, _) = framed(office, visit, at, &title, tab).await?;
    frame.head.failed = true;
    let bases = file.mode == Mode::Bases;
    let name = file.name.clone();
    let mode = (file.mode != Mode::Bases).then(|| mode_field(file.mode));
    let count = mistakes.faults.len();
    let few = count <= MENDABLE;
    let mut ways = Ways {
        sheet: mistakes.sheet.as_ref().filter(|_| few),
        bases,
        own: mistakes.faults.iter().filter_map(cell_of).collect(),
        boxed: Vec::new(),
        ticked: Vec::new(),
        absent: Vec::new(),
    };
    let mut stuck = 0;
    let mut faults = Vec::with_capacity(count);
    let mut summary = Vec::with_capacity(count);
    for fault in &mistakes.faults {
        let way = ways.of(fault);
        stuck += usize::from(way.is_none());
        let (mends, drop_row) = way.unwrap_or_default();
        let at = cell_of(fault)
            .filter(|_| few && !is_of_all(fault))
            .map(field_of);
        let at = at.or_else(|| mends.first().map(|mend| mend.field.clone()));
        summary.push(Mistake::at(at.unwrap_or_default(), fault.message.clone()));
        faults.push(Fault {
            row: fault.row.filter(|_| !is_of_all(fault)),
            column: fault.column.map(str::to_owned),
            was: shown(fault, mistakes.sheet.as_ref()),
            problem: problem(fault),
            mends,
            drop: drop_row.map(|row| (DROP_ROW, row)),
        });
    }
    let absent = ways.absent;
    let mendable = stuck < count;
    let caption = match (mistakes.sheet.is_some(), few, stuck) {
        (false, ..) => "这份文件的问题",
        (true, false, _) => "问题太多，不能在这里逐格改：请下载标注好的 Excel，改好再传",
        (true, true, 0) => "在这里改，不用重新传文件",
        (true, true, _) if mendable => "有格子的在这里改；没有格子的，请在文件里改好再传",
        _ => "这些要在文件里改好再传",
    };
    let upload_no = portal
        .uploads
        .keep(Upload { absent, ..file }, Instant::now());
    Ok(ErrorsPage {
        frame,
        title,
        file: Text::from(format!(
            "{name} · 已读 {} 行",
            mistakes.sheet.as_ref().map_or(0, Sheet::len)
        )),
        upload_no,
        errors: ErrorSummary::of(summary)
            .ok_or(PageError::NotFound)?
            .note("改完之前，这份名册不会提交。什么都没有改变。"),
        table: ErrTable {
            caption,
            faults,
            repaired: Vec::new(),
        },
        mendable,
        button: Button::submit(format!("重新核对 {count} 处")),
        tiles: vec![
            (
                "没有问题".into(),
                mistakes.right_rows.to_string(),
                "行".into(),
                Text::new(),
            ),
            (
                "要留意".into(),
                mistakes.notices.len().to_string(),
                "处".into(),
                mistakes
                    .notices
                    .first()
                    .map_or_else(Text::new, |notice| notice.message.as_str().into()),
            ),
        ],
        right_rows: u32::try_from(mistakes.right_rows).unwrap_or(u32::MAX),
        drop: DROP,
        mode,
        action,
        month: month.to_string(),
        key: Uuid::now_v7().to_string(),
        has_sheet: mistakes.sheet.is_some(),
    })
}

/// What is wrong, without the place that the other columns of the table say.
fn problem(fault: &Wrong) -> String {
    let place = match (fault.row, fault.column) {
        (Some(row), Some(column)) => format!("第 {row} 行“{column}”"),
        _ => return fault.message.clone(),
    };
    let Some(rest) = fault.message.strip_prefix(&place) else {
        return fault.message.clone();
    };
    match (&fault.found, rest.split_once("”，")) {
        (Some(_), Some((quoted, what))) if quoted.starts_with("填的是“") => what.to_owned(),
        _ => rest.trim_start_matches('：').to_owned(),
    }
}

/// What stood in the cell, as the fault quotes it or as the sheet has it; of an ID number the middle stays hidden.
fn shown(fault: &Wrong, sheet: Option<&Sheet>) -> Text {
    let in_sheet = || {
        let column = Column::ALL
            .into_iter()
            .find(|column| Some(column.header()) == fault.column)?;
        sheet?.text_at(fault.row?, column)
    };
    let found = fault
        .found
        .as_deref()
        .filter(|found| !found.is_empty())
        .or_else(in_sheet);
    let Some(found) = found else {
        return Text::new().hint(if fault.row.is_some() {
            "（空）"
        } else {
            "—"
        });
    };
    if fault.column == Some(Column::IdNumber.header()) {
        let chars: Vec<char> = found.chars().collect();
        if chars.len() > 8 {
            let head: String = chars[..3].iter().collect();
            let tail: String = chars[chars.len() - 4..].iter().collect();
            return Text::new().say(format!("{head}{}{tail}", "*".repeat(chars.len() - 7)));
        }
    }
    Text::new().say(found)
}
