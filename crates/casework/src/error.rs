//! Two families of errors, never mixed up: what a person is told, and what went wrong with us.

use serde::Serialize;

/// The result of every command.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a command did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Expected: a stable code and a Chinese text with a remedy. Never logged as an error.
    #[error("refused: {0}")]
    Refused(Box<Refusal>),
    /// Ours: logged once at the top with its whole chain; the person sees a number to quote.
    #[error(transparent)]
    Failed(#[from] Fault),
}

/// One mistake in a list: row as Excel shows it, column by its header's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowFault {
    /// 1-based row; none where no row is meant.
    pub row: Option<u32>,
    /// The header's name; none where no column is meant.
    pub column: Option<String>,
    /// Stable code.
    pub code: String,
    /// What is wrong and what to do, in Chinese.
    pub message: String,
}

/// What a person is told (RFC 9457 at the API).
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{code}")]
pub struct Refusal {
    /// HTTP status that the doors answer with.
    pub status: u16,
    /// Stable code, e.g. `E-W-05`.
    pub code: String,
    /// Short Chinese title.
    pub title: String,
    /// What is wrong, where, and what to do.
    pub detail: String,
    /// All mistakes of a list in one answer.
    pub errors: Vec<RowFault>,
    /// Further members of the problem document, e.g. the living `case_id`.
    pub extra: serde_json::Map<String, serde_json::Value>,
}

impl Refusal {
    /// A refusal with a status, a code and a text.
    pub fn new(status: u16, code: &str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            title: match status {
                401 => "需要登录",
                403 => "没有权限",
                404 => "没有找到",
                409 => "与已有的办理冲突",
                413 => "内容太大",
                429 => "操作太频繁",
                503 => "暂时不能办理",
                _ => "提交的内容需要修改",
            }
            .to_owned(),
            detail: detail.into(),
            errors: Vec::new(),
            extra: serde_json::Map::new(),
        }
    }

    /// The content is understood and not acceptable: 422.
    pub fn rule(code: &str, detail: impl Into<String>) -> Self {
        Self::new(422, code, detail)
    }

    /// There is no such thing: 404.
    pub fn not_found(what: &str) -> Self {
        Self::new(404, "E-API-04", format!("没有找到{what}，请核对后再试。"))
    }

    /// With a further member of the problem document.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.extra.insert(name.to_owned(), value.into());
        self
    }

    /// A broken rule that is told by its mistakes: the first speaks for all. None where there is no mistake.
    #[must_use]
    pub fn of_mistakes(errors: Vec<RowFault>) -> Option<Self> {
        let first = errors.first()?;
        let (code, message) = (first.code.clone(), first.message.clone());
        Some(Self::rule(&code, message).with_errors(errors))
    }

    /// Told at one field of a form.
    #[must_use]
    pub fn at(mut self, field: &str) -> Self {
        self.errors = vec![RowFault {
            row: None,
            column: Some(field.to_owned()),
            code: self.code.clone(),
            message: self.detail.clone(),
        }];
        self
    }

    /// With all mistakes of a list.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<RowFault>) -> Self {
        self.errors = errors;
        self
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

/// What went wrong with us.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The database did not do what it was asked.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// The ledger refused a booking that should have been possible.
    #[error("ledger: {0}")]
    Ledger(#[from] anju_ledger::Error),
    /// A sealed value could not be opened or a key is missing.
    #[error("vault: {0}")]
    Vault(#[from] anju_vault::VaultError),
    /// A stored value does not have the shape that we wrote.
    #[error("stored value: {0}")]
    Stored(String),
    /// The policy lacks something that it promised when it was loaded.
    #[error("policy: {0}")]
    Policy(String),
    /// The outside did not answer where an answer was needed at once.
    #[error("outside: {0}")]
    Outside(String),
    /// What was read without a lock has moved: nothing was written, read and decide again.
    #[error("moved meanwhile: {0}")]
    Moved(&'static str),
}

impl Fault {
    /// Whether two transactions waited for each other and this one gave way: nothing was written, it may be tried again.
    #[must_use]
    pub fn is_deadlock(&self) -> bool {
        matches!(self, Self::Database(error)
            if error.as_database_error().and_then(|error| error.code()).as_deref() == Some("40P01"))
    }
}

impl Error {
    /// Whether something moved between reading and writing: the whole transaction is undone, and it may be read and decided again.
    #[must_use]
    pub const fn moved_meanwhile(&self) -> bool {
        matches!(self, Self::Failed(Fault::Moved(_)))
    }

    /// The database's code, where it is what failed.
    pub fn database_code(&self) -> Option<String> {
        match self {
            Self::Failed(Fault::Database(error)) => {
                Some(error.as_database_error()?.code()?.into_owned())
            }
            _ => None,
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(Fault::Database(error))
    }
}

impl From<anju_ledger::Error> for Error {
    fn from(error: anju_ledger::Error) -> Self {
        Self::Failed(Fault::Ledger(error))
    }
}

impl From<anju_vault::VaultError> for Error {
    fn from(error: anju_vault::VaultError) -> Self {
        Self::Failed(Fault::Vault(error))
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Failed(Fault::Stored(error.to_string()))
    }
}
