//! The workspace's sources as the house's tests read them: Rust by its tokens, SQL as it stands.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use proc_macro2::{TokenStream, TokenTree};

/// One file, its path from the root of the workspace.
pub struct Source {
    pub path: String,
    pub text: String,
}

/// A piece of SQL and where it stands.
pub struct Statement {
    pub place: String,
    pub sql: String,
}

/// How a statement begins; keywords are upper case in this house.
const BEGINNINGS: &[&str] = &[
    "SELECT ",
    "INSERT ",
    "UPDATE ",
    "DELETE ",
    "WITH ",
    "VALUES ",
    "MERGE ",
    "CREATE TEMP ",
];

/// The root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("a crate lies in crates/")
        .to_owned()
}

/// Every Rust and SQL file of every crate.
pub fn all() -> Vec<Source> {
    let mut found = Vec::new();
    gather(&root().join("crates"), &mut found);
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

/// What ships: without tests and benches.
pub fn product() -> Vec<Source> {
    all()
        .into_iter()
        .filter(|source| source.path.contains("/src/"))
        .collect()
}

/// Names of the tests in Rust and titles of those in the browser.
pub fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for source in all().iter().filter(|source| source.is_rust()) {
        let mut marked = false;
        for line in source.text.lines().map(str::trim) {
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                marked = true;
            } else if let Some((_, rest)) = line.split_once("fn ").filter(|_| marked) {
                names.extend(rest.split('(').next().map(str::to_owned));
                marked = false;
            }
        }
    }
    for entry in fs::read_dir(root().join("browser"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let text = fs::read_to_string(entry.path()).unwrap_or_default();
        for line in text.lines() {
            let title = line
                .trim()
                .strip_prefix("test('")
                .and_then(|rest| rest.split('\'').next());
            names.extend(title.map(str::to_owned));
        }
    }
    names
}

fn gather(folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).expect("a folder of the workspace") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            gather(&path, found);
        } else if path
            .extension()
            .is_some_and(|end| end == "rs" || end == "sql")
        {
            let text = fs::read_to_string(&path).expect("a text file");
            let path = path
                .strip_prefix(root())
                .expect("below the root")
                .display()
                .to_string();
            found.push(Source { path, text });
        }
    }
}

impl Source {
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whole statements: SQL files, and literals that begin like a statement.
    pub fn statements(&self) -> Vec<Statement> {
        self.all_sql()
            .into_iter()
            .filter(|found| BEGINNINGS.iter().any(|begin| found.sql.starts_with(begin)))
            .collect()
    }

    /// All literals and SQL files, also pieces from which a statement is put together.
    pub fn all_sql(&self) -> Vec<Statement> {
        if !self.is_rust() {
            return vec![Statement {
                place: self.path.clone(),
                sql: without_comments(&self.text),
            }];
        }
        let tokens = TokenStream::from_str(&self.text).expect("Rust that compiles");
        let mut found = Vec::new();
        literals(tokens, &self.path, &mut found);
        found
    }
}

fn literals(tokens: TokenStream, path: &str, found: &mut Vec<Statement>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => {
                let attribute = at > 0
                    && matches!(&tokens[at - 1], TokenTree::Punct(mark) if mark.as_char() == '#');
                // Pieces with holes are not statements; the place that fills them is tested where it is used.
                let formatted = at > 1
                    && matches!(&tokens[at - 2], TokenTree::Ident(name) if ["format", "write", "writeln", "println"].iter().any(|known| name == known));
                if !attribute && !formatted {
                    literals(group.stream(), path, found);
                }
            }
            TokenTree::Literal(literal) => {
                if let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) {
                    let line = literal.span().start().line;
                    let sql = text.value().trim_start().to_owned();
                    found.push(Statement {
                        place: format!("{path}:{line}"),
                        sql,
                    });
                }
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) => {}
        }
    }
}

/// A statement in a file may begin with lines that say what it is for.
fn without_comments(sql: &str) -> String {
    sql.lines()
        .skip_while(|line| line.starts_with("--") || line.trim().is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}
