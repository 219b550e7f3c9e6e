//! pain.002, what became of orders (付款状态报告). We write `.12` and read `.03`, `.10` and `.12`.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use anju_domain::money::Fen;

use super::IsoError;
use super::writer::{ID, INFORMATION, Writer};
use super::xml::{self, Element};

const MESSAGE: &str = "pain.002.001.12";
const READABLE: &str = "pain.002.001.03/10/12";

/// 付款状态. Where an order stands at the bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Status {
    /// ACTC: the form is right.
    #[serde(rename = "ACTC")]
    TechnicallyAccepted,
    /// ACCP: the customer's side is checked too.
    #[serde(rename = "ACCP")]
    CustomerAccepted,
    /// ACSP: settlement is under way.
    #[serde(rename = "ACSP")]
    InSettlement,
    /// ACSC: the account that pays is debited; final.
    #[serde(rename = "ACSC")]
    Settled,
    /// RJCT: not executed and will not be; final.
    #[serde(rename = "RJCT")]
    Rejected,
    /// PDNG: the bank does not say yet.
    #[serde(rename = "PDNG")]
    Pending,
}

impl Status {
    /// The code on the wire.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Status::TechnicallyAccepted => "ACTC",
            Status::CustomerAccepted => "ACCP",
            Status::InSettlement => "ACSP",
            Status::Settled => "ACSC",
            Status::Rejected => "RJCT",
            Status::Pending => "PDNG",
        }
    }

    /// What a person is told.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Status::TechnicallyAccepted => "银行已收到，格式无误",
            Status::CustomerAccepted => "银行已受理",
            Status::InSettlement => "银行正在清算",
            Status::Settled => "已付款",
            Status::Rejected => "银行已拒付",
            Status::Pending => "银行处理中",
        }
    }

    fn read(code: &str) -> Result<Status, IsoError> {
        Ok(match code {
            "ACTC" => Status::TechnicallyAccepted,
            "ACCP" => Status::CustomerAccepted,
            "ACSP" => Status::InSettlement,
            "ACSC" => Status::Settled,
            "RJCT" => Status::Rejected,
            "PDNG" => Status::Pending,
            // A status that we do not know must not be taken for one that we do.
            other => return Err(xml::bad("TxSts", other)),
        })
    }
}

/// 原因代码. An ISO external reason code (`AC04`) of at most four characters, or a bank's own text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reason(pub String);

impl Reason {
    /// The bank never received such an order.
    pub const NO_SUCH_ORDER: &'static str = "NOOR";
    /// The paying account lacks money.
    pub const INSUFFICIENT_FUNDS: &'static str = "AM04";
    /// The same end-to-end id with other content.
    pub const DUPLICATE: &'static str = "AM05";
    /// An account number that does not exist.
    pub const INCORRECT_ACCOUNT: &'static str = "AC01";
    /// An account that was closed.
    pub const CLOSED_ACCOUNT: &'static str = "AC04";
    /// The holder of the account has signed no debit, or no longer stands by it (协议无效).
    pub const NO_MANDATE: &'static str = "MD01";

    /// A reason by its code.
    #[must_use]
    pub fn code(code: &str) -> Reason {
        Reason(code.to_owned())
    }

    /// What a person is told.
    #[must_use]
    pub fn words(&self) -> &'static str {
        match self.0.as_str() {
            "AC01" => "账号不正确",
            "AC02" => "付款账号无效",
            "AC03" => "收款账号无效",
            "AC04" => "账户已销户",
            "AC06" => "账户已冻结",
            "AC13" => "账户类型不符",
            "AG01" => "该账户不允许此类交易",
            "AG02" => "交易代码不正确",
            "AM01" => "金额为零",
            "AM02" => "金额超过限额",
            "AM03" => "币种不支持",
            "AM04" => "付款账户余额不足",
            "AM05" => "重复付款",
            "AM09" => "金额不正确",
            "AM10" => "合计金额不符",
            "BE01" => "户名与账号不符",
            "BE04" => "收款人地址缺失",
            "BE05" => "付款人无法识别",
            "CUST" => "客户要求退回",
            "DT01" => "日期无效",
            "ED05" => "清算失败",
            "FF01" => "报文格式有误",
            "MD01" => "扣款协议无效",
            "MD07" => "收款人已死亡",
            "MS02" => "客户未说明原因",
            "MS03" => "银行未说明原因",
            "NARR" => "见附加说明",
            "NOOR" => "银行没有收到过这笔付款",
            "RC01" => "行号不正确",
            "RR04" => "监管原因",
            "TM01" => "已过受理时间",
            _ => "银行给出的其他原因",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.words())
    }
}

/// 原报文. The message that a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Original {
    /// pain.001.
    #[default]
    Payment,
    /// pain.008.
    Collection,
}

impl Original {
    fn name(self) -> &'static str {
        match self {
            Original::Payment => "pain.001.001.09",
            Original::Collection => "pain.008.001.08",
        }
    }
}

/// 付款状态报告. One answer about one message of orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusReport {
    /// The bank's number of this report.
    pub message_id: String,
    /// When it was written.
    pub created: DateTime<Utc>,
    /// Our number of the message of orders.
    pub original_message_id: String,
    /// Which kind of message that was.
    pub original: Original,
    /// The status of the whole message, where the bank gives one.
    pub group: Option<Status>,
    /// Why the whole message was refused.
    pub group_reason: Option<Reason>,
    /// Order by order; may be empty when the whole message has one status.
    pub transfers: Vec<TransferStatus>,
}

