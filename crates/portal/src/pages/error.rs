//! 出错的页面: says whose fault it is, that nothing was paid, what to do next, and a number to quote. A handler answers with a
//! [`PageError`]; the page layers draw it, since they know how this person wants pages to look.

use anju_casework::Refusal;
use askama::Template;
use askama_web::WebTemplate;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::components::{Button, ButtonLook, Text, filters};
use crate::frame::PlainFrame;
use crate::open::is_database_away;
use crate::security::Visit;

/// Why there is no page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageError {
    /// No such page, or nothing of this person by that number: the two look alike on purpose.
    NotFound,
    /// Nobody is logged in; the log-in page of the place comes back to this page.
    LogIn,
    /// The session of a form had ended; what was typed waits (`crate::unsent`).
    LogInAgain {
        /// What comes after the log-in.
        next: String,
        /// The log-in page that leads there.
        log_in: String,
    },
    /// The employer has no account yet: there is one page for that.
    OpenFirst,
    /// The roles of this person do not open it.
    Forbidden(String),
    /// The form is of another session, or not ours.
    Stale,
    /// The form or file is too large.
    TooLarge,
    /// Too many tries.
    TooMany {
        /// Until the next is allowed.
        seconds: u64,
    },
    /// A command said no: its title and what to do.
    Refused {
        /// 与已有的办理冲突.
        title: String,
        /// What is wrong and what to do.
        detail: String,
        /// Its status.
        status: u16,
    },
    /// The database is away for a moment.
    Unavailable,
    /// A fault of ours, already logged under this number.
    Failed {
        /// Four characters, easy to say on the phone.
        number: String,
    },
}

