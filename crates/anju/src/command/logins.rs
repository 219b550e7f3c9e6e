//! `anju logins`: where the pages are and how to enter a demo centre.

use serde_json::json;

use crate::{
    config::Config,
    home,
    start::{demo, office},
};

/// Prints the addresses and, of a demo centre, its logins.
pub fn run(config: &Config, as_json: bool) -> anyhow::Result<()> {
    let now = office::clock(&config.home).now();
    let staff = if config.demo {
        demo::staff_logins(config, now.timestamp())?
    } else {
        Vec::new()
    };
    if as_json {
        println!(
            "{}",
            json!({"server": format!("http://{}", config.listen), "outside": config.outside_url, "staff": staff})
        );
        return Ok(());
    }
    println!("\n  公众与办事    http://{}/", config.listen);
    println!("  外部世界      {}/", config.outside_url);
    if config.demo {
        println!("  接口密钥      {}", home::demo_key(&config.home).display());
        println!(
            "  工作台        http://{}/login/staff（动态码每 30 秒一变、只能用一次；再看：anju logins）",
            config.listen
        );
        for login in staff {
            println!(
                "    {}  {}  口令 {}  动态码 {}  {}",
                login.number,
                login.name,
                login.password,
                login.code,
                login.roles.join("、")
            );
        }
    }
    Ok(())
}
