//! The cards of several payees of a case: of an heir who agrees online, and another one for a share that a bank refused; verified like the first.

use anju_business::withdrawal::estate::{self, consent};
use anju_casework::case::share::Share;
use anju_casework::person::Person;
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
            let holder = (payee.holder.as_str(), payee.holder_id_no.as_str());
            self.is_own_card(one.case_id, holder, card.expose()).await?;
        }
        estate::pay_again(office, one, card.expose(), actor).await
    }

    /// An heir agrees to the shares of a case, with the card that his own is to be paid to.
    ///
    /// # Errors
    /// `E-W-08` as above, also where a share is to be paid and no card is named; those of [`consent::answer`].
    pub async fn agree_to_share(
        &self,
        heir: &Person,
        asked: &consent::Asked,
        card_no: &str,
    ) -> Result<()> {
        let office = &self.office;
        if asked.share_bp == 0 {
            return consent::answer(office, heir, asked, true, None).await;
        }
        let card = CardNumber::parse(card_no)
            .map_err(|error| Refusal::rule("E-W-08", format!("{error}。")))?;
        let holder = (heir.name.expose(), heir.id_number.expose());
        self.is_own_card(asked.case_id, holder, card.expose())
            .await?;
        consent::answer(office, heir, asked, true, Some(card.expose())).await
    }

    /// Whether a card is the holder's own of class I, by UnionPay's word.
    async fn is_own_card(
        &self,
        case_id: i64,
        (holder, id_no): (&str, &str),
        card_no: &str,
    ) -> Result<()> {
        let mut keys = SubjectKeys::of(id_no);
        keys.name = Some(holder.to_owned());
        keys.card_no = Some(card_no.to_owned());
        let question = FactRequest {
            fact_type: CARD.to_owned(),
            role: "applicant".to_owned(),
            shown: anju_domain::name::mask(holder),
            keys,
            purpose: Purpose {
                item: "withdraw-death".to_owned(),
                case_no: anju_casework::case::number(&self.office, case_id),
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
                if own {
                    return Ok(());
                }
                let detail = "收款银行卡核验未通过，请使用本人一类借记卡。";
                Err(Refusal::rule("E-W-08", detail).into())
            }
            Some(fact) if fact.state == FactState::Absent => {
                let detail = "银联没有这张卡的记录，请使用本人一类借记卡。";
                Err(Refusal::rule("E-W-08", detail).into())
            }
            _ => {
                let detail = "银联暂时没有答复，请过几分钟再试。";
                Err(Refusal::new(503, "E-W-08", detail).into())
            }
        }
    }
}
