//! `/desk`: handlers of staff. A teller sees the person who stands at the window, a reviewer what his branch keeps, an
//! accountant or auditor the centre; each look at a person is written down with its reason at once.

mod agreements;
mod apply;
mod arrears;
mod asking;
mod blacklist;
mod books;
mod branches;
mod by_state;
mod case;
mod case_papers;
mod chase;
mod claim;
mod close;
mod corrections;
pub(crate) mod court;
mod court_new;
mod credit;
mod customer;
mod deaths;
mod employers;
mod enforcement;
mod entitled;
mod environment;
mod estates;
mod flexible;
mod holds;
mod identify;
mod interest;
mod late;
mod opening;
mod ops;
mod paper_fields;
mod policy;
mod policy_edit;
mod policy_levy;
mod policy_notice;
mod policy_person;
mod policy_result;
mod recoveries;
mod relief;
mod search;
mod services;
pub(crate) mod services_drawn;
mod sources;
mod subject;
mod suspense;
mod tasks;
mod transfers;

use std::collections::HashMap;

use anju_business::books::day_close;
use anju_business::contribution::{correction, suspense as suspense_match};
use anju_business::fraud::entry;
use anju_business::sharing::death;
use anju_casework::case::{self as cases, CaseState};
use anju_casework::staff::{self, Staff, role};
use anju_casework::{Actor, Office, access_log};
use anju_domain::calendar::chinese_day;
use axum::Router;
use axum::http::Method;
use axum::routing::{get, post};
use chrono::NaiveDate;

use crate::authorization::{AtDesk, may, role_name};
use crate::components::Text;
use crate::frame::{DeskFrame, RailGroup, RailLink};
use crate::pages::desk::KeysPage;
use crate::pages::error::PageError;
use crate::pages::styleguide::{self, StyleGuidePage};
use crate::security::Visit;
use crate::serve::Portal;
use crate::shares;

use crate::sessions;
pub(crate) use case::found as case_found;

pub(crate) use enforcement::{papers_table, people_table};
pub(crate) use search::find;
pub(crate) use sources::failure_words;

