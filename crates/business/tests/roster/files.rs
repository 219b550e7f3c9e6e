//! Files as clerks and their programs make them, and files that are refused whole.

use anju_business::contribution::roster::{Change, Fault, Field, RosterLine, Sheet, lines, read};
use anju_domain::money::Fen;
use anju_domain::rate::Bp;

use crate::town::{HEADER, book, fixture, repacked, roster};

const PEOPLE: &str = include_str!("../fixtures/people.tsv");

/// Name, number, base and phone of everybody in the fixtures.
fn people() -> Vec<(&'static str, &'static str, Fen, &'static str)> {
    PEOPLE
        .lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            (
                cells[0],
                cells[1],
                Fen::parse_yuan(cells[2]).expect("a base"),
                cells[3],
            )
        })
        .collect()
}

fn sound(name: &str) -> (Sheet, Vec<RosterLine>) {
    let sheet = read(&fixture(name)).unwrap_or_else(|faults| panic!("{name}: {faults:?}"));
    let (lines, faults) = lines(&sheet);
    assert_eq!(faults, [], "{name}");
    (sheet, lines)
}

fn assert_people(name: &str, lines: &[RosterLine]) {
    let read: Vec<_> = lines
        .iter()
        .map(|line| {
            let phone = line
                .phone
                .given()
                .map_or(String::new(), |phone| phone.expose().to_owned());
            let (person, number) = (
                line.name.given().expect("a name"),
                line.id_number.given().expect("a number"),
            );
            (
                person.expose().to_owned(),
                number.expose().to_owned(),
                *line.base.given().expect("a base"),
                phone,
            )
        })
        .collect();
    let expected: Vec<_> = people()
        .into_iter()
        .map(|(name, number, base, phone)| {
            (name.to_owned(), number.to_owned(), base, phone.to_owned())
        })
        .collect();
    assert_eq!(read, expected, "{name}");
    assert!(
        lines
            .iter()
            .all(|line| line.change == Field::Given(Change::Add)),
        "{name}"
    );
}

fn cell_faults(name: &str) -> Vec<Fault> {
    lines(&read(&fixture(name)).unwrap_or_else(|faults| panic!("{name}: {faults:?}"))).1
}

fn codes(faults: &[Fault]) -> Vec<(u32, &'static str, &'static str)> {
    faults
        .iter()
        .map(|fault| {
            (
                fault.row.expect("a row"),
                fault.column.expect("a column"),
                fault.code,
            )
        })
        .collect()
}

#[test]
fn every_writer_s_roster_is_read_alike() {
    for name in [
        "openpyxl_plain",
        "libreoffice_plain",
        "exceljs_shared_strings",
        "exceljs_streamed",
    ] {
        let file = format!("{name}.xlsx");
        let (sheet, lines) = sound(&file);
        assert_people(&file, &lines);
        assert!(
            lines
                .iter()
                .all(|line| line.employer_ratio == Field::Given(Bp::new(1_200))),
            "{file}"
        );
        assert_eq!(sheet.notices, [], "{file}");
    }
}

#[test]
fn a_roster_is_read_as_the_clerk_means_it() {
    for name in [
        "openpyxl_as_clerks_send_it.xlsx",
        "libreoffice_as_clerks_send_it.xlsx",
    ] {
        let (sheet, lines) = sound(name);
        assert_people(name, &lines);
        assert_eq!((sheet.name.as_str(), sheet.header_row()), ("11月", 3));
        let rows: Vec<u32> = lines.iter().map(|line| line.row).collect();
        assert_eq!(
            rows,
            [4, 5, 7, 8, 9],
            "row numbers are those that Excel shows"
        );
        let notices: Vec<&str> = sheet.notices.iter().map(|notice| notice.code).collect();
        assert_eq!(
            notices,
            ["W-ROW-01", "W-ROW-01", "W-ROW-03", "W-ROW-02", "W-ROW-04"],
            "{:?}",
            sheet.notices
        );
    }
}

#[test]
fn a_ratio_is_twelve_percent_however_it_is_written() {
    for name in ["openpyxl_percentages.xlsx", "libreoffice_percentages.xlsx"] {
        let (_, lines) = sound(name);
        let ratios: Vec<_> = lines.iter().map(|line| line.employer_ratio).collect();
        let twelve = Field::Given(Bp::new(1_200));
        assert_eq!(
            ratios,
            [twelve, twelve, twelve, twelve, twelve, twelve, Field::Empty],
            "{name}"
        );
    }
}

