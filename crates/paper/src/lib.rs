//! Papers as PDF: receipts, certificates, statements. A crate of its own, because typst builds slowly.
//!
//! Invariant: what a person wrote reaches a template as an input, never as source, and a character for
//! which no font has a glyph refuses the paper instead of leaving a box on it. Read `receipt` first.

mod decree;
mod font;
mod press;
mod receipt;
mod sheet;
mod stamp;

pub use decree::DecreeData;
pub use press::{PaperError, Press};
pub use receipt::{Moment, ReceiptData};
pub use sheet::{SheetData, SheetFact, SheetTable};
