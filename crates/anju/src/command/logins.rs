//! `anju logins`: where the pages are and how to enter a demo centre.

use crate::{config::Config, home};

/// Prints the addresses and, of a demo centre, its logins.
pub fn run(config: &Config) {
    println!("\n  公众与办事    http://{}/", config.listen);
    println!("  外部世界      {}/", config.outside_url);
    if config.demo {
        println!("  接口密钥      {}", home::demo_key(&config.home).display());
    }
}
