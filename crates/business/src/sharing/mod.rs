//! 数据共享: what sources say by file, what a person doubts of what they say, and how good their answers are.
//!
//! Invariant: a file counts once and whole; what it says of somebody who is not our customer leaves nothing behind. Read `batch.rs` first.

pub mod batch;
pub mod death;
pub mod dispute;
pub mod given;
pub mod pretax;
pub mod quality;
pub mod sent;
pub mod supervision;
