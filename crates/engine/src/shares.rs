//! Another card for one of several payees of a case: verified like the first one, then paid.

use anju_business::withdrawal::estate;
use anju_casework::case::share::Share;
use anju_casework::{Actor, Fault, Refusal, Result};
use anju_domain::card::CardNumber;
use anju_exchange::fact_store::{FactRequest, SubjectKeys};
use anju_policy::fact::FactState;
use anju_wire::gateway::Purpose;

use crate::Engine;
use crate::gather::statutory;

/// Who says whose a card is.
const CARD: &str = "unionpay.card_auth";

impl Engine {
    /// Pays a share that waits to another card of the same holder.
    ///
    /// # Errors
    /// `E-W-08` for a card that is not the holder's own of class I, 503 `E-W-08` while nobody can say; those of [`estate::pay_again`].
    pub async fn pay_share_again(&self, one: &Share, card_no: &str, actor: Actor) -> Result<()> {
        let office = &self.office;
        let card = CardNumber::parse(card_no)
            .map_err(|error| Refusal::rule("E-W-08", format!("{error}。")))?;
        if !one.wants_card() {
            return Err(
                Refusal::new(409, "E-CASE-02", "这一份没有等换卡的款项，不用换卡。").into(),
            );
        }
        let payee = one.payee(office)?;
        // The centre's own account is no card.
        if !payee.holder_id_no.is_empty() {
            let mut keys = SubjectKeys::of(payee.holder_id_no);
            keys.name = Some(payee.holder.clone());
            keys.card_no = Some(card.expose().to_owned());
            let question = FactRequest {
                fact_type: CARD.to_owned(),
                role: "applicant".to_owned(),
                shown: anju_domain::name::mask(&payee.holder),
                keys,
                purpose: Purpose {
                    item: "withdraw-death".to_owned(),
                    case_no: anju_casework::case::number(office, one.case_id),
                },
                consent: statutory(),
                source: None,
            };
            let answers = self
                .gateway
                .fetch(vec![question])
                .await
                .map_err(|error| Fault::Outside(error.to_string()))?;
            match answers.first() {
                Some(fact) if fact.state == FactState::Known => {
                    let own = fact.value["match"] == true && fact.value["card_type"] == "debit-1";
                    if !own {
                        let detail = "收款银行卡核验未通过，请使用本人一类借记卡。";
                        return Err(Refusal::rule("E-W-08", detail).into());
                    }
                }
                Some(fact) if fact.state == FactState::Absent => {
                    let detail = "银联没有这张卡的记录，请使用本人一类借记卡。";
                    return Err(Refusal::rule("E-W-08", detail).into());
                }
                _ => {
                    let detail = "银联暂时没有答复，请过几分钟再试。";
                    return Err(Refusal::new(503, "E-W-08", detail).into());
                }
            }
        }
        estate::pay_again(office, one, card.expose(), actor).await
    }
}
