//! Files that are refused whole: each reason by its code, without row or column.

use anju_business::contribution::roster::read;

use crate::town::{HEADER, book, fixture, repacked};

fn refusal(bytes: &[u8]) -> Vec<&'static str> {
    let faults = read(bytes).err().unwrap_or_default();
    assert!(
        faults
            .iter()
            .all(|fault| fault.row.is_none() && fault.column.is_none()),
        "{faults:?}"
    );
    faults.iter().map(|fault| fault.code).collect()
}

#[test]
fn a_file_is_refused_whole_for_what_it_is() {
    let plain = fixture("openpyxl_plain.xlsx");
    for (what, bytes, code) in [
        ("nothing", Vec::new(), "E-FILE-01"),
        ("old excel", fixture("libreoffice_plain.xls"), "E-FILE-01"),
        (
            "opendocument",
            fixture("libreoffice_plain.ods"),
            "E-FILE-01",
        ),
        ("csv", "姓名,证件号码,缴存基数\n".into(), "E-FILE-01"),
        ("html", b"<html><table><tr><td>".to_vec(), "E-FILE-01"),
        ("pdf", b"%PDF-1.7\n%\xE2\xE3".to_vec(), "E-FILE-01"),
        (
            "other zip",
            repacked(
                &plain,
                |name, content| (!name.starts_with('[')).then_some(content),
                &[],
            ),
            "E-FILE-01",
        ),
        ("encrypted", fixture("openpyxl_encrypted.xlsx"), "E-FILE-02"),
        (
            "macros",
            repacked(
                &plain,
                |_, content| Some(content),
                &[("xl/vbaProject.bin", b"\xD0\xCF")],
            ),
            "E-FILE-03",
        ),
        (
            "links",
            repacked(
                &plain,
                |_, content| Some(content),
                &[("xl/externalLinks/externalLink1.xml", b"<externalLink/>")],
            ),
            "E-FILE-04",
        ),
        (
            "connections",
            repacked(
                &plain,
                |_, content| Some(content),
                &[("xl/connections.xml", b"<connections/>")],
            ),
            "E-FILE-04",
        ),
        (
            "a formula on another file",
            book(|sheet| {
                for (column, title) in (0..).zip(HEADER) {
                    sheet.write_string(0, column, title).expect("a cell");
                }
                sheet
                    .write_formula(1, 9, "='[wages.xlsx]Sheet1'!A1")
                    .expect("a cell");
            }),
            "E-FILE-04",
        ),
        ("cut off", plain[..plain.len() / 2].to_vec(), "E-FILE-05"),
        (
            "no sheet",
            repacked(
                &plain,
                |name, content| (!name.contains("sheet1")).then_some(content),
                &[],
            ),
            "E-FILE-05",
        ),
        (
            "too large",
            [b"PK\x03\x04".to_vec(), vec![0; (20 << 20) + 1]].concat(),
            "E-FILE-06",
        ),
        ("no header", fixture("openpyxl_no_header.xlsx"), "E-FILE-09"),
        (
            "two sheets with a header",
            fixture("openpyxl_two_headers.xlsx"),
            "E-FILE-10",
        ),
        (
            "the header again",
            fixture("openpyxl_header_again.xlsx"),
            "E-FILE-10",
        ),
        (
            "a column twice",
            fixture("openpyxl_column_twice.xlsx"),
            "E-FILE-10",
        ),
        (
            "merged data",
            fixture("openpyxl_merged_data.xlsx"),
            "E-FILE-11",
        ),
        (
            "empty list",
            fixture("openpyxl_empty_list.xlsx"),
            "E-FILE-12",
        ),
    ] {
        assert_eq!(refusal(&bytes), [code], "{what}");
    }
}

#[test]
fn a_workbook_with_macros_is_known_by_its_content_type_too() {
    let plain = fixture("openpyxl_plain.xlsx");
    let renamed = repacked(
        &plain,
        |name, content| {
            let text = String::from_utf8(content.clone()).unwrap_or_default();
            let xlsm = text.replace(
                "openxmlformats-officedocument.spreadsheetml.sheet.main",
                "ms-excel.sheet.macroEnabled.main",
            );
            Some(if name.starts_with('[') {
                xlsm.into_bytes()
            } else {
                content
            })
        },
        &[],
    );
    assert_eq!(refusal(&renamed), ["E-FILE-03"]);
}

