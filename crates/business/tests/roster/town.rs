//! A small employer for roster tests, and rosters built cell by cell.

use std::io::{Cursor, Read, Write};
use std::path::PathBuf;

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

/// A file that another program wrote. `ANJU_ROSTER_FIXTURES` names a folder of freshly written ones.
pub fn fixture(name: &str) -> Vec<u8> {
    let folder = std::env::var_os("ANJU_ROSTER_FIXTURES").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/rosters"),
        PathBuf::from,
    );
    let path = folder.join(name);
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