impl PageError {
    /// Logs a fault once, with its whole chain, under a number that the person can quote.
    #[must_use]
    pub fn failed(fault: &(dyn std::error::Error + 'static)) -> PageError {
        let number = quotable();
        let mut chain = fault.to_string();
        let mut below = fault.source();
        while let Some(cause) = below {
            chain = format!("{chain}: {cause}");
            below = cause.source();
        }
        tracing::error!(number, fault = chain, "a page failed");
        PageError::Failed { number }
    }

    /// A handler panicked; the hook has printed where.
    #[must_use]
    pub fn panicked() -> PageError {
        let number = quotable();
        tracing::error!(number, "a page panicked");
        PageError::Failed { number }
    }

    /// As a response.
    #[must_use]
    pub fn into_answer(self) -> Response {
        self.into_response()
    }

    fn status(&self) -> StatusCode {
        match self {
            PageError::NotFound => StatusCode::NOT_FOUND,
            PageError::LogIn | PageError::LogInAgain { .. } => StatusCode::UNAUTHORIZED,
            PageError::OpenFirst => StatusCode::CONFLICT,
            PageError::Forbidden(_) | PageError::Stale => StatusCode::FORBIDDEN,
            PageError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            PageError::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            PageError::Refused { status, .. } => {
                StatusCode::from_u16(*status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY)
            }
            PageError::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            PageError::Failed { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<anju_casework::Error> for PageError {
    fn from(error: anju_casework::Error) -> PageError {
        match error {
            anju_casework::Error::Refused(refusal) => PageError::from(*refusal),
            anju_casework::Error::Failed(fault) if is_database_away(&fault) => {
                PageError::Unavailable
            }
            anju_casework::Error::Failed(fault) => PageError::failed(&fault),
        }
    }
}

impl From<Refusal> for PageError {
    fn from(refusal: Refusal) -> PageError {
        match refusal.status {
            404 => PageError::NotFound,
            403 => PageError::Forbidden(refusal.detail),
            status => PageError::Refused {
                title: refusal.title,
                detail: refusal.detail,
                status,
            },
        }
    }
}

impl From<anju_ledger::Error> for PageError {
    fn from(error: anju_ledger::Error) -> PageError {
        anju_casework::Error::from(error).into()
    }
}

impl From<sqlx::Error> for PageError {
    fn from(error: sqlx::Error) -> PageError {
        anju_casework::Error::from(error).into()
    }
}

impl IntoResponse for PageError {
    /// A bare status that carries the error to the layer that draws it.
    fn into_response(self) -> Response {
        let mut answer = self.status().into_response();
        answer.extensions_mut().insert(self);
        answer
    }
}

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "site/error.html")]
pub struct ErrorPage {
    frame: PlainFrame,
    status: StatusCode,
    title: String,
    what: Text,
    next: Text,
    number: Option<String>,
    button: Button,
    retry_after: Option<u64>,
}

impl ErrorPage {
    /// Draws an error for this visit.
    #[must_use]
    pub fn of(error: &PageError, visit: &Visit) -> ErrorAnswer {
        let (place, place_name, home) = place_of(&visit.path);
        let back = || Button::link("回到首页", ButtonLook::Plain, home);
        let (title, what, next, number, button) = match error {
            PageError::NotFound if place == "desk" => (
                "没有这一页",
                "地址或编号可能写错了，或者这件事归别的网点办。".into(),
                Text::from("回到首页，按证件号、账号、办件号或单位号可以再找。"),
                None,
                back(),
            ),
            PageError::NotFound => (
                "没有这一页",
                "地址可能写错了，或者这个编号不是您的。".into(),
                Text::from("从首页可以找到您的办件和账户。"),
                None,
                back(),
            ),
            PageError::LogIn => (
                "请先登录",
                "页面打开太久，为了安全已退出，或者您还没有登录。".into(),
                "登录后从首页可以回到这一步，办件都在。".into(),
                None,
                Button::go("去登录", log_in_of(&visit.path)),
            ),
            PageError::LogInAgain { next, log_in } => (
                "请重新登录",
                "页面打开太久，为了安全已退出。刚才的没有提交。".into(),
                Text::from(next.as_str()),
                None,
                Button::go("去登录", log_in.as_str()),
            ),
            PageError::OpenFirst => (
                "单位还没有公积金账户",
                "先开户，再办其他业务。".into(),
                "执照上的信息已经带出，补几项就好。".into(),
                None,
                Button::go("去开户", "/unit/open"),
            ),
            PageError::Forbidden(why) => (
                "您的岗位不能打开这一页",
                Text::from(why.as_str()),
                match place {
                    "desk" => "您的岗位能打开的，都在柜面各页的栏目里。要办这一项，请找有这个岗位的同事，或请负责人给您加岗位。",
                    _ => "您能办的从首页可以找到。要办这一项，请找有权限的同事。",
                }
                .into(),
                None,
                back(),
            ),
            PageError::Stale => (
                "请再试一次",
                "这一页打开太久，或者是从别的网站发来的，为了安全没有提交。".into(),
                "返回上一页刷新后再提交，什么都没有办成，也没有扣款。".into(),
                None,
                back(),
            ),
            PageError::TooLarge => (
                "文件太大",
                "文件最多 20 MB，名册最多 50,000 行。".into(),
                "请删掉图片和多余的工作表，再传一次。".into(),
                None,
                back(),
            ),
            PageError::TooMany { seconds } => (
                "试得太快了",
                Text::new()
                    .say("为了保护您的账户，请 ")
                    .num(seconds)
                    .say(" 秒后再试。"),
                "没有办成什么，也没有扣款。".into(),
                None,
                back(),
            ),
            PageError::Refused { title, detail, .. } => (
                title.as_str(),
                Text::from(detail.as_str()),
                "什么都没有改变，也没有扣款。".into(),
                None,
                back(),
            ),
            PageError::Unavailable => (
                "我们正在恢复",
                "系统刚刚断开，正在恢复，一般不到一分钟。".into(),
                "请过一会儿再试。您提交过的不会丢，也不会办两次。".into(),
                None,
                back(),
            ),
            PageError::Failed { number } => (
                "我们这边出错了",
                "没有扣款，也没有办成。".into(),
                Text::new()
                    .say("请过几分钟再试；打 ")
                    .num(&visit.centre.hotline)
                    .say(" 时请报下面的编号。"),
                Some(number.clone()),
                back(),
            ),
        };
        let retry_after = match error {
            PageError::TooMany { seconds } => Some(*seconds),
            PageError::Unavailable => Some(5),
            _ => None,
        };
        let page = ErrorPage {
            frame: PlainFrame {
                head: visit.head(title).failed(true),
                place,
                place_name,
                back: None,
            },
            status: error.status(),
            title: title.to_owned(),
            what,
            next,
            number,
            button,
            retry_after,
        };
        ErrorAnswer(page)
    }
}

/// An error page with its status.
pub struct ErrorAnswer(ErrorPage);

impl ErrorAnswer {
    /// The page without its status.
    #[must_use]
    pub fn page(&self) -> &ErrorPage {
        &self.0
    }
}

impl IntoResponse for ErrorAnswer {
    fn into_response(self) -> Response {
        let (status, retry_after) = (self.0.status, self.0.retry_after);
        let mut answer = self.0.into_response();
        *answer.status_mut() = status;
        if let Some(seconds) = retry_after {
            answer
                .headers_mut()
                .insert(axum::http::header::RETRY_AFTER, seconds.into());
        }
        answer
    }
}

/// Place, its name and its front page by the first part of a path.
#[must_use]
pub fn place_of(path: &str) -> (&'static str, &'static str, &'static str) {
    match path.split('/').nth(1) {
        Some("desk") => ("desk", "柜面", "/desk"),
        Some("unit") => ("unit", "单位", "/unit"),
        Some("my") => ("my", "我的", "/my"),
        _ => ("my", "公积金", "/"),
    }
}

/// The log-in page of a path's place, which comes back to it.
#[must_use]
pub fn log_in_of(path: &str) -> String {
    let page = match place_of(path).0 {
        "desk" => "/login/staff",
        "unit" => "/login/unit",
        _ => "/login",
    };
    if path.starts_with('/') && path.is_ascii() {
        format!("{page}?back={}", back_in_query(path))
    } else {
        page.to_owned()
    }
}

/// An address of ours as the value of `back`: what would end the value is encoded, paths stay as they read.
#[must_use]
pub fn back_in_query(address: &str) -> String {
    let mut value = String::with_capacity(address.len());
    for letter in address.chars() {
        match letter {
            '%' => value.push_str("%25"),
            '&' => value.push_str("%26"),
            '#' => value.push_str("%23"),
            '+' => value.push_str("%2B"),
            other => value.push(other),
        }
    }
    value
}

/// Four characters without those that sound or look alike.
#[must_use]
pub fn quotable() -> String {
    const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    anju_vault::random::<4>()
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
        .collect()
}
