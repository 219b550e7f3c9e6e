//! Expressions as trees, kept by their text. A definition is written out wherever it is named, and a centre's files are read again at
//! each start, draft, simulation and replay: the parser took three quarters of that.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use cel::common::ast::IdedExpr;
use cel::parser::Parser;

/// So many texts are kept; a centre has about a thousand. When there are more, all are forgotten and read again.
const MOST_KEPT: usize = 4_096;

static KEPT: LazyLock<Mutex<HashMap<Box<str>, Arc<IdedExpr>>>> = LazyLock::new(Mutex::default);

/// The tree of an expression.
///
/// # Errors
/// What is wrong with it, in one sentence. That is not kept.
pub(crate) fn parsed(text: &str) -> Result<Arc<IdedExpr>, String> {
    // A tree is put in whole or not at all, so that a panic elsewhere leaves nothing half done.
    let kept = || KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(tree) = kept().get(text) {
        return Ok(tree.clone());
    }
    let tree = Parser::new().parse(text).map_err(|errors| {
        let first = errors.errors.first();
        first.map_or_else(
            || "not an expression".into(),
            |error| format!("{} at column {}", error.msg, error.pos.1),
        )
    })?;
    let tree = Arc::new(tree);
    let mut kept = kept();
    if kept.len() >= MOST_KEPT {
        kept.clear();
    }
    kept.insert(text.into(), tree.clone());
    Ok(tree)
}