#[test]
fn a_formula_counts_by_its_cached_value_and_is_a_fault_without_one() {
    let sheet = read(&fixture("exceljs_formulas.xlsx")).expect("a roster");
    let (read_lines, faults) = lines(&sheet);
    assert_eq!(codes(&faults), [(5, "缴存基数", "E-ROW-05")]);
    assert_eq!(read_lines[0].base, Field::Given(Fen::new(654_321)));
    assert_eq!(
        read_lines[2].monthly,
        Field::Empty,
        "an empty text as result is empty"
    );
    assert_eq!(
        codes(&cell_faults("openpyxl_formulas_never_calculated.xlsx")),
        [(2, "缴存基数", "E-ROW-05"), (3, "变更", "E-ROW-05")]
    );
    // LibreOffice calculated them when it wrote the file again.
    assert_eq!(
        cell_faults("libreoffice_formulas_never_calculated.xlsx"),
        []
    );
}

#[test]
fn an_id_number_that_lost_digits_says_so() {
    let faults = cell_faults("openpyxl_lost_digits.xlsx");
    assert_eq!(
        codes(&faults),
        [
            (2, "证件号码", "E-ROW-08"),
            (3, "证件号码", "E-ROW-08"),
            (4, "证件号码", "E-ROW-08")
        ]
    );
    assert!(faults[0].message.contains("15 位"), "{}", faults[0].message);
}

#[test]
fn a_base_that_became_a_date_shows_the_day_of_its_file_s_epoch() {
    for name in ["openpyxl_mac_dates.xlsx", "libreoffice_mac_dates.xlsx"] {
        let faults = cell_faults(name);
        assert_eq!(codes(&faults), [(2, "缴存基数", "E-ROW-05")], "{name}");
        assert!(
            faults[0].message.contains("2026-11-24"),
            "{name}: {}",
            faults[0].message
        );
    }
}

#[test]
fn broken_cells_are_named_one_by_one() {
    for name in [
        "openpyxl_broken_cells.xlsx",
        "libreoffice_broken_cells.xlsx",
    ] {
        let faults = cell_faults(name);
        assert_eq!(
            codes(&faults),
            [
                (3, "缴存基数", "E-ROW-05"),
                (4, "缴存基数", "E-ROW-05"),
                (5, "姓名", "E-ROW-06"),
                (6, "缴存基数", "E-ROW-05")
            ],
            "{name}"
        );
        assert_eq!(
            faults[3].message,
            "第 6 行“缴存基数”填的是“12,3OO”，第 4、5 位是字母 O，请改成数字。"
        );
        assert_eq!(faults[3].suggestion.as_deref(), Some("12,300"));
    }
}

#[test]
fn rich_text_is_one_text_and_a_hyperlink_is_no_link_to_a_file() {
    let sheet = read(&fixture("exceljs_rich_text_and_links.xlsx")).expect("a roster");
    let (read_lines, faults) = lines(&sheet);
    assert_eq!(
        read_lines[0].name.given().map(|name| name.expose()),
        Some("李梅")
    );
    assert_eq!(codes(&faults), [(3, "缴存基数", "E-ROW-05")]);
    assert!(faults[0].message.contains("#DIV/0!"));
}

#[test]
fn a_hidden_sheet_counts_with_a_notice() {
    let (sheet, lines) = sound("exceljs_hidden_sheet.xlsx");
    assert_people("exceljs_hidden_sheet.xlsx", &lines);
    let notices: Vec<&str> = sheet.notices.iter().map(|notice| notice.code).collect();
    assert_eq!(notices, ["W-ROW-05", "W-ROW-03", "W-ROW-02"]);
}

#[test]
fn prefixed_xml_of_other_writers_is_read_alike() {
    let plain = fixture("openpyxl_plain.xlsx");
    let prefixed = repacked(
        &plain,
        |name, content| {
            if !name.starts_with("xl/worksheets/sheet") && name != "xl/sharedStrings.xml" {
                return Some(content);
            }
            let text = String::from_utf8(content)
                .expect("UTF-8")
                .replace("</", "\u{1}")
                .replace('<', "<x:")
                .replace('\u{1}', "</x:");
            Some(
                text.replace("<x:?xml", "<?xml")
                    .replace("xmlns=", "xmlns:x=")
                    .into_bytes(),
            )
        },
        &[],
    );
    let sheet = read(&prefixed).expect("a roster");
    assert_people("prefixed", &lines(&sheet).0);
}

