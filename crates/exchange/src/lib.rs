//! Conversations with the outside: gateway, banks, messages, face.
//!
//! Nothing of this is called inside a database transaction; what must be said or asked comes from outbox and
//! gather. Read `gateway` first, then `source`.

mod announce;
mod ask;
pub mod bank;
pub mod batch;
pub mod breaker;
pub mod catalogue;
mod counterpart;
pub mod court;
pub mod dispute;
pub mod face;
pub mod fact_store;
pub mod gateway;
pub mod given;
pub mod health;
pub mod identity;
pub mod index;
pub mod kept;
pub mod keys;
pub mod licence;
pub mod line;
mod meet;
pub mod message;
pub mod platform;
pub mod push;
mod quota;
pub mod schema;
pub mod sent;
pub mod source;
pub mod told;
pub mod witness;

pub use counterpart::Failure;
pub use meet::TurnFault;
