//! Somebody dies; two heirs who have agreed share what his account held, after two reviewers' yes.

use serde_json::{Value, json};

use super::{Life, Member, Standing};
use crate::cast;

impl Life<'_> {
    /// A member dies, and his heirs come to the counter.
    pub(super) async fn dies(&mut self, place: usize) -> anyhow::Result<()> {
        let plain = |member: &Member| member.is_active() && member.repays_since.is_none();
        if self.houses[place].deferral.is_some() || self.houses[place].active().len() < 3 {
            return Ok(());
        }
        let Some(who) = self.one(place, plain) else {
            return Ok(());
        };
        let dead = self.houses[place].people[who].person.clone();
        let died = self.today().pred_opt().unwrap_or(self.today()).to_string();
        let certificate =
            json!({ "cert_no": format!("渝卫死字{}", &dead.id[6..17]), "date": died });
        cast::fact(
            self.doors,
            "D10",
            "health.death_cert",
            &dead.id,
            certificate,
        )
        .await?;
        let mut heirs = Vec::new();
        for name in ["王小梅", "李建国"] {
            self.heirs += 1;
            let seed = 475_000_000 + i64::try_from(self.seed % 1_000)? * 1_000 + self.heirs;
            let heir = cast::person(name, seed, 0, 0)?;
            cast::register(self.doors, &heir).await?;
            let body = json!({ "name": heir.name, "id_no": heir.id, "phone": heir.phone });
            self.doors.post("/people", &body).await?.ok()?;
            let kin = json!({ "relation": "parent", "other_id_no": dead.id });
            cast::fact(self.doors, "D01", "police.kinship", &heir.id, kin).await?;
            heirs.push(heir);
        }
        let form: Value = json!({
            "deceased_id_no": dead.id, "deceased_name": dead.name, "basis": "agreement", "all_signed": true,
            "share_bp": 6_000, "card_no": heirs[0].card,
            "heir_2_name": heirs[1].name, "heir_2_id_no": heirs[1].id, "heir_2_share_bp": 4_000, "heir_2_card_no": heirs[1].card,
        });
        let applicant = cast::look_up(self.doors, &heirs[0]).await?;
        let body = json!({ "service": "withdraw-death", "applicant": applicant, "form": form, "channel": "CTR" });
        if self.ask("死亡提取", &body).await?.is_some() {
            self.houses[place].people[who].standing = Standing::Gone;
        }
        Ok(())
    }
}
