//! What the machine has.

use std::fs;

/// Memory in MB; 0 where the system does not say.
pub fn memory_mb() -> u64 {
    value_of("/proc/meminfo", "MemTotal")
        .trim_end_matches(" kB")
        .parse::<u64>()
        .unwrap_or_default()
        / 1024
}

/// Name of the processor; empty where the system does not say.
pub fn cpu() -> String {
    value_of("/proc/cpuinfo", "model name")
}

fn value_of(file: &str, name: &str) -> String {
    fs::read_to_string(file)
        .unwrap_or_default()
        .lines()
        .find_map(|line| {
            Some(
                line.strip_prefix(name)?
                    .split_once(':')?
                    .1
                    .trim()
                    .to_owned(),
            )
        })
        .unwrap_or_default()
}
