//! What others say of who joins (PERS-05, PERS-06; contribution.md §3.1): social security, whether he draws a pension; the national platform,
//! whether he has an account in another city. Invariant: a pensioner is not set up; an account elsewhere is told and never refused; a source that
//! is silent stops nobody.

use std::collections::HashMap;

use anju_casework::{Office, Result};
use anju_domain::id_number::IdNumber;

use super::members::Books;
use super::roster::{Change, Column, Elsewhere, Field, Notice, RosterLine};
use super::upload::Police;
use crate::policy::Rules;

/// What is known of somebody outside the centre.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outside {
    /// Draws a pension.
    pub retired: bool,
    /// The centre that keeps an account of his.
    pub centre: Option<String>,
    /// That account is contributed to; else it is sealed.
    pub active: bool,
}

/// What was said of a list.
pub(super) struct Said {
    of: Vec<(u32, IdNumber, Outside)>,
    unasked: Option<(usize, usize)>,
}

/// Asks about whom a list brings. Each is two questions of its own: a list that brings more than policy says is not asked about.
pub(super) async fn ask(
    office: &Office,
    police: &dyn Police,
    lines: &[RosterLine],
    books: &Books,
    is_first: bool,
) -> Result<Said> {
    let joining: Vec<(u32, IdNumber)> = lines
        .iter()
        .filter(|line| {
            line.change == Field::Given(Change::Add) || (is_first && line.change == Field::Empty)
        })
        .filter_map(|line| Some((line.row, line.id_number.given()?.clone())))
        .filter(|(_, id)| !books.members.contains_key(id))
        .collect();
    let most = Rules::on(office, office.today()).int("joining_asked_people")?;
    let most = usize::try_from(most).unwrap_or(0);
    if joining.len() > most {
        return Ok(Said {
            of: Vec::new(),
            unasked: Some((joining.len(), most)),
        });
    }
    if joining.is_empty() {
        return Ok(Said {
            of: Vec::new(),
            unasked: None,
        });
    }
    let ids: Vec<String> = joining
        .iter()
        .map(|(_, id)| id.expose().to_owned())
        .collect();
    let answers = police.outside(&ids).await;
    Ok(Said {
        of: joining
            .into_iter()
            .zip(answers)
            .map(|((row, id), said)| (row, id, said))
            .collect(),
        unasked: None,
    })
}

impl Said {
    /// Who has retired is so in what the list is held against; accounts in other cities are told.
    pub(super) fn tell(self, elsewhere: &mut HashMap<IdNumber, Elsewhere>) -> Vec<Notice> {
        let mut notices = Vec::new();
        if let Some((people, most)) = self.unasked {
            let message = format!(
                "新增 {people} 人，超过一次逐人查询的 {most} 人，没有查询退休和外地账户；已办退休的请不要新增，有外地账户的请提醒职工办理异地转移接续。"
            );
            notices.push(Notice::whole("W-PERS-05", message));
        }
        for (row, id, said) in self.of {
            if said.retired {
                elsewhere.insert(id, Elsewhere::Retired);
                continue;
            }
            let Some(centre) = said.centre else { continue };
            let message = if said.active {
                format!(
                    "第 {row} 行：该职工在{centre}已有住房公积金账户，请提醒职工办理异地转移接续。"
                )
            } else {
                format!(
                    "第 {row} 行：该职工在{centre}有已封存的住房公积金账户，开户后可以办理异地转移接续，把余额转来。"
                )
            };
            notices.push(Notice::cell(
                Some(row),
                Column::IdNumber,
                "W-PERS-05",
                message,
            ));
        }
        notices
    }
}
