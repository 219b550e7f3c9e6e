//! 缴存清册: the monthly roster of an employer, from the bytes of an xlsx to the whole resulting list.
//!
//! Pure: no database, no clock. [`read`] opens a file as if it came from an enemy, [`lines`] reads its cells
//! as a clerk means them, [`check`] compares them with the employer's books and the policy of the month.
//! Invariant: a roster either yields the whole list with the sum of its lines, or every fault of the file
//! in one answer; nothing is dropped by silence. Read `sheet` first.
//!
//! A file is refused whole, with neither row nor column, for these reasons:
//!
//! | code | reason |
//! |---|---|
//! | E-FILE-01 | not an xlsx, whatever its name |
//! | E-FILE-02 | encrypted |
//! | E-FILE-03 | with macros |
//! | E-FILE-04 | with links to other files or outside data |
//! | E-FILE-05 | damaged |
//! | E-FILE-06 | more than 20 MB packed |
//! | E-FILE-07 | more than 200 MB unpacked, measured while it is inflated |
//! | E-FILE-08 | more than 50,000 rows |
//! | E-FILE-09 | no header |
//! | E-FILE-10 | a header twice, or a column twice in it |
//! | E-FILE-11 | merged cells among the data |
//! | E-FILE-12 | nobody under the header |

mod amounts;
mod cells;
mod check;
mod diagnosis;
mod difference;
mod fault;
mod format;
mod line;
mod list;
mod number;
mod package;
mod place;
mod ratio;
mod reading;
mod refusal;
mod rules;
mod scan;
mod sheet;
mod strings;
mod verification;
mod workbook;
pub mod writer;
mod xml;

pub use amounts::{AmountLine, amounts};
pub use check::{
    Checked, Context, Elsewhere, Member, MemberState, Mode, PoliceAnswer, RatioChange, Refused,
    RosterPolicy, check, to_verify,
};
pub use difference::{Difference, DifferenceKind, Equation, LastLine};
pub use fault::{AMOUNT, Absent, Column, Fault, Notice, Remedy};
pub use line::{Change, Field, RosterLine, lines};
pub use list::{Counts, ListLine};
pub use package::{MAX_PACKED_BYTES, MAX_UNPACKED_BYTES};
pub use sheet::{MAX_ROWS, Sheet, Value, read};
