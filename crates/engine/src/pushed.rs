//! What departments say by themselves: the market regulator founds, changes and strikes off companies. Each message happens once by its
//! number; the answer is signed for it. What is not signed by its source is not answered.

use anju_business::contribution::one_stop::{self, Message};
use anju_business::court;
use anju_business::sharing::dispute;
use anju_business::withdrawal::recovery;
use anju_casework::employer::state;
use anju_casework::{Error, Fault, Refusal, Result};
use anju_domain::name::PersonName;
use anju_domain::uscc::Uscc;
use anju_exchange::push::{self, MarketPush, PushFault, Says};
use anju_vault::NumberKind;
use anju_wire::gateway::{GatewayReply, code};
use serde_json::{Value, json};

use crate::Engine;

impl Engine {
    /// Takes a message of a department and answers it.
    ///
    /// # Errors
    /// 401 `E-PUSH-01` for a wrong signature, time or sender, 409 for a call that came before as it stands; ours. What a message asks and
    /// cannot have is an answer.
    pub async fn pushed<'h>(
        &self,
        source: &str,
        interface: &str,
        header: impl Fn(&str) -> Option<&'h str>,
        body: &[u8],
    ) -> Result<GatewayReply> {
        let now = self.office.now();
        self.gateway.meet(source).await;
        let read = self
            .pushes
            .read(&self.gateway, (source, interface), header, body, now);
        let sm2 = read.as_ref().is_ok_and(|pushed| pushed.sm2);
        let said = match read {
            Ok(pushed) => {
                let message = Message {
                    serial: &pushed.serial,
                    body,
                    promised_at: self.promise("employer-open-account", now)?,
                };
                match &pushed.says {
                    Says::Market(says) => self.act_on(message, says).await,
                    Says::ContractCancelled(signal) => {
                        let claims = recovery::cancelled(&self.office, signal).await;
                        claims.map(|claims| json!({ "htbh": signal.contract_no, "zhs": claims }))
                    }
                    Says::Court(said) => self.court_order(said).await,
                    Says::Key(key) => self.learn_key(source, key),
                    Says::Batch { flow, params } => {
                        self.take_file(source, flow, params, message.promised_at)
                            .await
                    }
                    Says::Dispute(answer) => dispute::answered(
                        &self.office,
                        source,
                        &answer.number,
                        answer.corrected,
                        &answer.answer,
                    )
                    .await
                    .map(|()| json!({ "jsjg": "1" })),
                }
            }
            Err(PushFault::Signature(fault)) => {
                tracing::error!(source, interface, %fault, "a department's message is not taken");
                metrics::counter!("pushes_refused_total", "source" => "unsigned").increment(1);
                let detail = "签名、时间或随机数不对，报文没有接收，请核对后重发。";
                return Err(Refusal::new(fault.code(), "E-PUSH-01", detail).into());
            }
            Err(fault) => {
                tracing::error!(source, interface, %fault, "a department's message cannot be read");
                metrics::counter!("pushes_refused_total", "source" => source.to_owned())
                    .increment(1);
                let detail = format!("报文读不懂，没有办理：{fault}。请改正后重发。");
                if (source, interface)
                    == (anju_exchange::court::SOURCE, anju_exchange::court::ORDER)
                {
                    let serial = push::serial_of(body);
                    court::take::unreadable(&self.office, &serial, body, &detail).await?;
                }
                Err(Refusal::rule("E-PUSH-02", detail).into())
            }
        };
        let (code, message, data) = match said {
            Ok(data) => (code::DATA, "成功".to_owned(), data),
            // What is refused once is refused for good: a number 409 would have it sent again.
            Err(Error::Refused(refusal)) => (422, refusal.detail, json!({ "code": refusal.code })),
            Err(error) => return Err(error),
        };
        Ok(push::answer(
            &self.gateway,
            (source, sm2),
            body,
            (code, &message),
            data,
            now,
        ))
    }

    /// A source tells the key that it will sign with; the message is signed with one that is believed.
    fn learn_key(&self, source: &str, key: &[u8]) -> Result<Value> {
        self.gateway
            .keys()
            .learn(source, key)
            .map_err(|error| Fault::Outside(format!("keeping a key of {source}: {error}")))?;
        tracing::info!(source, "the source told its next SM2 key");
        Ok(json!({ "jsjg": "1" }))
    }

    async fn act_on(&self, message: Message<'_>, says: &MarketPush) -> Result<Value> {
        let office = &self.office;
        match says {
            MarketPush::Founded(company) => {
                let founded = one_stop::Founded {
                    uscc: parsed(&company.uscc)?,
                    name: company.name.clone(),
                    kind: company.kind.to_owned(),
                    address: company.address.clone(),
                    district: company.district.clone(),
                    representative: named(&company.representative)?,
                    founded: company.founded,
                };
                let employer = one_stop::pre_open(office, message, &founded).await?;
                let number = office
                    .numbers
                    .encode(NumberKind::Employer, employer.employer_id);
                let waits = employer.state == state::PRE_OPENED;
                Ok(json!({ "dwzh": number, "zhzt": if waits { "0" } else { "1" } }))
            }
            MarketPush::Changed {
                uscc,
                on,
                name,
                address,
                representative,
            } => {
                let changed = one_stop::Changed {
                    on: *on,
                    name: name.clone(),
                    address: address.clone(),
                    representative: representative.as_deref().map(named).transpose()?,
                };
                let known = one_stop::change(office, message, &parsed(uscc)?, &changed).await?;
                Ok(json!({ "dwkh": known }))
            }
            MarketPush::Cancelled { uscc, on } => {
                let known = one_stop::cancel(office, message, &parsed(uscc)?, *on).await?;
                Ok(json!({ "dwkh": known }))
            }
            MarketPush::LicenceRevoked { uscc } => {
                let ended = one_stop::licence_revoked(office, &parsed(uscc)?).await?;
                Ok(json!({ "tcdl": ended }))
            }
        }
    }
}

fn parsed(uscc: &str) -> Result<Uscc> {
    Uscc::parse(uscc).map_err(|error| Fault::Stored(error.to_string()).into())
}

fn named(name: &str) -> Result<PersonName> {
    PersonName::parse(name).map_err(|error| Fault::Stored(error.to_string()).into())
}
