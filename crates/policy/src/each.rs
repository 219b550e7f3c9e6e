//! What a file says once for several roles, written out when it is read: everything behind the loader knows one role at a time.
//!
//! `[[group]]` names the roles (`heir_2` to `heir_20`). A table with `each = "heirs"` stands for one table a role, and tables that follow each
//! other stay together for each role; `{role}` and `{who}` are filled in. `roles` may name a group. In formulas `all_of(heirs, …)`,
//! `any_of(heirs, …)` and `sum_of(heirs, …)` stand for the expression of each role, joined by `&&`, `||` or `+`.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Table, Value as Toml};

use crate::explain::who;
use crate::file::PolicyFiles;

/// A group of roles as a file names it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawGroup {
    pub name: String,
    /// What its roles are called before their number: `heir`.
    pub role: String,
    pub first: u8,
    pub last: u8,
}

/// The roles of each group.
pub(crate) struct Groups(BTreeMap<String, Vec<String>>);

/// What joins the expressions of the roles.
const JOINED: [(&str, &str); 3] = [("all_of(", " && "), ("any_of(", " || "), ("sum_of(", " + ")];

impl Groups {
    /// The groups of all files. What is no TOML, or no group, is told when its file is read.
    pub fn of(files: &PolicyFiles) -> Groups {
        let tables = files.files.values().filter_map(|text| {
            let is_there = text.contains("[[group]]");
            is_there.then(|| text.parse::<Table>().ok()).flatten()
        });
        let groups = tables
            .filter_map(|mut table| table.remove("group")?.try_into::<Vec<RawGroup>>().ok())
            .flatten();
        Groups(
            groups
                .map(|group| {
                    let roles = (group.first..=group.last)
                        .map(|place| format!("{}_{place}", group.role))
                        .collect();
                    (group.name, roles)
                })
                .collect(),
        )
    }

    /// The file with one table, role and expression for each role; nothing where it says everything once anyway.
    ///
    /// # Errors
    /// A group that no file names, an expression without its end.
    pub fn written_out(&self, text: &str) -> Result<Option<Table>, String> {
        let Ok(table) = text.parse::<Table>() else {
            return Ok(None); // told with its line by who reads it next
        };
        let before = Toml::Table(table);
        let after = self.value(before.clone())?;
        match after {
            Toml::Table(table) if Toml::Table(table.clone()) != before => Ok(Some(table)),
            _ => Ok(None),
        }
    }

    fn roles(&self, group: &str) -> Result<&[String], String> {
        let roles = self.0.get(group);
        roles
            .map(Vec::as_slice)
            .ok_or_else(|| format!("no group of roles {group}"))
    }

    fn value(&self, value: Toml) -> Result<Toml, String> {
        Ok(match value {
            Toml::String(text) => Toml::String(self.joined(&text)?),
            Toml::Array(values) => Toml::Array(self.array(values)?),
            Toml::Table(table) => {
                let mut whole = Table::new();
                for (key, value) in table {
                    let value = match value {
                        Toml::Array(roles) if key == "roles" => Toml::Array(self.named(roles)),
                        value => self.value(value)?,
                    };
                    whole.insert(key, value);
                }
                Toml::Table(whole)
            }
            other => other,
        })
    }

    /// Roles, of which some are named as a group.
    fn named(&self, roles: Vec<Toml>) -> Vec<Toml> {
        roles
            .into_iter()
            .flat_map(
                |role| match role.as_str().and_then(|name| self.0.get(name)) {
                    Some(roles) => roles.iter().cloned().map(Toml::String).collect(),
                    None => vec![role],
                },
            )
            .collect()
    }

    /// Tables of one group that follow each other are repeated together, so that what belongs to a role stays together.
    fn array(&self, values: Vec<Toml>) -> Result<Vec<Toml>, String> {
        let mut whole = Vec::with_capacity(values.len());
        for run in values.chunk_by(|one, next| each(one) == each(next)) {
            let Some(group) = each(&run[0]) else {
                for one in run {
                    whole.push(self.value(one.clone())?);
                }
                continue;
            };
            for role in self.roles(group)? {
                for one in run {
                    let mut one = one.clone();
                    if let Toml::Table(table) = &mut one {
                        table.remove("each");
                    }
                    whole.push(self.value(of_role(one, role))?);
                }
            }
        }
        Ok(whole)
    }