/// Routes of `/desk`, but for the search, whose rate is limited.
pub(crate) fn routes() -> Router<Portal> {
    Router::new()
        .route("/desk", get(tasks::home))
        .route("/desk/tasks", get(tasks::page))
        .route("/desk/tasks/next", get(tasks::next))
        .route("/desk/cases/{case}", get(case::page))
        .route("/desk/cases/{case}/check", post(case::check))
        .route("/desk/cases/{case}/papers", post(case_papers::hand_in))
        .route("/desk/papers", get(case_papers::list))
        .route(
            "/desk/papers/{paper}",
            get(case_papers::page).post(case_papers::step),
        )
        .route("/desk/papers/{paper}/picture", get(case_papers::picture))
        .route("/desk/cases/{case}/proof.json", get(case::proof))
        .route(
            "/desk/identify",
            get(identify::page).post(identify::identify),
        )
        .route(
            "/desk/employers/open",
            get(opening::page).post(opening::submit),
        )
        .route(
            "/desk/employers",
            get(employers::page).post(employers::find),
        )
        .route("/desk/employers/serve", post(employers::serve))
        .route("/desk/leave", post(identify::leave))
        .route("/desk/do/{service}", get(apply::check).post(apply::submit))
        .route("/desk/do/{service}/why", get(apply::why))
        .route("/desk/people/{person}", get(customer::page))
        .route("/desk/people/{person}/serve", post(identify::serve))
        .route("/desk/people/{person}/hold", post(customer::hold))
        .route("/desk/people/{person}/reveal", post(customer::reveal))
        .route("/desk/sessions", get(sessions::of_staff))
        .route("/desk/sessions/end", post(sessions::end_of_staff))
        .route("/desk/keys", get(keys))
        .route("/desk/styleguide", get(style_guide))
        .route("/desk/environment", get(environment::page))
        .route("/desk/entitled", get(entitled::page))
        .route("/desk/services", get(services::page))
        .route("/desk/services.csv", get(services::csv))
        .route("/desk/services.xlsx", get(services::xlsx))
        .route("/desk/services/list", get(services::list))
        .route("/desk/ops", get(ops::page))
        .route("/desk/sources", get(sources::list))
        .route("/desk/sources/{source}", get(sources::page))
        .route("/desk/sources/{source}/files/{file}", post(asking::again))
        .route("/desk/deaths", get(deaths::page).post(deaths::decide))
        .route("/desk/court", get(court::list))
        .route(
            "/desk/court/new",
            get(court_new::new).post(court_new::enter),
        )
        .route("/desk/court/{number}", get(court::page))
        .route("/desk/court/{number}/check", post(court::check))
        .route("/desk/court/{number}/receipt.pdf", get(court::receipt))
        .route("/desk/court/{number}/proof.json", get(court::proof))
        .route("/desk/holds", get(holds::list))
        .route("/desk/holds/{case}", get(holds::page).post(holds::conclude))
        .route(
            "/desk/blacklist",
            get(blacklist::list).post(blacklist::enter),
        )
        .route("/desk/blacklist.csv", get(blacklist::sheet))
        .route(
            "/desk/blacklist/{entry}",
            get(blacklist::page).post(blacklist::decide),
        )
        .route("/desk/blacklist/{entry}/answer", post(blacklist::answer))
        .route("/desk/blacklist/{entry}/proof.json", get(blacklist::proof))
        .route("/desk/recoveries", get(recoveries::list))
        .route(
            "/desk/recoveries/{case}",
            get(recoveries::page).post(recoveries::decide),
        )
        .route("/desk/estates", get(estates::page).post(estates::propose))
        .route("/desk/estates/{notice}", post(estates::decide))
        .route(
            "/desk/cases/{case}/shares/{place}",
            get(shares::ask_at_desk).post(shares::give_at_desk),
        )
        .route("/desk/arrears", get(arrears::page))
        .route("/desk/arrears/{employer}", get(arrears::of_employer))
        .route("/desk/enforcement", get(enforcement::list))
        .route(
            "/desk/enforcement/{number}",
            get(enforcement::page).post(enforcement::step),
        )
        .route("/desk/enforcement/{number}/check", post(enforcement::check))
        .route(
            "/desk/enforcement/{number}/papers/{step}",
            get(enforcement::paper),
        )
        .route("/desk/suspense", get(suspense::page))
        .route("/desk/suspense/old", get(chase::page).post(chase::own))
        .route("/desk/suspense/closed", get(late::page))
        .route("/desk/suspense/closed/{id}", post(late::step))
        .route("/desk/suspense/{id}/claim", post(claim::claim))
        .route("/desk/suspense/{id}/check", post(claim::check))
        .route(
            "/desk/corrections",
            get(corrections::page).post(corrections::propose),
        )
        .route("/desk/corrections/{id}/check", post(corrections::check))
        .route("/desk/credit", get(credit::page))
        .route("/desk/credit/list", get(credit::list))
        .route("/desk/agreements", get(agreements::page))
        .route("/desk/relief", get(relief::page))
        .route("/desk/relief/list", get(relief::list))
        .route("/desk/policy", get(policy::list).post(policy::begin))
        .route("/desk/policy/{change}", get(policy::page))
        .route("/desk/policy/{change}/row", post(policy_edit::put_row))
        .route("/desk/policy/{change}/file", post(policy_edit::put_file))
        .route("/desk/policy/{change}/step", post(policy::step))
        .route(
            "/desk/policy/{change}/steps/{seq}/proof.json",
            get(policy::proof),
        )
        .route("/desk/policy/{change}/simulation", get(policy_result::page))
        .route("/desk/policy/{change}/people", get(policy_result::list))
        .route("/desk/policy/{change}/people.csv", get(policy_result::csv))
        .route(
            "/desk/policy/{change}/people.xlsx",
            get(policy_result::xlsx),
        )
        .route("/desk/policy/{change}/notice.pdf", get(policy_notice::pdf))
        .route(
            "/desk/policy/{change}/people/{person}",
            get(policy_person::one),
        )
        .route(
            "/desk/policy/{change}/notice",
            get(policy_notice::page).post(policy_notice::keep),
        )
        .route("/desk/transfers", get(transfers::list_page))
        .route("/desk/transfers/{case}", get(transfers::page))
        .route("/desk/transfers/{case}/propose", post(transfers::propose))
        .route("/desk/transfers/{case}/confirm", post(transfers::confirm))
        .route(
            "/desk/branches",
            get(branches::page).post(branches::propose),
        )
        .route("/desk/branches/{id}/check", post(branches::check))
        .route("/desk/books/trial-balance", get(books::trial_balance))
        .route(
            "/desk/books/trial-balance.csv",
            get(books::trial_balance_csv),
        )
        .route("/desk/books/subject", get(subject::days))
        .route("/desk/books/journals", get(subject::journals))
        .route("/desk/books/close", get(close::close))
        .route("/desk/books/close/{date}/proof.json", get(close::proof))
        .route("/desk/books/close/propose", post(close::propose))
        .route("/desk/books/close/confirm", post(close::confirm))
        .route(
            "/desk/books/interest",
            get(interest::page).post(interest::step),
        )
        .route(
            "/desk/flexible",
            get(flexible::page).post(flexible::register),
        )
}

