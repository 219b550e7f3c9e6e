//! Sentences with a person's figures in them: `{rent_min_months}` stands for the value of the expression between the braces.

use crate::evaluate::{Context, Node};
use crate::expression::{Scope, compile};
use crate::value::{Type, Value};

/// A text with its places resolved.
#[derive(Clone, Debug, Default)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Clone, Debug)]
enum Piece {
    Words(String),
    Value(Node, Type),
}

impl Template {
    /// Reads a text.
    ///
    /// # Errors
    /// A brace without its partner, an expression that does not load.
    pub fn compile(text: &str, scope: &mut dyn Scope) -> Result<Template, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((words, after)) = rest.split_once('{') {
            let (expression, after) = after
                .split_once('}')
                .ok_or("a brace is opened and never closed")?;
            pieces.push(Piece::Words(words.into()));
            let (node, ty) = compile(expression, scope)?;
            pieces.push(Piece::Value(node, ty));
            rest = after;
        }
        pieces.push(Piece::Words(rest.into()));
        Ok(Template(pieces))
    }

    /// The sentence; a place without a value is a dash, a code is its word where `word` knows one.
    pub fn render(
        &self,
        context: Context<'_>,
        word: &dyn Fn(u16, &Value) -> Option<String>,
    ) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Words(words) => text.push_str(words),
                Piece::Value(node, ty) => match node.value(context).map(Value::from) {
                    Ok(value) => {
                        let named = node.own_slot().and_then(|slot| word(slot, &value));
                        text.push_str(&named.unwrap_or_else(|| ty.text(&value)));
                    }
                    Err(_) => text.push('—'),
                },
            }
        }
        text
    }
}
