//! 页面: what each page shows, as structs of display-ready words, components and fen, with its template beside it in
//! `templates/`. Invariant: no query, no rule and no arithmetic with money in here; handlers fill these structs and answer
//! with them. Start with the page you see; those that are drawn once for all services are in [`crate::service`].

pub mod desk;
pub mod error;
pub mod login;
pub mod my;
pub mod settings;
pub mod site;
pub mod styleguide;
pub mod unit;
