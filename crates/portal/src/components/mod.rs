//! 组件: the parts that every page is built of, one struct, one file and one template each (`templates/components/`).
//! Invariant: a component prints escaped text only; the single way to markup is [`Text`], which escapes what it is given.
//! A state is always icon + word + colour ([`State`]), money is always fen in `<data value>` ([`filters`]).
//! Start with `text.rs`; `/desk/styleguide` draws every one in every state.

pub(crate) mod filters;

mod btn;
mod chart;
mod checker;
mod confirm;
mod decision;
mod devices;
mod drop;
mod err_table;
mod errors;
mod field;
mod flash;
mod flight;
mod keys;
mod masked;
mod receipt;
mod rows;
mod state;
mod summary;
mod table;
mod text;
mod timeline;
mod track;
mod waiting;

pub use btn::{Button, Look as ButtonLook};
pub use chart::{Chart, ChartKind, Point, Series};
pub use checker::{Change, Hand, Hands};
pub use confirm::Confirm;
pub use decision::{Condition, Formula, FormulaLine, Remedy, Verdict};
pub use devices::{Device, Devices};
pub use drop::Drop;
pub use err_table::{ErrTable, Fault, Mend, Repaired};
pub use errors::{ErrorSummary, Mistake};
pub use field::{Choice, Choices, Field, Kind as FieldKind};
pub use flash::Flash;
pub use flight::{Flight, Leg};
pub use keys::Keys;
pub use masked::Masked;
pub use receipt::{ProofAddress, Receipt};
pub use rows::{Row, Rows};
pub use state::{State, Tag, Tone};
pub use summary::{Facts, Summary, SummaryRow};
pub use table::{Cell, Column, Line, Pager, Table, Tabs};
pub use text::{Text, figure, last_four};
pub use timeline::{Event, Timeline, When};
pub use track::{Step, Track};
pub use waiting::{Promise, Source, Sources};

/// Lets templates print a component without escaping it again: its own template has escaped everything.
macro_rules! prints_itself {
    ($($component:ty),+ $(,)?) => {
        $(impl askama::filters::HtmlSafe for $component {})+
    };
}
use prints_itself;
