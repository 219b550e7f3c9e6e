//! The national transfer platform (全国住房公积金转移接续平台): takes the messages of centres and hands them over; centres that nobody
//! runs it simulates itself.
//!
//! Invariant: a message is on the disk before its sender hears that it was taken, it is handed over until the receiver answers 2xx, and
//! the same number of the same sender is taken once. `register.rs` holds the state, `door.rs` speaks with centres and people,
//! `hand_over.rs` delivers, `centre.rs` is how a simulated centre behaves.

mod centre;
pub mod door;
mod hand_over;
mod register;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError, RwLock};

use anju_vault::SharedKey;
use anju_wire::gateway::NonceWindow;
use tokio::sync::Notify;

pub use hand_over::run;
pub use register::Register;

use crate::World;
use crate::bank::BankCode;
use crate::store::{Store, StoreError};

/// Code of the centre of this home: the region of 重庆.
pub const HOME: &str = "500000";
/// Code of 成都: simulated until a centre registers under it.
pub const CHENGDU: &str = "510100";

/// The platform.
pub struct Platform {
    pub(crate) store: Store<Register>,
    pub(crate) nonces: Mutex<NonceWindow>,
    pub(crate) changed: Notify,
    /// The centres that have registered, for those who cannot wait for the store.
    known: RwLock<HashMap<String, RunCentre>>,
}

/// A centre that somebody runs: where it listens and the secrets shared with it.
#[derive(Clone)]
pub struct RunCentre {
    /// `127.0.0.1:8329`.
    pub address: String,
    /// Secret of its line to departments and platform.
    pub key: SharedKey,
    /// Secret of its line to its bank.
    pub bank_key: SharedKey,
}

impl Platform {
    /// Opens the platform's register in the outside world's home.
    pub fn open(home: &Path) -> Result<Platform, StoreError> {
        let store = Store::<Register>::open(home)?;
        let platform = Platform {
            store,
            nonces: Mutex::default(),
            changed: Notify::new(),
            known: RwLock::default(),
        };
        platform.store.peek(|register| platform.learn(register))?;
        Ok(platform)
    }

    /// Takes over who is registered.
    fn learn(&self, register: &Register) {
        let run = register
            .centres()
            .filter_map(|(code, centre)| Some((code.to_owned(), centre.run()?)));
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = run.collect();
    }
}

impl World {
    /// A centre that has registered under that code.
    pub(crate) fn centre(&self, code: &str) -> Option<RunCentre> {
        let known = self.platform.known.read();
        known
            .unwrap_or_else(PoisonError::into_inner)
            .get(code)
            .cloned()
    }

    /// A centre that somebody runs: one that has registered, or the one of this home.
    pub(crate) fn run_centre(&self, code: &str) -> Option<RunCentre> {
        self.centre(code).or_else(|| {
            (code == HOME).then(|| RunCentre {
                address: self.product.clone(),
                key: self.keys.gateway.clone(),
                bank_key: self.keys.bank.clone(),
            })
        })
    }

    /// The centre that a bank tells.
    pub(crate) fn centre_of_bank(&self, bank: BankCode) -> Option<RunCentre> {
        self.run_centre(bank.data().centre)
    }

    /// The secret of a bank's line.
    pub(crate) fn bank_key(&self, bank: BankCode) -> SharedKey {
        self.centre_of_bank(bank)
            .map_or_else(|| self.keys.bank.clone(), |centre| centre.bank_key)
    }
}
