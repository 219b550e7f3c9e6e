//! Sentences with a person's figures in them: `{rent_min_months}` stands for the value of the expression between the braces; a part in
//! `[…]` is said only where all its values are known.

use crate::evaluate::{Context, Node, Val};
use crate::expression::{Scope, compile};
use crate::value::Type;

/// A text with its places resolved.
#[derive(Clone, Debug, Default)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Clone, Debug)]
enum Piece {
    Words(String),
    Value(Node, Type),
    Part(Template),
}

impl Template {
    /// Reads a text.
    ///
    /// # Errors
    /// A brace or bracket without its partner, an expression that does not load.
    pub fn compile(text: &str, scope: &mut dyn Scope) -> Result<Template, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('[') {
            let (part, after) = after
                .split_once(']')
                .ok_or("a bracket is opened and never closed")?;
            pieces.extend(Self::values(before, scope)?);
            pieces.push(Piece::Part(Template(Self::values(part, scope)?)));
            rest = after;
        }
        pieces.extend(Self::values(rest, scope)?);
        Ok(Template(pieces))
    }

    fn values(text: &str, scope: &mut dyn Scope) -> Result<Vec<Piece>, String> {
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
        Ok(pieces)
    }

    /// The whole sentence, where it has no figures.
    pub fn fixed(&self) -> Option<&str> {
        match &self.0[..] {
            [] => Some(""),
            [Piece::Words(words)] => Some(words),
            _ => None,
        }
    }

    /// Writes the sentence; a place without a value is a dash, a code is its word where `word` knows one.
    pub fn write<'w>(
        &self,
        text: &mut String,
        context: Context<'_>,
        word: &dyn Fn(u16, Val<'_>) -> Option<&'w str>,
    ) {
        for piece in &self.0 {
            match piece {
                Piece::Words(words) => text.push_str(words),
                Piece::Value(node, ty) => match node.value(context) {
                    Ok(value) => match node.own_slot().and_then(|slot| word(slot, value)) {
                        Some(named) => text.push_str(named),
                        None => ty.write(text, value),
                    },
                    Err(_) => text.push('—'),
                },
                Piece::Part(part) if part.is_known(context) => part.write(text, context, word),
                Piece::Part(_) => {}
            }
        }
    }

    fn is_known(&self, context: Context<'_>) -> bool {
        self.0.iter().all(|piece| match piece {
            Piece::Value(node, _) => node.value(context).is_ok(),
            Piece::Words(_) | Piece::Part(_) => true,
        })
    }
}
