//! The timed legs of a step as its row holds them: each as one text, `sources 2026-11-29T08:59:32.326149268Z 11`, which is half of what
//! its object takes. Its evidence and its readers have the object; older rows hold that.
//!
//! Invariant: `thick(thin(detail)) == detail`, since the step's leaf commits to it.

use serde_json::{Value, json};

/// A step's detail as it is written down.
pub(super) fn thin(detail: &Value) -> Value {
    let mut detail = detail.clone();
    for leg in legs(&mut detail) {
        if let Some(text) = text(leg) {
            *leg = text.into();
        }
    }
    detail
}

/// What it says.
pub(super) fn thick(mut detail: Value) -> Value {
    for leg in legs(&mut detail) {
        if let Some(whole) = leg.as_str().and_then(whole) {
            *leg = whole;
        }
    }
    detail
}

fn legs(detail: &mut Value) -> impl Iterator<Item = &mut Value> {
    let legs = detail.get_mut("legs").and_then(Value::as_array_mut);
    legs.into_iter().flatten()
}

fn text(leg: &Value) -> Option<String> {
    let text = format!(
        "{} {} {}",
        leg.get("leg")?.as_str()?,
        leg.get("started_at")?.as_str()?,
        leg.get("ms")?.as_i64()?
    );
    (whole(&text).as_ref() == Some(leg)).then_some(text)
}

fn whole(text: &str) -> Option<Value> {
    let mut words = text.split(' ');
    let (leg, started_at, ms) = (words.next()?, words.next()?, words.next()?);
    let ms: i64 = ms.parse().ok()?;
    words
        .next()
        .is_none()
        .then(|| json!({ "leg": leg, "started_at": started_at, "ms": ms }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leg_is_a_text_and_reads_back_as_it_was() {
        let plain =
            json!({ "leg": "bank", "started_at": "2026-11-29T08:59:32.326149268Z", "ms": 11 });
        for odd in [
            json!({ "leg": "two words", "started_at": "x", "ms": 1 }),
            json!({ "leg": "bank", "started_at": "x", "ms": 1, "more": 2 }),
            json!({ "leg": "bank", "started_at": "x", "ms": 1.5 }),
            json!({ "leg": "bank", "ms": 1 }),
            json!("a text"),
        ] {
            let detail = json!({ "outcome": "approved", "legs": [plain, odd] });
            let kept = thin(&detail);
            assert_eq!(kept["legs"][0], "bank 2026-11-29T08:59:32.326149268Z 11");
            assert_eq!(kept["legs"][1], odd);
            assert_eq!(thick(kept), detail);
            assert_eq!(thick(detail.clone()), detail);
        }
        assert_eq!(thick(thin(&json!({ "lines": 1 }))), json!({ "lines": 1 }));
    }
}
