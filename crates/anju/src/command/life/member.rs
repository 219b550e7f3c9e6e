//! Who joins an employer, leaves it, comes back or goes to another; bases each July, ratios each October.

use anju_domain::calendar::{Month, contribution_year_of};
use serde_json::json;

use super::{BASES, Life, Member, Standing};
use crate::cast;

impl Life<'_> {
    /// The changes of a month; who is new, if anybody.
    pub(super) async fn members(
        &mut self,
        place: usize,
        month: Month,
    ) -> anyhow::Result<Option<usize>> {
        // Nobody leaves an employer that owes him deferred months.
        if self.houses[place].is_free() {
            if self.chance.once_in(4) {
                self.leave(place).await?;
            }
            if self.chance.once_in(12) {
                self.go_over(place).await?;
            }
        }
        if self.chance.once_in(10) {
            self.come_back(place).await?;
        }
        let joined = if self.chance.once_in(3) {
            Some(self.join(place).await?)
        } else {
            None
        };
        if self.houses[place].declared < contribution_year_of(month) {
            self.declare(place, month).await?;
        }
        if month.month() == 10
            && self.houses[place].reduced_until.is_none()
            && self.chance.once_in(4)
        {
            self.ratio(place).await?;
        }
        Ok(joined)
    }

    async fn join(&mut self, place: usize) -> anyhow::Result<usize> {
        let names = [
            "郑洁", "孙浩", "朱琳", "何川", "许岚", "罗杰", "谢敏", "韩冰",
        ];
        let name = self.chance.pick(&names);
        let base = BASES.0 + i64::try_from(self.chance.below(60))? * 10_000;
        let house = &self.houses[place];
        let person = cast::person(name, house.seed, i64::try_from(house.people.len())?, base)?;
        cast::register(self.doors, &person).await?;
        let row = json!({ "name": person.name, "id_no": person.id, "base_fen": base, "phone": person.phone });
        self.case(place, "employee-account-open", json!({ "roster": [row] }))
            .await?;
        let house = &mut self.houses[place];
        house.people.push(Member::new(person));
        self.told.add("开户");
        Ok(house.people.len() - 1)
    }

    async fn leave(&mut self, place: usize) -> anyhow::Result<()> {
        if self.houses[place].active().len() < 3 {
            return Ok(());
        }
        if let Some(who) = self.one(place, Member::is_active) {
            self.seal(place, who).await?;
            self.told.add("离职封存");
        }
        Ok(())
    }

    pub(super) async fn seal(&mut self, place: usize, who: usize) -> anyhow::Result<()> {
        let account = self.account(place, who).await?;
        let row = json!({ "account_no": account, "reason": "离职" });
        self.case(place, "employee-account-seal", json!({ "roster": [row] }))
            .await?;
        self.houses[place].people[who].standing = Standing::Left(self.today());
        Ok(())
    }

    /// Who left not long ago is unsealed; whom the centre holds by now is taken in anew, with the account that he has.
    async fn come_back(&mut self, place: usize) -> anyhow::Result<()> {
        let left = |member: &Member| matches!(member.standing, Standing::Left(_));
        let Some(who) = self.one(place, left) else {
            return Ok(());
        };
        let account = self.account(place, who).await?;
        let form = json!({ "roster": [{ "account_no": account }] });
        let body = self.of_employer(place, "employee-account-unseal", form);
        let answer = self.doors.post("/cases", &body).await?;
        if answer.status.is_success() {
            self.told.add("启封");
        } else {
            let person = &self.houses[place].people[who].person;
            let row = json!({
                "name": person.name, "id_no": person.id, "base_fen": person.base_fen, "phone": person.phone,
            });
            self.case(place, "employee-account-open", json!({ "roster": [row] }))
                .await?;
            self.told.add("集中封存后转入");
        }
        self.houses[place].people[who].standing = Standing::Active;
        Ok(())
    }

    /// Somebody goes to another employer of this life: sealed by the one, taken in by the other, with his account.
    async fn go_over(&mut self, place: usize) -> anyhow::Result<()> {
        let many = u64::try_from(self.houses.len())?;
        let to = usize::try_from(self.chance.below(many))?;
        // Nobody is taken in for a month that somebody else has paid already.
        let is_behind = self.houses[to].next < self.houses[place].next;
        if to == place
            || is_behind
            || !self.houses[to].is_free()
            || self.houses[place].active().len() < 3
        {
            return Ok(());
        }
        let plain = |member: &Member| member.is_active() && member.repays_since.is_none();
        let Some(who) = self.one(place, plain) else {
            return Ok(());
        };
        let account = self.account(place, who).await?;
        self.seal(place, who).await?;
        let form =
            json!({ "account_no": account, "to_employer_no": self.houses[to].employer.clone() });
        self.case(to, "employee-account-transfer", form).await?;
        self.moved(place, who, to, Standing::Active);
        self.told.add("转移到另一单位");
        Ok(())
    }

    /// Writes down that somebody belongs to another employer now.
    pub(super) fn moved(&mut self, from: usize, who: usize, to: usize, standing: Standing) {
        let old = &mut self.houses[from].people[who];
        let mut new = Member::new(old.person.clone());
        new.account.clone_from(&old.account);
        new.repays_since = old.repays_since;
        new.has_story = old.has_story;
        new.standing = standing;
        old.standing = Standing::Gone;
        self.houses[to].people.push(new);
    }

    /// Each July: everybody's base by last year's wages.
    async fn declare(&mut self, place: usize, month: Month) -> anyhow::Result<()> {
        let mut rows = Vec::new();
        for who in 0..self.houses[place].people.len() {
            let percent = i64::try_from(self.chance.below(15))? - 3;
            let member = &mut self.houses[place].people[who];
            let base = (member.person.base_fen * (100 + percent) / 100 / 100 * 100)
                .clamp(BASES.0, BASES.1);
            if !member.is_active() || base == member.person.base_fen {
                continue;
            }
            rows.push((who, base));
        }
        let mut form = Vec::new();
        for (who, base) in &rows {
            let account = self.account(place, *who).await?;
            form.push(json!({ "account_no": account, "base_fen": base }));
        }
        if !form.is_empty() {
            let form = json!({ "roster": form, "reason": "年度调整" });
            self.case(place, "base-adjust", form).await?;
            for (who, base) in rows {
                self.houses[place].people[who].person.base_fen = base;
            }
            self.told.add("年度基数调整");
        }
        self.houses[place].declared = contribution_year_of(month);
        Ok(())
    }

    async fn ratio(&mut self, place: usize) -> anyhow::Result<()> {
        let bp = [700, 800, 900, 1_000, 1_100][usize::try_from(self.chance.below(5))?];
        let form = json!({ "ratio_employer_bp": bp, "ratio_employee_bp": bp });
        let body = self.of_employer(place, "ratio-adjust", form);
        self.ask("比例调整", &body).await?;
        Ok(())
    }
}