/// Address, words and keys of an entry of the rail.
type Entry = (&'static str, &'static str, &'static str);

/// Groups of the rail: head and entries.
const RAIL: [(&str, &[Entry]); 4] = [
    (
        "柜面",
        &[
            ("/desk/tasks", "任务", "g t"),
            ("/desk/papers", "补正材料", "g p"),
            ("/desk/identify", "客户核身", "g c"),
            ("/desk/employers", "单位业务", "g u"),
            ("/desk/entitled", "服务找人", "g f"),
            ("/desk/relief", "困难帮扶", "g r"),
            ("/desk/deaths", "死亡信号", "g z"),
            ("/desk/court", "司法协助", "g j"),
            ("/desk/holds", "核查", "g h"),
            ("/desk/blacklist", "失信名单", "g l"),
            ("/desk/recoveries", "追回", "g v"),
            ("/desk/estates", "遗产登记", "g k"),
            ("/desk/credit", "定向授信", "g x"),
            ("/desk/agreements", "约定提取", "g p"),
            ("/desk/transfers", "异地转移", "g m"),
            ("/desk/employers/open", "单位开户", "g e"),
        ],
    ),
    ("归集", &[("/desk/arrears", "欠缴催缴", "g a")]),
    (
        "账务",
        &[
            ("/desk/suspense", "暂收待查", "g s"),
            ("/desk/corrections", "错账调整", "g e"),
            ("/desk/books/trial-balance", "试算平衡", "g b"),
            ("/desk/branches", "网点", "g n"),
            ("/desk/books/close", "日结", "g d"),
            ("/desk/books/interest", "年度结息", "g i"),
            ("/desk/flexible", "灵活就业补贴", "g f"),
        ],
    ),
    (
        "系统",
        &[
            ("/desk/ops", "运行", "g o"),
            ("/desk/sources", "数据来源", "g q"),
            ("/desk/services", "服务效能", "g w"),
            ("/desk/environment", "营商环境", "g y"),
            ("/desk/policy", "政策变更", "g p"),
        ],
    ),
];

fn may_open(staff: &Staff, path: &str) -> bool {
    may(staff, &Method::GET, path)
}

/// The frame of a member of staff: what his roles open, and the business day.
pub(crate) async fn framed(
    office: &Office,
    visit: &Visit,
    at: &AtDesk,
    title: &str,
    here: &'static str,
) -> Result<DeskFrame, PageError> {
    let open = day_close::open_date(office).await?;
    framed_on(office, visit, at, title, here, open).await
}

/// The same for a page that has asked for the open day anyway.
async fn framed_on(
    office: &Office,
    visit: &Visit,
    at: &AtDesk,
    title: &str,
    here: &'static str,
    open: NaiveDate,
) -> Result<DeskFrame, PageError> {
    let mut waiting: HashMap<&str, i64> = HashMap::new();
    if may_open(&at.staff, "/desk/tasks") {
        let cases = cases::count_open(office, CaseState::Reviewing, branch_of(&at.staff)).await?;
        waiting.insert("/desk/tasks", cases);
    }
    if may_open(&at.staff, "/desk/suspense") {
        waiting.insert(
            "/desk/suspense",
            suspense_match::count_waiting(office).await?,
        );
    }
    if may_open(&at.staff, "/desk/corrections") {
        waiting.insert(
            "/desk/corrections",
            correction::count_waiting(office).await?,
        );
    }
    if may_open(&at.staff, "/desk/deaths") {
        waiting.insert(
            "/desk/deaths",
            death::waiting(office, branch_of(&at.staff)).await?,
        );
    }
    if may_open(&at.staff, "/desk/court") {
        waiting.insert("/desk/court", anju_business::court::waiting(office).await?);
    }
    if may_open(&at.staff, "/desk/holds") {
        let branch = branch_of(&at.staff);
        let held = cases::hold::count_held(office, branch).await?;
        waiting.insert("/desk/holds", held);
        let suspect = entry::count_suspect(office, branch).await?;
        waiting.insert("/desk/blacklist", suspect);
    }
    if may_open(&at.staff, "/desk/arrears") {
        waiting.insert("/desk/arrears", arrears::waiting(office, &at.staff).await?);
    }
    let first_role = at.staff.roles.first().map_or("", |role| role_name(role));
    let rail = RAIL
        .iter()
        .map(|(name, links)| RailGroup {
            name,
            links: links
                .iter()
                .filter(|(href, ..)| may_open(&at.staff, href))
                .map(|(href, name, key)| RailLink {
                    href,
                    name,
                    key,
                    count: waiting.get(href).copied().filter(|count| *count > 0),
                })
                .collect(),
        })
        .filter(|group: &RailGroup| !group.links.is_empty())
        .collect();
    let serving = at.session.serving().map(|(person, _)| {
        let page = format!("/desk/people/{}", person_number(office, person));
        Text::new().say("窗口前：").link(page, "这位客户")
    });
    let serving = serving.or_else(|| {
        at.session
            .served_employer
            .map(|_| Text::new().say("窗口前：").link("/unit", "这个单位"))
    });
    Ok(DeskFrame {
        head: visit.head(title),
        rail,
        here,
        staff: format!("{}{first_role}", staff_name(&at.staff)),
        serving,
        status: vec![
            Text::new()
                .say("营业日 ")
                .strong(chinese_day(open))
                .say(" 已开账"),
        ],
    })
}

/// 张*（3021）.
pub(crate) fn staff_name(staff: &Staff) -> String {
    format!(
        "{}（{}）",
        anju_domain::name::mask(&staff.name),
        staff.number
    )
}

/// The name of a member of staff, or `unknown` where there is none of this number.
async fn staff_named(office: &Office, staff_id: i64, unknown: &str) -> Result<String, PageError> {
    Ok(staff::get(office, staff_id)
        .await?
        .map_or_else(|| unknown.to_owned(), |staff| staff_name(&staff)))
}

/// 建设银行; its code where the bank is not one of ours any more.
fn bank_name(office: &Office, bank: &str) -> String {
    office
        .bank(bank)
        .map_or_else(|_| bank.to_owned(), |account| account.bank_name.clone())
}

fn person_number(office: &Office, person_id: i64) -> String {
    office
        .numbers
        .encode(anju_vault::NumberKind::Person, person_id)
}

/// Writes down that this member of staff looked at a person.
async fn looked(
    office: &Office,
    at: &AtDesk,
    person_id: i64,
    what: &str,
    reason: &str,
    case_id: Option<i64>,
) -> Result<(), PageError> {
    let actor = Actor::Staff(at.staff.staff_id);
    Ok(access_log::note(office, actor, person_id, what, reason, case_id).await?)
}

/// May this member of staff see what a branch keeps?
fn sees_branch(staff: &Staff, branch_id: i16) -> bool {
    staff.sees_centre() || staff.branch_id == branch_id
}

/// Accountants and auditors read people and cases of the whole centre, without anybody at a window (organisation.md §1).
fn reads_centre(staff: &Staff) -> bool {
    [role::ACCOUNTANT, role::CHIEF_ACCOUNTANT, role::AUDITOR]
        .iter()
        .any(|role| staff.is(role))
}

/// The branch whose cases a member of staff works on; none for the whole centre.
pub(crate) fn branch_of(staff: &Staff) -> Option<i16> {
    (!staff.sees_centre() && !staff.is(role::AUDITOR)).then_some(staff.branch_id)
}

async fn keys(
    axum::extract::State(portal): axum::extract::State<Portal>,
    visit: Visit,
    at: AtDesk,
) -> Result<KeysPage, PageError> {
    let frame = framed(&portal.engine.office, &visit, &at, "快捷键", "").await?;
    Ok(KeysPage { frame })
}

async fn style_guide(
    axum::extract::State(portal): axum::extract::State<Portal>,
    visit: Visit,
    at: AtDesk,
) -> Result<StyleGuidePage, PageError> {
    let frame = framed(&portal.engine.office, &visit, &at, "样式", "").await?;
    Ok(styleguide::draw(frame))
}
