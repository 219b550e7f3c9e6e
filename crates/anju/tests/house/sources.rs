//! The workspace's sources as the house's tests read them: Rust by its tokens, SQL as it stands.

use std::{
    collections::{BTreeMap, BTreeSet},
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
        let macros = macros_of(&tokens);
        let mut found = Vec::new();
        literals(tokens, &self.path, &macros, &mut found);
        found
    }
}

/// The file's own macros of text, by name: what each stands for.
type Macros = BTreeMap<String, TokenStream>;

fn macros_of(tokens: &TokenStream) -> Macros {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    tokens
        .windows(4)
        .filter_map(|part| match part {
            [
                TokenTree::Ident(rules),
                TokenTree::Punct(_),
                TokenTree::Ident(name),
                TokenTree::Group(body),
            ] if rules == "macro_rules" => {
                let stands_for = body.stream().into_iter().filter_map(|token| match token {
                    TokenTree::Group(group) => Some(group.stream()),
                    _ => None,
                });
                Some((name.to_string(), stands_for.last()?))
            }
            _ => None,
        })
        .collect()
}

/// The text of a `concat!` or of a macro of this file; none where something else stands in it.
fn assembled(tokens: TokenStream, macros: &Macros, argument: Option<&str>) -> Option<String> {
    let mut text = String::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Literal(literal) => {
                text += &syn::parse_str::<syn::LitStr>(&literal.to_string())
                    .ok()?
                    .value();
            }
            TokenTree::Punct(mark) if mark.as_char() == ',' => {}
            TokenTree::Punct(mark) if mark.as_char() == '$' => {
                tokens.next()?;
                text += argument?;
            }
            TokenTree::Ident(name) => {
                tokens.next_if(
                    |token| matches!(token, TokenTree::Punct(mark) if mark.as_char() == '!'),
                )?;
                let Some(TokenTree::Group(group)) = tokens.next() else {
                    return None;
                };
                text += &called(&name.to_string(), group.stream(), macros, argument)?;
            }
            TokenTree::Group(_) | TokenTree::Punct(_) => return None,
        }
    }
    Some(text)
}

fn called(
    name: &str,
    given: TokenStream,
    macros: &Macros,
    argument: Option<&str>,
) -> Option<String> {
    if name == "concat" {
        return assembled(given, macros, argument);
    }
    let given = assembled(given, macros, argument)?;
    assembled(macros.get(name)?.clone(), macros, Some(&given))
}

fn literals(tokens: TokenStream, path: &str, macros: &Macros, found: &mut Vec<Statement>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        let name_before = |back: usize| match at.checked_sub(back).map(|place| &tokens[place]) {
            Some(TokenTree::Ident(name)) => name.to_string(),
            _ => String::new(),
        };
        match token {
            // What a macro of text stands for is read where it is called.
            TokenTree::Group(_) if name_before(3) == "macro_rules" => {}
            TokenTree::Group(group) => {
                let put_together = called(&name_before(2), group.stream(), macros, None);
                if let Some(sql) = put_together {
                    let line = group.span_open().start().line;
                    found.push(Statement {
                        place: format!("{path}:{line}"),
                        sql: sql.trim_start().to_owned(),
                    });
                    continue;
                }
                let attribute = at > 0
                    && matches!(&tokens[at - 1], TokenTree::Punct(mark) if mark.as_char() == '#');
                // Pieces with holes are not statements; the place that fills them is tested where it is used.
                let formatted = at > 1
                    && matches!(&tokens[at - 2], TokenTree::Ident(name) if ["format", "write", "writeln", "println"].iter().any(|known| name == known));
                if !attribute && !formatted {
                    literals(group.stream(), path, macros, found);
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
