//! What can go wrong with the books, told apart by what the caller does next.

/// Why the ledger did not do it. Nothing is booked when one of these comes back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The business date is not the open one any more: read again and decide again.
    #[error("the business date is not open: {0}")]
    DayNotOpen(String),
    /// No such account, or it is closed.
    #[error("no open account: {0}")]
    NoAccount(String),
    /// The account has not enough that is neither frozen nor reserved.
    #[error("not available: {0}")]
    NotAvailable(String),
    /// A roster's lines do not fit its accounts: one is unknown, sealed, closed or named twice.
    #[error("the allocation does not fit its accounts: {0}")]
    Allocation(String),
    /// The day cannot be closed.
    #[error("the day cannot be closed: {0}")]
    Close(String),
    /// The policy has no interest rate for the day.
    #[error("no interest rate: {0}")]
    NoRate(String),
    /// The session is not named `anju`, so that the close would not see it.
    #[error("the writing session is not named anju: {0}")]
    UnnamedWriter(String),
    /// The entry is malformed: unbalanced, without its amounts or accounts, or reversed before.
    #[error("malformed entry: {0}")]
    Malformed(String),
    /// The key was used before with another content, or by somebody else at this moment: look it up.
    #[error("the key was used before")]
    RepeatedKey,
    /// The entry table is wrong.
    #[error("entry table: {0}")]
    EntryTable(String),
    /// The database failed or cannot be reached.
    #[error("ledger database")]
    Database(#[source] sqlx::Error),
}

/// What the ledger's functions return.
pub type Result<T> = std::result::Result<T, Error>;

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let Some(database) = error.as_database_error() else {
            return Self::Database(error);
        };
        let said = database.message().to_owned();
        match (database.code().as_deref(), database.constraint()) {
            (Some("LD001"), _) => Self::DayNotOpen(said),
            (Some("LD002"), _) => Self::NoAccount(said),
            (Some("LD003"), _) | (_, Some("never_below")) => Self::NotAvailable(said),
            (Some("LD004"), _) => Self::Allocation(said),
            (Some("LD005"), _) => Self::Close(said),
            (Some("LD006"), _) => Self::NoRate(said),
            (Some("LD007"), _) => Self::UnnamedWriter(said),
            (Some("LD008"), _) | (_, Some("posting_check" | "value_not_later" | "two_persons")) => {
                Self::Malformed(said)
            }
            (_, Some("command_pkey")) => Self::RepeatedKey,
            _ => Self::Database(error),
        }
    }
}