/// 单笔状态. Where one order stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferStatus {
    /// Our number of the payment.
    pub end_to_end_id: String,
    /// Where it stands.
    pub status: Status,
    /// Why it was refused.
    pub reason: Option<Reason>,
    /// The bank's own words beside the reason.
    pub detail: Option<String>,
    /// When the bank executed or took it.
    pub accepted_at: Option<DateTime<Utc>>,
    /// 银行流水号: the bank's number of the debit.
    pub bank_reference: Option<String>,
    /// The amount of the order as the bank knows it.
    pub amount: Option<Fen>,
}

impl StatusReport {
    /// Writes the message.
    ///
    /// # Errors
    /// A text that is empty, too long or holds control characters.
    pub fn to_xml(&self) -> Result<String, IsoError> {
        let mut w = Writer::document(MESSAGE);
        w.element("CstmrPmtStsRpt", |w| {
            w.element("GrpHdr", |w| {
                w.text("MsgId", &self.message_id, ID);
                w.instant("CreDtTm", self.created);
            });
            w.element("OrgnlGrpInfAndSts", |w| {
                w.text("OrgnlMsgId", &self.original_message_id, ID);
                w.text("OrgnlMsgNmId", self.original.name(), ID);
                w.optional_text("GrpSts", self.group.map(Status::code), ID);
                write_reason(w, self.group_reason.as_ref(), None);
            });
            if !self.transfers.is_empty() {
                w.element("OrgnlPmtInfAndSts", |w| {
                    w.text("OrgnlPmtInfId", &self.original_message_id, ID);
                    self.transfers.iter().for_each(|transfer| transfer.write(w));
                });
            }
        });
        w.finish()
    }

    /// Reads the message.
    ///
    /// # Errors
    /// Bytes that are not such a message; a status that is not one of ours; a transfer without id or status.
    pub fn parse(bytes: &[u8]) -> Result<StatusReport, IsoError> {
        let (message, content) = xml::read(bytes, READABLE)?;
        if !matches!(
            xml::version_of(&message, "pain.002.001"),
            Some("03" | "10" | "12")
        ) {
            return Err(IsoError::OtherMessage {
                expected: READABLE,
                found: message,
            });
        }
        let header = content.required("GrpHdr")?;
        let group = content.required("OrgnlGrpInfAndSts")?;
        let mut transfers = Vec::new();
        for payment in content.all("OrgnlPmtInfAndSts") {
            for transfer in payment.all("TxInfAndSts") {
                transfers.push(TransferStatus::read(transfer)?);
            }
        }
        Ok(StatusReport {
            message_id: header.required_id("MsgId")?,
            created: header
                .instant("CreDtTm")?
                .ok_or_else(|| IsoError::Missing {
                    parent: "GrpHdr".into(),
                    element: "CreDtTm".into(),
                })?,
            original_message_id: group.required_id("OrgnlMsgId")?,
            original: match group.text("OrgnlMsgNmId")? {
                Some(name) if name.starts_with("pain.008") => Original::Collection,
                _ => Original::Payment,
            },
            group: group
                .text("GrpSts")?
                .as_deref()
                .map(Status::read)
                .transpose()?,
            group_reason: read_reason(group)?.0,
            transfers,
        })
    }
}

impl TransferStatus {
    fn write(&self, w: &mut Writer) {
        w.element("TxInfAndSts", |w| {
            w.text("OrgnlEndToEndId", &self.end_to_end_id, ID);
            w.text("TxSts", self.status.code(), ID);
            write_reason(w, self.reason.as_ref(), self.detail.as_deref());
            if let Some(at) = self.accepted_at {
                w.instant("AccptncDtTm", at);
            }
            w.optional_text("AcctSvcrRef", self.bank_reference.as_deref(), ID);
            if let Some(amount) = self.amount {
                w.element("OrgnlTxRef", |w| {
                    w.element("Amt", |w| w.amount("InstdAmt", amount))
                });
            }
        });
    }

    fn read(element: &Element) -> Result<TransferStatus, IsoError> {
        let (reason, detail) = read_reason(element)?;
        Ok(TransferStatus {
            end_to_end_id: element.required_id("OrgnlEndToEndId")?,
            status: Status::read(&element.required_text("TxSts")?)?,
            reason,
            detail,
            accepted_at: element.instant("AccptncDtTm")?,
            bank_reference: element.text("AcctSvcrRef")?,
            amount: element.amount("OrgnlTxRef/Amt/InstdAmt")?,
        })
    }
}

fn write_reason(w: &mut Writer, reason: Option<&Reason>, detail: Option<&str>) {
    if reason.is_none() && detail.is_none() {
        return;
    }
    w.element("StsRsnInf", |w| {
        if let Some(Reason(code)) = reason {
            let name = if code.chars().count() <= 4 {
                "Cd"
            } else {
                "Prtry"
            };
            w.element("Rsn", |w| w.text(name, code, ID));
        }
        w.optional_text("AddtlInf", detail, INFORMATION);
    });
}

/// The first reason and its words; a bank may give several.
fn read_reason(element: &Element) -> Result<(Option<Reason>, Option<String>), IsoError> {
    let Some(information) = element.all("StsRsnInf").next() else {
        return Ok((None, None));
    };
    let code = match information.text("Rsn/Cd")? {
        Some(code) => Some(code),
        None => information.text("Rsn/Prtry")?,
    };
    let words: Vec<&str> = information
        .all("AddtlInf")
        .map(Element::own_text)
        .filter(|text| !text.is_empty())
        .collect();
    let detail = if words.is_empty() {
        None
    } else {
        Some(words.join(" "))
    };
    Ok((code.map(Reason), detail))
}
