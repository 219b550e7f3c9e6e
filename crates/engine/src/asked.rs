//! What others ask of us (对外提供): read, held against its basis, noted, answered signed. Without the basis nothing leaves, not even whether
//! we know the person.

use std::time::Duration;

use anju_business::sharing::given::{self, Answered};
use anju_casework::{Fault, Result, consent, person};
use anju_exchange::given::{AskFault, Asked, digest_of};
use anju_wire::gateway::{GatewayReply, code};
use serde_json::{Value, json};

use crate::Engine;

/// The longest that an asker waits for us: what takes longer is our fault and says so.
const WITHIN: Duration = Duration::from_secs(3);

/// Code, sentence and data of an answer.
type Said = (u16, &'static str, Value);

impl Engine {
    /// Answers a question of another; always with a signed reply whose code is that of HTTP, too.
    pub async fn asked<'h>(
        &self,
        interface: &str,
        header: impl Fn(&str) -> Option<&'h str>,
        body: &[u8],
    ) -> GatewayReply {
        let source = header("x-app-id").unwrap_or_default().to_owned();
        let (code, message, data) = match self.gateway.read_ask(interface, header, body).await {
            Ok(asked) => match tokio::time::timeout(WITHIN, self.tell(&asked)).await {
                Ok(Ok(said)) => said,
                Ok(Err(error)) => {
                    tracing::error!(source, interface, %error, "answering a question of another");
                    (code::SOURCE_ERROR, "系统内部错误，请稍后再问", Value::Null)
                }
                Err(_) => {
                    tracing::error!(source, interface, "a question of another took too long");
                    (code::UNAVAILABLE, "系统繁忙，请稍后再问", Value::Null)
                }
            },
            Err(fault) => {
                tracing::warn!(source, interface, %fault, "a question of another is not heard");
                let (code, message) = refusal(&fault);
                (code, message, Value::Null)
            }
        };
        // Who is not in the catalogue makes no series of his own.
        let counted = if self.gateway.catalogue().source(&source).is_some() {
            source
        } else {
            "unknown".to_owned()
        };
        metrics::counter!("given_answers_total", "source" => counted, "code" => code.to_string())
            .increment(1);
        self.gateway.answer_ask(body, code, message, data)
    }

    async fn tell(&self, asked: &Asked<'_>) -> Result<Said> {
        let office = &self.office;
        let since = office.now();
        let (give, asker) = (asked.give, asked.asker);
        let known = person::by_id_number(office, &asked.id).await?;
        let person_id = known.map(|person| person.person_id);
        let basis = match person_id {
            _ if !asker.needs_consent() => format!("statutory:{}", asker.law),
            Some(person_id) => {
                let consent =
                    consent::allowing(office, person_id, &asker.source, &give.name).await?;
                consent.map_or_else(String::new, |consent| consent.to_string())
            }
            None => String::new(),
        };
        let found = match person_id {
            Some(person_id) if !basis.is_empty() => given::contribution(office, person_id).await?,
            _ => None,
        };
        let mut answer_hash = String::new();
        let said = match found {
            _ if basis.is_empty() => (
                code::FORBIDDEN,
                "本人没有授权，不能提供。请本人在住房公积金中心“我的授权”里同意后再问",
                Value::Null,
            ),
            None => (
                code::NO_RECORD,
                "查无记录",
                json!({ give.subject.as_str(): asked.id.expose() }),
            ),
            Some(value) => {
                let mut told = give
                    .admit(&value)
                    .map_err(|fault| Fault::Stored(format!("{}: {fault}", give.name)))?;
                answer_hash = digest_of(&told);
                told[give.subject.as_str()] = asked.id.expose().into();
                (code::DATA, "成功", told)
            }
        };
        let request = &asked.request;
        let answered = Answered {
            source: &asker.source,
            fact_type: (&give.name, &give.title),
            person_id,
            request_id: &request.request_id,
            item: &request.purpose.item,
            case_no: &request.purpose.case_no,
            operator: &request.operator.name,
            basis: &basis,
            code: said.0,
            since,
            request_hash: &asked.digest,
            answer_hash: &answer_hash,
        };
        given::note(office, answered).await?;
        Ok(said)
    }
}

/// What the asker is told who is not heard.
fn refusal(fault: &AskFault) -> (u16, &'static str) {
    match fault {
        AskFault::Signature(fault) if fault.code() == code::DUPLICATE_NONCE => {
            (code::DUPLICATE_NONCE, "随机数用过了，请换一个重新签名")
        }
        AskFault::Signature(fault) => (
            fault.code(),
            "签名或时间不对：请用本单位登记的 SM2 密钥签名，时间与北京时间相差不超过五分钟",
        ),
        AskFault::NotMet => (code::UNAVAILABLE, "取不到贵单位的公钥，请稍后再问"),
        AskFault::Field(_) => (
            code::BAD_REQUEST,
            "报文读不懂：要有 requestId、purpose.item、operator.name、consent.id 和证件号码",
        ),
        AskFault::Scope(_) => (code::FORBIDDEN, "没有向贵单位开放这个接口"),
        AskFault::Quota => (code::QUOTA, "超过约定的次数，请稍后再问"),
    }
}
