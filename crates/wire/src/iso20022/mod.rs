//! ISO 20022 messages spoken with the banks (银行结算报文): orders, their status, statements, notices.
//!
//! Invariant: what is read is exact or refused. Amounts go from digits to fen without a float, a second `EndToEndId` or a
//! count that differs is an error, and no bytes make a reader panic. What is optional in the schema may be absent, in
//! any namespace prefix. Read `initiation.rs` first.

mod account;
mod collection;
mod initiation;
mod notice;
mod statement;
mod status;
mod total;
mod writer;
mod xml;

pub use account::{Account, Direction, Entry, EntryDetail, Return};
pub use collection::{CollectionInitiation, DirectDebit};
pub use initiation::{CreditTransfer, PaymentInformation, PaymentInitiation};
pub use notice::{AccountNotice, Notice};
pub use statement::{AccountStatement, Statement};
pub use status::{Original, Reason, Status, StatusReport, TransferStatus};

/// 报文错误. Why a message cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IsoError {
    /// The bytes are not UTF-8.
    #[error("报文不是 UTF-8 编码")]
    NotUtf8,
    /// The bytes are not well-formed XML.
    #[error("报文第 {at} 字节处不是合格的 XML：{why}")]
    NotXml {
        /// Byte offset.
        at: u64,
        /// What the XML reader said.
        why: String,
    },
    /// A document type or an entity of its own: never part of these messages, often an attack.
    #[error("报文带有文档类型或实体声明，拒收")]
    DocumentType,
    /// Deeper or longer than any honest message.
    #[error("报文超过允许的大小或层数")]
    TooLarge,
    /// Another message than the one expected.
    #[error("应为 {expected} 报文，收到的是 {found}")]
    OtherMessage {
        /// Message names that would have been read.
        expected: &'static str,
        /// The namespace or root element found.
        found: String,
    },
    /// An element without which the message means nothing.
    #[error("报文的 {parent} 缺少 {element}")]
    Missing {
        /// Where it should stand.
        parent: String,
        /// Its name.
        element: String,
    },
    /// An element that may stand once stands twice.
    #[error("报文的 {parent} 里 {element} 出现了两次")]
    Repeated {
        /// Where it stands.
        parent: String,
        /// Its name.
        element: String,
    },
    /// A value that the schema or the fund does not allow.
    #[error("报文的 {element} 不对：「{value}」")]
    Value {
        /// The element.
        element: String,
        /// What it holds.
        value: String,
    },
    /// Money in another currency than renminbi.
    #[error("金额的币种应为人民币 CNY，报文写的是「{0}」")]
    Currency(String),
    /// A count or sum that the message states differs from its own lines.
    #[error("报文写明的 {element} 是 {stated}，与明细合计 {counted} 不符")]
    Total {
        /// The element that states it.
        element: &'static str,
        /// What is stated.
        stated: String,
        /// What the lines give.
        counted: String,
    },
}