    fn joined(&self, text: &str) -> Result<String, String> {
        let first = JOINED
            .iter()
            .filter_map(|(call, by)| Some((find_call(text, call)?, *call, *by)))
            .min();
        let Some((at, call, by)) = first else {
            return Ok(text.to_owned());
        };
        let inside = &text[at + call.len()..];
        let end = end_of(inside).ok_or_else(|| format!("{call}…) has no end"))?;
        let (group, body) = inside[..end]
            .split_once(',')
            .ok_or_else(|| format!("{call}…) needs a group and an expression"))?;
        let parts: Vec<String> = self
            .roles(group.trim())?
            .iter()
            .map(|role| format!("({})", filled(body.trim(), role)))
            .collect();
        let rest = self.joined(&inside[end + 1..])?;
        Ok(format!("{}({}){rest}", &text[..at], parts.join(by)))
    }
}

fn each(value: &Toml) -> Option<&str> {
    value.get("each")?.as_str()
}

fn of_role(value: Toml, role: &str) -> Toml {
    match value {
        Toml::String(text) => Toml::String(filled(&text, role)),
        Toml::Array(values) => {
            Toml::Array(values.into_iter().map(|one| of_role(one, role)).collect())
        }
        Toml::Table(table) => Toml::Table(
            table
                .into_iter()
                .map(|(key, value)| (key, of_role(value, role)))
                .collect(),
        ),
        other => other,
    }
}

fn filled(text: &str, role: &str) -> String {
    text.replace("{role}", role).replace("{who}", who(role))
}

/// Where a function is called, not where another one's name ends like its.
fn find_call(text: &str, call: &str) -> Option<usize> {
    text.match_indices(call).map(|(at, _)| at).find(|at| {
        let before = text[..*at].chars().next_back();
        before.is_none_or(|c| !(c.is_alphanumeric() || c == '_' || c == '.'))
    })
}

/// The place of the bracket that ends what is inside; brackets in texts do not count.
fn end_of(inside: &str) -> Option<usize> {
    let (mut depth, mut quote) = (0_usize, None);
    for (at, c) in inside.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') if depth == 0 => return Some(at),
            (None, ')') => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups() -> Groups {
        let text = "[[group]]\nname = \"heirs\"\nrole = \"heir\"\nfirst = 2\nlast = 3\n";
        let mut files = PolicyFiles::default();
        files
            .files
            .insert("national/estate.toml".into(), text.into());
        Groups::of(&files)
    }

    #[test]
    fn what_follows_each_other_is_repeated_together_and_the_rest_stays() {
        let text = r#"
            [[needs]]
            type = "own.person"
            role = "applicant"
            [[needs]]
            each = "heirs"
            type = "police.kinship"
            role = "{role}"
            [[needs]]
            each = "heirs"
            type = "unionpay.card_auth"
            role = "{role}"
            keys = { card_no = "form.{role}_card_no" }
            [[name]]
            label = "{who}"
            roles = ["applicant", "heirs"]
        "#;
        let table = groups().written_out(text).expect("right").expect("more");
        let needs: Vec<(&str, &str)> = table["needs"]
            .as_array()
            .expect("needs")
            .iter()
            .map(|one| {
                (
                    one["role"].as_str().expect("a role"),
                    one["type"].as_str().expect("a type"),
                )
            })
            .collect();
        assert_eq!(
            needs,
            [
                ("applicant", "own.person"),
                ("heir_2", "police.kinship"),
                ("heir_2", "unionpay.card_auth"),
                ("heir_3", "police.kinship"),
                ("heir_3", "unionpay.card_auth"),
            ]
        );
        assert_eq!(
            table["needs"][4]["keys"]["card_no"].as_str(),
            Some("form.heir_3_card_no")
        );
        let roles: Vec<&str> = table["name"][0]["roles"]
            .as_array()
            .expect("roles")
            .iter()
            .filter_map(Toml::as_str)
            .collect();
        assert_eq!(roles, ["applicant", "heir_2", "heir_3"]);
        assert_eq!(groups().written_out("a = 1").expect("right"), None);
    }

    #[test]
    fn an_expression_is_joined_for_each_role() {
        let joined = |text: &str| groups().joined(text);
        assert_eq!(
            joined(r#"a && all_of(heirs, !has(form.{role}_id_no) || {role}.kin in [")"])"#)
                .as_deref(),
            Ok(
                r#"a && ((!has(form.heir_2_id_no) || heir_2.kin in [")"]) && (!has(form.heir_3_id_no) || heir_3.kin in [")"]))"#
            )
        );
        assert_eq!(
            joined("x + sum_of(heirs, f({role})) + sum_of(heirs, 1)").as_deref(),
            Ok("x + ((f(heir_2)) + (f(heir_3))) + ((1) + (1))")
        );
        assert_eq!(joined("at_all_of(x)").as_deref(), Ok("at_all_of(x)"));
        for wrong in ["all_of(nobody, 1)", "any_of(heirs)", "any_of(heirs, (1)"] {
            assert!(joined(wrong).is_err(), "{wrong}");
        }
    }
}
