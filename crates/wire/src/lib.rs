//! Codecs of every protocol spoken with the outside: pure.

pub mod credit;
pub mod face;
pub mod gateway;
pub mod iso20022;
pub mod platform;
pub mod sms;
