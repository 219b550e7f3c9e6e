//! Conversations with the outside: gateway, banks, messages, face.

pub mod breaker;
pub mod catalogue;
pub mod source;
