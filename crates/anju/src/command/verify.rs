//! `anju verify`: a proof bundle, checked with the keys of a file and nothing else: no database, no network, no trust in us.

use std::{fs, path::Path, process::ExitCode};

use anju_domain::clock::chinese_second;
use anju_evidence::note::VerifierKey;
use anju_evidence::proof::{Bundle, Verified};
use anju_evidence::transition;
use anyhow::{Context, anyhow, ensure};
use chrono::DateTime;

/// Prints what holds. Exit 1 with the first thing that does not.
pub fn run(bundle: &Path, keys: &Path, transitions: Option<&Path>) -> anyhow::Result<ExitCode> {
    let keys = read_keys(keys, transitions)?;
    let bytes = fs::read(bundle).with_context(|| format!("读不到凭据 {}", bundle.display()))?;
    let checked = Bundle::parse(&bytes).and_then(|bundle| bundle.verify(&keys));
    match checked {
        Ok(verified) => {
            print!("{}", words(&verified));
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            println!("不成立　{error}");
            println!("这份凭据不能证明什么，请不要采信。");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// The keys that the reader trusts, and those that they introduce. Of the second file nothing but transitions is read, so that it may come
/// from the centre itself.
fn read_keys(path: &Path, transitions: Option<&Path>) -> anyhow::Result<Vec<VerifierKey>> {
    let read = |path: &Path| {
        let bytes = fs::read(path).with_context(|| format!("读不到公钥文件 {}", path.display()))?;
        String::from_utf8(bytes).map_err(|_| anyhow!("公钥文件 {} 不是 UTF-8 文本", path.display()))
    };
    let transitions = transitions.map(read).transpose()?.unwrap_or_default();
    let keys = transition::read_keys_and_transitions(&read(path)?, &transitions)?;
    ensure!(!keys.is_empty(), "公钥文件 {} 里没有公钥", path.display());
    Ok(keys)
}

fn words(verified: &Verified) -> String {
    let mut lines = vec![format!(
        "成立　记录的摘要与凭据一致，短码 {}",
        verified.short_code()
    )];
    if let Some((index, size)) = verified.batch {
        lines.push(format!(
            "成立　是一批 {size} 条里的第 {index} 条（从 0 数起）"
        ));
    }
    lines.push(format!(
        "成立　从第 {} 片叶子（从 0 数起）经 {} 步算到树根，树有 {} 片叶子",
        verified.index, verified.steps, verified.size
    ));
    lines.push(format!(
        "成立　树根由日志 {} 签名（Ed25519{}）",
        verified.origin,
        if verified.sm2 { " 和 SM2" } else { "" }
    ));
    for (name, time) in &verified.witnesses {
        let at = i64::try_from(*time)
            .ok()
            .and_then(|time| DateTime::from_timestamp(time, 0))
            .map_or_else(|| time.to_string(), chinese_second);
        lines.push(format!("成立　见证人 {name} 于 {at} 签名"));
    }
    // A genuine proof of something else is no proof of this.
    lines.push(format!("凭据说的是：{}", verified.about));
    lines.push("这份凭据是真的，没有被改过。".to_owned());
    lines.push(String::new());
    lines.join("\n")
}
