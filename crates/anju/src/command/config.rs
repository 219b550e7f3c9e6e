//! `anju config`: the settings in force, as the file that could hold them.

use crate::config::Config;

/// Prints the configuration.
pub fn run(config: &Config) {
    print!("{}", config.to_file());
}
