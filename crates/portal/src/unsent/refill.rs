//! 填回去: puts what was typed into the form of a finished page of ours. One place for all forms: what a page draws is well formed, attributes stand
//! in double quotes, and `<`, `>` and `"` inside them are escaped (askama), so that tags can be walked without a parser of strangers' markup.

use std::collections::{BTreeMap, VecDeque};

use super::Unsent;
use crate::components::{Flash, Tone};

/// What was typed, by field; of fields with one name in their order.
type Typed<'a> = BTreeMap<&'a str, VecDeque<&'a str>>;

/// The page with the form filled and a line that says so; where the form is no longer on it, with a line that says that.
pub(super) fn filled(page: &str, form: &Unsent) -> String {
    let mut typed = Typed::new();
    for (name, value) in &form.fields {
        typed.entry(name).or_default().push_back(value);
    }
    let found = place_of(page, form, &typed);
    let drawn = found.and_then(|(start, end)| {
        let (inside, count) = fill(&page[start..end], &typed);
        (count > 0).then(|| format!("{}{inside}{}", &page[..start], &page[end..]))
    });
    let file = if form.had_file {
        "文件请重新选一次。"
    } else {
        ""
    };
    let (page, flash) = match drawn {
        Some(page) => {
            let words = format!("您已重新登录，填的内容还在，还没有提交。{file}请核对一遍再提交。");
            (page, Flash::new(Tone::Accent, words))
        }
        None => {
            let words = format!("刚才那一步没有提交，请从这里再做一次。{file}");
            (page.to_owned(), Flash::new(Tone::Wait, words))
        }
    };
    with_line(&page, &flash.to_string())
}

/// The page with a line at the top of its text.
fn with_line(page: &str, line: &str) -> String {
    let main = page.find("<main");
    let after = main.and_then(|main| Some(main + page[main..].find('>')? + 1));
    match after {
        Some(after) => format!("{}{line}{}", &page[..after], &page[after..]),
        None => page.to_owned(),
    }
}

/// Where the form begins and ends: the one with its address whose hidden fields say the same and that has most of the fields; on the first page of a
/// matter the one that has most of them.
fn place_of(page: &str, form: &Unsent, typed: &Typed) -> Option<(usize, usize)> {
    let mut best: Option<(usize, (usize, usize))> = None;
    let mut from = 0;
    while let Some(start) = page[from..].find("<form ").map(|at| from + at) {
        let end = start + page[start..].find("</form>")?;
        from = end;
        let inside = &page[start..end];
        let head = &inside[..inside.find('>')?];
        if attribute(head, "method").as_deref() != Some("post") {
            continue;
        }
        let (mut fields, mut agrees) = (0, true);
        for tag in tags(inside) {
            let Some(value) = attribute(tag, "name").and_then(|name| typed.get(name.as_str()))
            else {
                continue;
            };
            match attribute(tag, "type").as_deref() {
                Some("hidden") => {
                    agrees &= attribute(tag, "value").as_deref() == value.front().copied();
                }
                _ => fields += 1,
            }
        }
        let is_the_one = attribute(head, "action").as_deref() == Some(form.action.as_str());
        let rank = match (is_the_one, agrees) {
            (true, true) => 1_000_000 + fields,
            (true, false) => 0,
            (false, _) if form.is_first => fields,
            (false, _) => 0,
        };
        if rank > 0 && best.is_none_or(|(before, _)| rank > before) {
            best = Some((rank, (start, end)));
        }
    }
    best.map(|(_, place)| place)
}

/// The tags of a piece of a page, without their angle brackets.
fn tags(text: &str) -> impl Iterator<Item = &str> {
    text.split('<')
        .skip(1)
        .filter_map(|rest| rest.split('>').next())
}

/// A form with what was typed, and how many fields took something.
fn fill(form: &str, typed: &Typed) -> (String, usize) {
    let mut left = typed.clone();
    let mut out = String::with_capacity(form.len() + 1024);
    let mut count = 0;
    let mut chosen: Option<&str> = None;
    let mut rest = form;
    while let Some(at) = rest.find('<') {
        let Some(end) = rest[at..].find('>').map(|end| at + end + 1) else {
            break;
        };
        out.push_str(&rest[..at]);
        let tag = &rest[at..end];
        rest = &rest[end..];
        let name = attribute(tag, "name").unwrap_or_default();
        let kind = tag[1..].split([' ', '>']).next().unwrap_or_default();
        match kind {
            "input" => match attribute(tag, "type").as_deref().unwrap_or("text") {
                "hidden" | "password" | "file" | "submit" | "button" => out.push_str(tag),
                "checkbox" | "radio" => {
                    let own = attribute(tag, "value").unwrap_or_default();
                    let said = typed.get(name.as_str());
                    let is_set = said.is_some_and(|said| said.contains(&own.as_str()));
                    count += usize::from(is_set);
                    out.push_str(&with_word(tag, "checked", is_set));
                }
                _ => match left.get_mut(name.as_str()).and_then(VecDeque::pop_front) {
                    Some(value) if !is_one_time(tag) => {
                        count += 1;
                        out.push_str(&with_value(tag, value));
                    }
                    _ => out.push_str(tag),
                },
            },
            "textarea" => {
                out.push_str(tag);
                if let Some(value) = left.get_mut(name.as_str()).and_then(VecDeque::pop_front) {
                    count += 1;
                    // The first line break after the tag is not part of the text.
                    out.push('\n');
                    out.push_str(&escaped(value));
                    rest = rest.find("</textarea>").map_or(rest, |end| &rest[end..]);
                }
            }
            "select" => {
                chosen = left.get_mut(name.as_str()).and_then(VecDeque::pop_front);
                count += usize::from(chosen.is_some());
                out.push_str(tag);
            }
            "/select" => {
                chosen = None;
                out.push_str(tag);
            }
            "option" if chosen.is_some() => {
                let is_it = attribute(tag, "value").as_deref() == chosen;
                out.push_str(&with_word(tag, "selected", is_it));
            }
            _ => out.push_str(tag),
        }
    }
    out.push_str(rest);
    (out, count)
}

