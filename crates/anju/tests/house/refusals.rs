//! What people are told when something is refused in code: it says what to do (README of `casework`, error.rs). Refusals of conditions have their
//! remedy in policy, which the policy's own tests hold.

use std::collections::HashMap;
use std::str::FromStr;

use proc_macro2::{TokenStream, TokenTree};

use crate::sources;

/// What comes out of `anju-domain` says it itself.
const FROM_BELOW: &str = "{error}";

/// A sentence with one of these tells what to do, what to write, or that nothing is to be done.
const REMEDIES: &[&str] = &[
    "请",
    "再",
    "可以",
    "应",
    "须",
    "才能",
    "不用",
    "只能是",
    "放进复核池",
];

/// A name that holds more than this, bytes, names a whole page and no refusal; names of names of such would grow without end.
const LONGEST: usize = 10_000;

/// Texts by the name that they are bound to, as far as a file has been read.
type Bound = HashMap<String, String>;

#[test]
fn every_refusal_says_what_to_do() {
    let mut read = 0;
    let mut silent = Vec::new();
    for source in sources::product().iter().filter(|source| source.is_rust()) {
        let tokens = TokenStream::from_str(&source.text).expect("Rust that compiles");
        refusals(tokens, &mut Bound::new(), &mut |line, text| {
            read += 1;
            let below = text.contains(FROM_BELOW);
            if !below && !REMEDIES.iter().any(|remedy| text.contains(remedy)) {
                silent.push(format!("{}:{line} {text}", source.path));
            }
        });
    }
    assert!(read > 200, "only {read} refusals were found");
    assert!(silent.is_empty(), "{}", silent.join("\n"));
}

/// Tells of every `Refusal::new` and `Refusal::rule` whose Chinese text stands in it or in a `let` before it.
fn refusals(tokens: TokenStream, bound: &mut Bound, tell: &mut impl FnMut(usize, &str)) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Ident(word) if word == "let" => {
                let Some(TokenTree::Ident(name)) = tokens.get(at + 1) else {
                    continue;
                };
                let value = tokens[at..].iter().take_while(
                    |token| !matches!(token, TokenTree::Punct(mark) if mark.as_char() == ';'),
                );
                let text = words(value.cloned().collect(), bound);
                if !text.is_empty() && text.len() <= LONGEST {
                    bound.insert(name.to_string(), text);
                }
            }
            TokenTree::Group(group) => {
                if is_refusal(&tokens[..at]) {
                    let text = words(group.stream(), bound);
                    if !text.is_empty() {
                        tell(group.span_open().start().line, &text);
                    }
                }
                refusals(group.stream(), bound, tell);
            }
            _ => {}
        }
    }
}

fn is_refusal(before: &[TokenTree]) -> bool {
    let [
        ..,
        TokenTree::Ident(of),
        TokenTree::Punct(_),
        TokenTree::Punct(_),
        TokenTree::Ident(name),
    ] = before
    else {
        return false;
    };
    of == "Refusal" && (name == "rule" || name == "new")
}

/// The Chinese of all literals, and of what names are bound to.
fn words(tokens: TokenStream, bound: &Bound) -> String {
    let mut text = String::new();
    for token in tokens {
        match token {
            TokenTree::Group(group) => text += &words(group.stream(), bound),
            TokenTree::Literal(literal) => {
                let value = syn::parse_str::<syn::LitStr>(&literal.to_string());
                let value = value.map(|literal| literal.value()).unwrap_or_default();
                if value.chars().any(|letter| ('一'..='龥').contains(&letter)) {
                    text += &value;
                }
            }
            TokenTree::Ident(name) => {
                text += bound.get(&name.to_string()).map_or("", String::as_str);
            }
            TokenTree::Punct(_) => {}
        }
    }
    text
}
