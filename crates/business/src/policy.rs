//! The centre's numbers on a day, for commands: a thin reader, so that no number of policy stands in code.

use anju_casework::office::PolicyInForce;
use anju_casework::{Fault, Office, Result};
use anju_domain::money::Fen;
use chrono::NaiveDate;

/// The rules in force on a day.
pub struct Rules {
    policy: PolicyInForce,
    day: NaiveDate,
}

impl Rules {
    /// The rules of a day: for what belongs to a month, the month's; else today's.
    pub fn on(office: &Office, day: NaiveDate) -> Self {
        Self {
            policy: office.policy(),
            day,
        }
    }

    /// A count.
    pub fn int(&self, name: &str) -> Result<i64> {
        self.policy.set.int(name, self.day, &[]).map_err(fault)
    }

    /// A count of months.
    pub fn months(&self, name: &str) -> Result<i32> {
        i32::try_from(self.int(name)?)
            .map_err(|_| Fault::Policy(format!("{name} is not a number of months")).into())
    }

    /// A count of days.
    pub fn days(&self, name: &str) -> Result<u32> {
        u32::try_from(self.int(name)?)
            .map_err(|_| Fault::Policy(format!("{name} is not a number of days")).into())
    }

    /// A count of days, by place.
    pub fn days_at(&self, name: &str, at: &[(&str, &str)]) -> Result<u32> {
        let days = self.policy.set.int(name, self.day, at).map_err(fault)?;
        u32::try_from(days)
            .map_err(|_| Fault::Policy(format!("{name} is not a number of days")).into())
    }

    /// Money, by place.
    pub fn fen(&self, name: &str, at: &[(&str, &str)]) -> Result<Fen> {
        self.policy.set.fen(name, self.day, at).map_err(fault)
    }

    /// A ratio in basis points.
    pub fn bp(&self, name: &str) -> Result<i32> {
        Ok(self.policy.set.bp(name, self.day, &[]).map_err(fault)?.bp())
    }

    /// A switch.
    pub fn flag(&self, name: &str) -> Result<bool> {
        self.policy.set.flag(name, self.day, &[]).map_err(fault)
    }

    /// A mode.
    pub fn text(&self, name: &str) -> Result<String> {
        Ok(self
            .policy
            .set
            .text(name, self.day, &[])
            .map_err(fault)?
            .to_owned())
    }

    /// A day.
    pub fn date(&self, name: &str) -> Result<NaiveDate> {
        self.policy.set.date(name, self.day).map_err(fault)
    }

    /// The lowest and highest ratio of a side, bp: the narrower of what the State allows and what the centre has set.
    pub fn ratio_limits(&self) -> Result<(i32, i32)> {
        Ok((
            self.bp("ratio_min_bp")?.max(self.bp("own_ratio_min_bp")?),
            self.bp("ratio_max_bp")?.min(self.bp("own_ratio_max_bp")?),
        ))
    }

    /// RATIO-01, 02, 03: both sides within the limits, whole steps, equal where the centre says so.
    pub fn ratio_pair(
        &self,
        employer_bp: i32,
        employee_bp: i32,
    ) -> Result<Option<(&'static str, String)>> {
        let (min, max) = self.ratio_limits()?;
        let step = self.bp("ratio_step_bp")?;
        let lawful = |bp: i32| (min..=max).contains(&bp) && bp % step == 0;
        Ok(if !lawful(employer_bp) || !lawful(employee_bp) {
            Some((
                "E-RATIO-01",
                format!("缴存比例应在{}%至{}%之间且为整数。", min / 100, max / 100),
            ))
        } else if employer_bp != employee_bp && self.flag("ratio_must_equal")? {
            Some(("E-RATIO-03", "单位与个人缴存比例应一致。".to_owned()))
        } else {
            None
        })
    }
}

fn fault(error: anju_policy::PolicyError) -> anju_casework::Error {
    Fault::Policy(error.to_string()).into()
}