fn is_one_time(tag: &str) -> bool {
    attribute(tag, "autocomplete").as_deref() == Some("one-time-code")
}

/// The tag with a word like `checked`, or without it.
fn with_word(tag: &str, word: &str, is_set: bool) -> String {
    let bare = tag.trim_end_matches('>').replace(&format!(" {word}"), "");
    if is_set {
        format!("{bare} {word}>")
    } else {
        format!("{bare}>")
    }
}

fn with_value(tag: &str, value: &str) -> String {
    let value = escaped(value);
    let Some(start) = tag.find(" value=\"").map(|at| at + " value=\"".len()) else {
        return format!("{} value=\"{value}\">", tag.trim_end_matches('>'));
    };
    let end = tag[start..].find('"').map_or(tag.len(), |at| start + at);
    format!("{}{value}{}", &tag[..start], &tag[end..])
}

/// The value of an attribute as it reads.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let start = tag.find(&format!(" {name}=\""))? + name.len() + 3;
    let value = tag[start..].split('"').next()?;
    let mut value = value.to_owned();
    for (letter, number, name) in ESCAPES.iter().rev() {
        value = value.replace(number, letter).replace(name, letter);
    }
    Some(value)
}

/// As templates write them, and as texts do; the ampersand first.
const ESCAPES: [(&str, &str, &str); 5] = [
    ("&", "&#38;", "&amp;"),
    ("<", "&#60;", "&lt;"),
    (">", "&#62;", "&gt;"),
    ("\"", "&#34;", "&quot;"),
    ("'", "&#39;", "&apos;"),
];

fn escaped(text: &str) -> String {
    let mut text = text.to_owned();
    for (letter, number, _) in ESCAPES {
        text = text.replace(letter, number);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unsent::Owner;

    fn unsent(action: &str, fields: &[(&str, &str)]) -> Unsent {
        let own = |text: &&str| (*text).to_owned();
        Unsent {
            owner: Owner {
                audience: 1,
                subject_id: 7,
                uscc: None,
                served_person: None,
                served_employer: None,
            },
            page: action.to_owned(),
            action: action.to_owned(),
            fields: fields.iter().map(|(a, b)| (own(a), own(b))).collect(),
            is_first: false,
            had_file: false,
        }
    }

    #[test]
    fn every_kind_of_field_takes_what_was_typed_and_no_markup_gets_in() {
        let page = "<main id=\"main\"><form method=\"post\" action=\"/a\"><input type=\"hidden\" name=\"csrf\" value=\"new\">\
                    <input name=\"name\" type=\"text\" value=\"old\" autocomplete=\"off\"><input name=\"day\" type=\"date\">\
                    <input type=\"checkbox\" name=\"tick\" value=\"1\" checked><input type=\"radio\" name=\"how\" value=\"b\">\
                    <select name=\"why\"><option value=\"x\" selected>甲</option><option value=\"y\">乙</option></select>\
                    <textarea name=\"note\">旧</textarea><input name=\"pin\" type=\"text\" value=\"\" autocomplete=\"one-time-code\">\
                    </form></main>";
        let form = unsent(
            "/a",
            &[
                ("name", "\"><script>"),
                ("day", "2026-11-30"),
                ("how", "b"),
                ("why", "y"),
                ("note", "一\n</textarea>"),
                ("pin", "123456"),
            ],
        );
        let drawn = filled(page, &form);
        for part in [
            "填的内容还在",
            "value=\"new\"",
            "value=\"&#34;&#62;&#60;script&#62;\"",
            "type=\"date\" value=\"2026-11-30\">",
            "name=\"tick\" value=\"1\">",
            "value=\"b\" checked>",
            "<option value=\"x\">甲",
            "<option value=\"y\" selected>",
            ">\n一\n&#60;/textarea&#62;</textarea>",
            "value=\"\" autocomplete=\"one-time-code\"",
        ] {
            assert!(drawn.contains(part), "{part} not in {drawn}");
        }
    }

    #[test]
    fn of_several_forms_with_one_address_the_one_is_filled_that_was_sent() {
        let part = |what: &str| {
            format!(
                "<form method=\"post\" action=\"/a\"><input type=\"hidden\" name=\"do\" value=\"{what}\"><input name=\"reason\" type=\"text\" value=\"\"></form>"
            )
        };
        let page = format!("<main>{}{}</main>", part("seal"), part("unseal"));
        let form = unsent("/a", &[("do", "unseal"), ("reason", "回来上班")]);
        let drawn = filled(&page, &form);
        let (before, after) = drawn.split_once("value=\"unseal\"").expect("both forms");
        assert!(
            !before.contains("回来上班") && after.contains("回来上班"),
            "{drawn}"
        );
        // The form that was sent is not there any more: nothing is put into another matter's, though it asks for a reason as well.
        for others in [
            String::new(),
            part("seal"),
            part("unseal").replace("/a", "/b"),
        ] {
            let gone = filled(&format!("<main>{others}</main>"), &form);
            assert!(gone.contains("请从这里再做一次"), "{gone}");
            assert!(!gone.contains("回来上班"), "{gone}");
        }
    }
}
