//! One file a command of the command line; each prints for a person and returns an exit code.

pub mod admin;
pub mod audit;
pub mod backup;
pub mod bench;
pub mod clock;
pub mod close;
pub mod cluster;
pub mod config;
pub mod demo;
pub mod entitled;
pub mod export;
pub mod life;
pub mod logins;
pub mod migrate;
pub mod mistyped;
pub mod outside;
pub mod policy;
pub mod ready;
pub mod restore;
pub mod serve;
pub mod setup;
pub mod vectors;
pub mod verify;
pub mod walk;

/// What went wrong, from what was wanted down to its cause, in Chinese also where the cause is the system's.
#[must_use]
pub fn told(error: &anyhow::Error) -> String {
    // A database that is away is no file that is missing.
    let of_database = error.chain().any(|cause| cause.is::<sqlx::Error>());
    let causes = error.chain().map(|cause| {
        let of_system = cause
            .downcast_ref::<std::io::Error>()
            .filter(|_| !of_database);
        match of_system.map(std::io::Error::kind) {
            Some(std::io::ErrorKind::NotFound) => "没有这个文件，请核对路径".to_owned(),
            Some(std::io::ErrorKind::PermissionDenied) => {
                "没有权限，请换有权限的用户，或改它的权限".to_owned()
            }
            Some(std::io::ErrorKind::IsADirectory) => "这是文件夹，请给出文件".to_owned(),
            _ => cause.to_string(),
        }
    });
    causes.collect::<Vec<_>>().join("：")
}