#[test]
fn all_reasons_that_can_be_seen_at_once_are_named_at_once() {
    let plain = fixture("openpyxl_plain.xlsx");
    let added: [(&str, &[u8]); 2] = [
        ("xl/vbaProject.bin", b"x"),
        ("xl/externalLinks/externalLink1.xml", b"<externalLink/>"),
    ];
    assert_eq!(
        refusal(&repacked(&plain, |_, content| Some(content), &added)),
        ["E-FILE-03", "E-FILE-04"]
    );
}

#[test]
fn a_bomb_is_measured_while_it_is_inflated() {
    let plain = fixture("openpyxl_plain.xlsx");
    let zeros = vec![b' '; (200 << 20) + 1];
    let in_a_corner = repacked(
        &plain,
        |_, content| Some(content),
        &[("xl/media/image1.png", &zeros)],
    );
    assert!(in_a_corner.len() < 1 << 20);
    assert_eq!(refusal(&in_a_corner), ["E-FILE-07"]);
    // The directory claims one byte: what it says is not believed.
    assert_eq!(
        refusal(&lying_about_size(&in_a_corner, zeros.len())),
        ["E-FILE-07"]
    );
}

/// Writes 1 in place of a part's size, wherever the container states it.
fn lying_about_size(bytes: &[u8], size: usize) -> Vec<u8> {
    let stated = u32::try_from(size).expect("below 4 GB").to_le_bytes();
    let mut bytes = bytes.to_vec();
    for at in 0..bytes.len() - 4 {
        if bytes[at..at + 4] == stated {
            bytes[at..at + 4].copy_from_slice(&1_u32.to_le_bytes());
        }
    }
    bytes
}

#[test]
fn a_flipped_bit_in_any_part_is_a_damage() {
    let plain = fixture("openpyxl_plain.xlsx");
    let at = plain
        .windows(16)
        .position(|window| window == b"docProps/app.xml")
        .expect("a part nobody reads")
        + 40;
    let mut damaged = plain.clone();
    damaged[at] ^= 0x55;
    assert_eq!(refusal(&damaged), ["E-FILE-05"]);
}

#[test]
fn the_number_of_rows_is_bounded() {
    let rows = |count: u32| {
        book(|sheet| {
            for (column, title) in (0..).zip(HEADER) {
                sheet.write_string(0, column, title).expect("a cell");
            }
            for row in 1..=count {
                sheet.write_string(row, 0, "李梅").expect("a cell");
            }
        })
    };
    assert_eq!(read(&rows(50_000)).map(|sheet| sheet.len()), Ok(50_000));
    assert_eq!(refusal(&rows(50_001)), ["E-FILE-08"]);
}

#[test]
fn merged_titles_are_no_matter_but_a_header_over_two_rows_is() {
    let title = |first, last| {
        book(|sheet| {
            sheet
                .merge_range(
                    first,
                    0,
                    last,
                    3,
                    "住房公积金缴存清册",
                    &rust_xlsxwriter::Format::new(),
                )
                .expect("a range");
            for (column, text) in (0..).zip(HEADER) {
                sheet.write_string(2, column, text).expect("a cell");
            }
            sheet.write_string(4, 0, "李梅").expect("a cell");
        })
    };
    assert!(read(&title(0, 1)).is_ok());
    let two_rows = book(|sheet| {
        for (column, text) in (0..).zip(HEADER) {
            sheet
                .merge_range(0, column, 1, column, text, &rust_xlsxwriter::Format::new())
                .expect("a range");
        }
        sheet.write_string(2, 0, "李梅").expect("a cell");
    });
    assert_eq!(refusal(&two_rows), ["E-FILE-11"]);
}

#[test]
fn the_refusal_without_header_says_what_comes_nearest() {
    let faults = read(&fixture("openpyxl_no_header.xlsx")).expect_err("no header");
    assert!(
        faults[0]
            .message
            .contains("第 1 行像表头，但缺少“证件号码”"),
        "{}",
        faults[0].message
    );
}
