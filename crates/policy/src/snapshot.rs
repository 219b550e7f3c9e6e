//! One person's row of the wide snapshot that conditions as SQL run over (`sql`): the columns of a service with their values.

use crate::fact::{At, Facts, Form};
use crate::plan::SlotSource;
use crate::policy_set::{PolicyError, PolicySet};
use crate::sql::{SqlValue, column_of};
use crate::value::{Gap, Type, Value, date_of};

/// A column with its value; `None` is NULL.
pub type Column = (String, Option<SqlValue>);

impl PolicySet {
    /// The row of a person: for each name that the service reads its value, and `…_has` whether there is one.
    ///
    /// # Errors
    /// An unknown service.
    pub fn snapshot(
        &self,
        service: &str,
        facts: &Facts,
        at: At,
    ) -> Result<Vec<Column>, PolicyError> {
        let plan = self.plan(service)?;
        let slots = plan.read(facts, &Form::new(), at);
        let mut row = Vec::with_capacity(2 * slots.len());
        for (source, slot) in plan.slots.iter().zip(slots) {
            let SlotSource::Name(name) = source else {
                continue;
            };
            let column = column_of(&name.name);
            let has = match &slot {
                Ok(_) => Some(SqlValue::Bool(true)),
                Err(Gap::Missing) => Some(SqlValue::Bool(false)),
                Err(_) => None,
            };
            row.push((format!("{column}_has"), has));
            // What has a value for each month has no plain column.
            if name.ty.element().is_none() {
                row.push((column, slot.ok().and_then(|value| plain(&value, name.ty))));
            }
        }
        Ok(row)
    }
}

fn plain(value: &Value, ty: Type) -> Option<SqlValue> {
    match (value, ty) {
        (Value::Number(days), Type::Date) => date_of(*days).map(SqlValue::Date),
        (Value::Bool(flag), _) => Some(SqlValue::Bool(*flag)),
        (Value::Number(number), _) => Some(SqlValue::Number(*number)),
        (Value::Text(text), _) => Some(SqlValue::Text(text.to_string())),
        (Value::Months(months), _) => Some(SqlValue::Numbers(months.to_vec())),
        (Value::Series(_), _) => None,
    }
}