#[test]
fn characters_that_xml_forbids_are_found_in_their_escapes() {
    let sheet = read(&roster(&[["李_x0007_梅", "", "", "", "", "", "", ""]])).expect("a roster");
    // The writer escapes the underscore, so that the text is what it says.
    assert_eq!(
        lines(&sheet).0[0]
            .name
            .given()
            .map(|name| name.expose().to_owned()),
        Some("李_x0007_梅".to_owned())
    );
    let sheet = read(&roster(&[["李\u{7}梅", "", "", "", "", "", "", ""]])).expect("a roster");
    assert_eq!(lines(&sheet).1[0].code, "E-ROW-06");
}

#[test]
fn values_are_read_or_refused_cell_by_cell() {
    let good = "500103199003071423";
    for (column, text, code) in [
        (0, "", "E-ROW-05"),
        (0, "=cmd|' /C calc'!A0", "E-ROW-06"),
        (0, "＋李梅", "E-ROW-06"),
        (0, "-李梅", "E-ROW-06"),
        (0, "@李梅", "E-ROW-06"),
        (0, "李\u{202E}梅", "E-ROW-06"),
        (1, "", "E-ROW-05"),
        (1, "50010319900307142", "E-PERS-01"),
        (1, "500103199003071424", "E-PERS-01"),
        (1, "500103199002301423", "E-PERS-01"),
        (1, "5.00103E+17", "E-ROW-08"),
        (1, "500103199003071000", "E-ROW-08"),
        (2, "", "E-ROW-05"),
        (2, "-5000", "E-ROW-05"),
        (2, "5000.123", "E-ROW-05"),
        (2, "5E3", "E-ROW-05"),
        (2, "5,00", "E-ROW-05"),
        (2, "五千", "E-ROW-05"),
        (2, "5000元", "E-ROW-05"),
        (3, "十二", "E-ROW-05"),
        (4, "-12", "E-ROW-05"),
        (5, "离职", "E-ROW-03"),
        (6, "abc", "E-ROW-05"),
        (7, "1380013800", "E-ROW-05"),
    ] {
        let mut row = ["李梅", good, "5000", "12", "12", "新增", "", ""];
        row[column] = text;
        let faults = lines(&read(&roster(&[row])).expect("a roster")).1;
        assert_eq!(codes(&faults), [(2, HEADER[column], code)], "{text}");
    }
}

#[test]
fn numbers_are_exact_to_the_fen() {
    for (number, fen) in [
        (6543.21, Some(654_321)),
        (0.1 + 0.2, Some(30)),
        (5_000.000_000_9, Some(500_000)),
        (5_000.001, None),
        (1e5, Some(10_000_000)),
    ] {
        let bytes = book(|sheet| {
            for (column, text) in (0..).zip(HEADER) {
                sheet.write_string(0, column, text).expect("a cell");
            }
            sheet.write_string(1, 0, "李梅").expect("a cell");
            sheet.write_number(1, 2, number).expect("a cell");
        });
        let line = lines(&read(&bytes).expect("a roster")).0.remove(0);
        assert_eq!(line.base.given().copied(), fen.map(Fen::new), "{number}");
    }
}

#[test]
fn a_phonetic_guide_is_no_part_of_a_name() {
    let guided = repacked(
        &roster(&[["李梅", "", "", "", "", "", "", ""]]),
        |name, content| {
            let guide =
                "<t>李梅</t><rPh sb=\"0\" eb=\"2\"><t>limei</t></rPh><phoneticPr fontId=\"1\"/>";
            let text = String::from_utf8(content.clone()).unwrap_or_default();
            Some(if name == "xl/sharedStrings.xml" {
                text.replace("<t>李梅</t>", guide).into_bytes()
            } else {
                content
            })
        },
        &[],
    );
    let lines = lines(&read(&guided).expect("a roster")).0;
    assert_eq!(
        lines[0].name.given().map(|name| name.expose()),
        Some("李梅")
    );
}

#[test]
fn a_sum_below_the_list_is_named_as_what_it_is() {
    let sheet = read(&roster(&[
        ["李梅", "500103199003071423", "5000", "", "", "", "", ""],
        ["合　计", "", "5000", "", "", "", "", ""],
    ]))
    .expect("a roster");
    let (read_lines, faults) = lines(&sheet);
    assert_eq!(read_lines.len(), 1);
    assert_eq!(codes(&faults), [(3, "姓名", "E-ROW-05")]);
    assert!(
        faults[0].message.contains("合计行"),
        "{}",
        faults[0].message
    );
}
