//! Brings the PostgreSQL server programs and the Chinese fonts onto a Debian or Ubuntu machine.
//!
//! Invariant: the distribution's own cluster is never made or started by us, and nothing is installed unless we are root.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{Result, account::effective_uid, run};

/// What an administrator types when we may not do it ourselves.
pub const COMMAND: &str = "sudo apt-get install -y --no-install-recommends postgresql";

/// What an administrator types for the fonts.
pub const FONTS_COMMAND: &str = "sudo apt-get install -y --no-install-recommends fonts-noto-cjk";

/// The oldest major version whose SQL we use.
const OLDEST: u32 = 15;

/// Folder of the server programs: Debian keeps one a version and none of them in PATH; the highest is taken.
pub fn programs() -> Option<PathBuf> {
    let versions = Path::new("/usr/lib/postgresql");
    let newest = fs::read_dir(versions)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|version| *version >= OLDEST)
        .filter(|version| {
            versions
                .join(version.to_string())
                .join("bin/initdb")
                .exists()
        })
        .max()
        .map(|version| versions.join(version.to_string()).join("bin"));
    newest.or_else(|| {
        let path = std::env::var_os("PATH")?;
        let folder = std::env::split_paths(&path).find(|folder| folder.join("initdb").exists())?;
        // A link in PATH leads to the folder where the server itself lies.
        fs::canonicalize(folder.join("initdb"))
            .ok()?
            .parent()
            .map(Path::to_owned)
    })
}

/// Installs what is missing if we are root. Says in Chinese what it did, line by line.
pub fn missing() -> Result<Vec<String>> {
    let mut said = Vec::new();
    let root = effective_uid()? == 0;
    if programs().is_none() && root {
        said.push("安装 PostgreSQL".to_owned());
        // The settings first: with them the package makes no cluster of its own.
        apt_get(&["update"])?;
        apt_get(&["install", "postgresql-common"])?;
        keep_distribution_from_making_a_cluster()?;
        apt_get(&["install", "postgresql"])?;
    }
    if !chinese_fonts() {
        if root {
            said.push("安装中文字体".to_owned());
            apt_get(&["install", "fonts-noto-cjk"])?;
        } else {
            said.push(format!(
                "本机没有中文字体，PDF 凭证将缺字。请运行：{FONTS_COMMAND}"
            ));
        }
    }
    Ok(said)
}

fn keep_distribution_from_making_a_cluster() -> Result<()> {
    let settings = Path::new("/etc/postgresql-common/createcluster.conf");
    let text = fs::read_to_string(settings).unwrap_or_default();
    if !text
        .lines()
        .any(|line| line.trim() == "create_main_cluster = false")
    {
        fs::write(settings, format!("{text}\ncreate_main_cluster = false\n"))
            .map_err(super::file(settings))?;
    }
    Ok(())
}

fn chinese_fonts() -> bool {
    [
        "/usr/share/fonts/opentype/noto",
        "/usr/share/fonts/noto-cjk",
    ]
    .iter()
    .any(|folder| Path::new(folder).join("NotoSansCJK-Regular.ttc").exists())
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    run(Command::new("apt-get")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args([
            "-qq",
            "-y",
            "--no-install-recommends",
            "-o",
            "Dpkg::Options::=--force-confold",
        ])
        .args(arguments))
    .map(drop)
}
