//! `/my/credit`: which banks a person lets see his contributions, what they said, and the way to recommend himself to another.

use anju_business::contribution::credit::{self, Referral, state};
use anju_casework::{Office, case};
use anju_domain::money::Fen;
use axum::extract::State;

use crate::authorization::Me;
use crate::components::{Button, Row, Rows, Text};
use crate::frame::MyTab;
use crate::my::frame;
use crate::pages::error::PageError;
use crate::pages::my::FlexiblePage;
use crate::security::Visit;
use crate::serve::Portal;
use crate::unit::credit::{bank_name, consent_words, shown};

const APPLY: &str = "/my/do/employee-credit-referral";

/// Referrals that the page shows.
const SHOWN: i64 = 20;

/// `GET /my/credit`.
pub(crate) async fn page(
    State(portal): State<Portal>,
    visit: Visit,
    me: Me,
) -> Result<FlexiblePage, PageError> {
    let office = &portal.engine.office;
    let referrals = credit::of_applicant(office, me.person_id, SHOWN).await?;
    Ok(FlexiblePage {
        frame: frame(&visit, "授信推荐", MyTab::Me, Some(("/my/me", "我的"))),
        title: "授信推荐给银行",
        flash: None,
        lead: "按时缴存可以换来银行的授信。您选一家银行，我们只把您同意的几项给它，由银行决定；授权随时可以收回。".into(),
        facts: None,
        button: Some(Button::go("推荐给一家银行", APPLY).wide()),
        lists_name: "推荐过的银行",
        lists: Rows::new(referrals.iter().map(|one| row(office, one)).collect()),
        more: Rows::new(vec![Row::to("/my/consents", "收回授权").icon("key")]),
    })
}

fn row(office: &Office, one: &Referral) -> Row {
    let mut note = Text::new().say("授权").say(consent_words(office, one));
    if one.state == state::GRANTED {
        note = note
            .say("，额度 ")
            .money(Fen::new(one.granted_fen))
            .say("，已用 ")
            .money(Fen::new(one.used_fen));
    }
    if let Some(reason) = &one.reason {
        note = note.say("，银行说：").say(reason);
    }
    let page = format!("/my/cases/{}", case::number(office, one.referral_id));
    Row::to(page, bank_name(office, &one.bank))
        .note(note)
        .value(shown(one.state))
}
