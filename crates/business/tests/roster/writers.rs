//! The scripts beside the fixtures still write what lies in the repository, where their programs are installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anju_business::contribution::roster::{Fault, Notice, RosterLine, lines, read};

use crate::town::fixture;

/// What was read from a file, for comparison.
fn reading(bytes: &[u8]) -> Result<(String, Vec<Fault>, Vec<Notice>), Vec<Fault>> {
    let sheet = read(bytes)?;
    let (lines, faults) = lines(&sheet);
    let text = |line: &RosterLine| {
        let name = line.name.given().map(|name| name.expose().to_owned());
        let number = line
            .id_number
            .given()
            .map(|number| number.expose().to_owned());
        format!("{line:?} {name:?} {number:?}\n")
    };
    Ok((lines.iter().map(text).collect(), faults, sheet.notices))
}

fn run(command: &mut Command) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn on_path(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    })
}

/// Python with openpyxl, and ExcelJS: `./test` installs both.
fn tools() -> (Option<PathBuf>, Option<PathBuf>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let named = |variable: &str, or: PathBuf| std::env::var_os(variable).map_or(or, PathBuf::from);
    let python = named(
        "ANJU_PYTHON",
        named("ANJU_TOOLS", root.join(".anju/tools")).join("venv/bin/python"),
    );
    let modules = named("ANJU_NODE_MODULES", root.join("browser/node_modules"));
    (
        python.is_file().then_some(python),
        modules.join("exceljs").is_dir().then_some(modules),
    )
}

#[test]
fn rosters_written_today_are_read_like_those_in_the_repository() {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let folder = std::env::temp_dir().join(format!("anju-rosters-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let (python, modules) = tools();
    if let Some(python) = &python {
        run(Command::new(python)
            .arg(scripts.join("make_openpyxl.py"))
            .arg(&folder));
        if on_path("soffice") {
            run(Command::new("sh")
                .arg(scripts.join("make_libreoffice.sh"))
                .arg(&folder));
        }
    }
    if let Some(modules) = &modules {
        run(Command::new("node")
            .arg(scripts.join("make_exceljs.mjs"))
            .arg(&folder)
            .env("ANJU_NODE_MODULES", modules));
    }
    for entry in std::fs::read_dir(&folder).expect("our folder") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name")
            .to_owned();
        assert_eq!(
            reading(&std::fs::read(&path).expect("a file")),
            reading(&fixture(&name)),
            "{name}"
        );
    }
    std::fs::remove_dir_all(&folder).expect("our folder");
}
