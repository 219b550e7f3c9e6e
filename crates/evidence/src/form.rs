//! How a bundle's file may be written. Invariant: what one verifier reads, every other reads alike: JSON in which no name stands twice, no
//! number means another thing elsewhere, nothing is nested deeper than a verifier may go, and each member is what it should be.

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;
use serde_json::{Map, Number, Value};

use crate::{Hash, MAX_WHOLE, note};

/// The deepest nesting that is read; the bundle's own braces are the first level.
const MAX_DEPTH: usize = 100;

/// The most steps of a path.
const MAX_STEPS: usize = 64;

/// What is wrong with a file, in Chinese.
type Wrong = String;

/// Reads strict JSON.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, Wrong> {
    let text = std::str::from_utf8(bytes).map_err(|_| "不是 UTF-8 文本".to_owned())?;
    if text.starts_with('\u{feff}') {
        return Err("开头有字节顺序标记（BOM），请另存为不带 BOM 的 UTF-8".to_owned());
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    Strict { depth: 0 }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| in_chinese(&error))
}

/// What the reader of JSON says: our own words with the place, or the place alone.
fn in_chinese(error: &serde_json::Error) -> Wrong {
    let (line, column) = (error.line(), error.column());
    let place = format!("第 {line} 行第 {column} 个字节附近");
    if error.classify() != Category::Data {
        return format!("不是 JSON，{place}");
    }
    let said = error.to_string();
    let own = said
        .strip_suffix(&format!(" at line {line} column {column}"))
        .unwrap_or(&said);
    format!("{own}（{place}）")
}

/// A value inside so many others.
#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn inner<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth < MAX_DEPTH {
            Ok(Self {
                depth: self.depth + 1,
            })
        } else {
            Err(E::custom(format!("嵌套超过 {MAX_DEPTH} 层")))
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

fn too_large<E: serde::de::Error>() -> E {
    E::custom("整数超过 2^53−1")
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        if value <= MAX_WHOLE {
            Ok(value.into())
        } else {
            Err(too_large())
        }
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        if value.unsigned_abs() <= MAX_WHOLE {
            Ok(value.into())
        } else {
            Err(too_large())
        }
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        // 1e16 is whole, too, however it is written.
        if value.fract() == 0.0 && value.abs() > MAX_WHOLE as f64 {
            return Err(too_large());
        }
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("不是有限的数"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut values = Vec::new();
        while let Some(value) = seq.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut values = Map::new();
        while let Some(Name(name)) = map.next_key()? {
            if values.contains_key(&name) {
                return Err(A::Error::custom(format!("「{name}」出现两次")));
            }
            values.insert(name, map.next_value_seed(inner)?);
        }
        Ok(Value::Object(values))
    }
}

#[derive(Deserialize)]
struct Name(String);

/// The members of an object, each taken once. `within` stands before their names in what is said of them: empty, or `batch.`.
pub(crate) struct Members {
    within: &'static str,
    map: Map<String, Value>,
}

impl Members {
    pub(crate) fn of(value: Value, what: &str, within: &'static str) -> Result<Self, Wrong> {
        match value {
            Value::Object(map) => Ok(Self { within, map }),
            _ => Err(format!("{what}应是一个 JSON 对象")),
        }
    }

    pub(crate) fn optional(&mut self, name: &str) -> Option<Value> {
        self.map.remove(name)
    }

    pub(crate) fn take(&mut self, name: &str) -> Result<Value, Wrong> {
        self.map
            .remove(name)
            .ok_or_else(|| format!("缺少「{}{name}」", self.within))
    }

    pub(crate) fn text(&mut self, name: &str) -> Result<String, Wrong> {
        match self.take(name)? {
            Value::String(text) => Ok(text),
            _ => Err(format!("「{}{name}」应是字符串", self.within)),
        }
    }

    /// A number without sign, fraction or exponent.
    pub(crate) fn whole(&mut self, name: &str) -> Result<u64, Wrong> {
        self.take(name)?
            .as_u64()
            .ok_or_else(|| format!("「{}{name}」应是只用数字写的整数，最大 2^53−1", self.within))
    }

    pub(crate) fn hash(&mut self, name: &str) -> Result<Hash, Wrong> {
        let text = self.text(name)?;
        note::hash(&text).ok_or_else(|| format!("「{}{name}」应是 32 字节的 Base64", self.within))
    }

    pub(crate) fn hashes(&mut self, name: &str) -> Result<Vec<Hash>, Wrong> {
        let place = format!("{}{name}", self.within);
        let Value::Array(list) = self.take(name)? else {
            return Err(format!("「{place}」应是列表"));
        };
        if list.len() > MAX_STEPS {
            return Err(format!("「{place}」最多 {MAX_STEPS} 步"));
        }
        list.iter()
            .enumerate()
            .map(|(step, value)| {
                value
                    .as_str()
                    .and_then(note::hash)
                    .ok_or_else(|| format!("「{place}[{step}]」应是 32 字节的 Base64"))
            })
            .collect()
    }

    /// Nothing else may stand there.
    pub(crate) fn end(self) -> Result<(), Wrong> {
        match self.map.keys().next() {
            None => Ok(()),
            Some(name) => Err(format!("有多余的「{}{name}」", self.within)),
        }
    }
}
