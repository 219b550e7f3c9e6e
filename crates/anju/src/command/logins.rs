//! `anju logins`: where the pages are and how to enter a demo centre.

use anju_domain::clock::Clock;
use anju_portal::authorization::role_name;
use serde_json::json;

use crate::{
    config::Config,
    home,
    start::{demo, office},
};

/// The demo's clerks and employees; their codes arrive on the phones of the outside world.
fn people(config: &Config) -> anyhow::Result<()> {
    let Ok(text) = std::fs::read_to_string(super::demo::file(config)) else {
        return Ok(());
    };
    let people: super::demo::People = serde_json::from_str(&text)?;
    println!(
        "  单位经办人    http://{}/login/unit（验证码看外部世界的手机）",
        config.listen
    );
    for (name, uscc, phone) in people.clerks {
        println!("    {uscc}  手机 {phone}  {name}");
    }
    println!(
        "  职工          http://{}/login（验证码看外部世界的手机）",
        config.listen
    );
    for one in people.employees {
        println!(
            "    {}  手机 {}  银行卡 {}  {}  {}",
            one.id_no, one.phone, one.card_no, one.name, one.note
        );
    }
    if !people.withdrawals.is_empty() {
        println!(
            "  提取演示人物  {} 人：{}/people",
            people.withdrawals.len(),
            config.outside_url
        );
    }
    Ok(())
}

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
            let roles: Vec<&str> = login.roles.iter().copied().map(role_name).collect();
            println!(
                "    {}  {}  口令 {}  动态码 {}  网点 {}  {}",
                login.number,
                login.name,
                login.password,
                login.code,
                login.branch,
                roles.join("、")
            );
        }
        println!(
            "    复核员只看本网点的办件；演示单位归网点 {}",
            demo::EMPLOYERS_BRANCH
        );
        people(config)?;
    }
    Ok(())
}
