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

/// Processor time that a process has taken, in microseconds; nothing of one that is not seen.
pub fn processor_us(pid: &str) -> f64 {
    /// The kernel counts in hundredths of a second, whatever it counts in by itself.
    const TICK_US: f64 = 10_000.0;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name before it may hold anything; user and system time are the twelfth and thirteenth after it.
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks
        .filter_map(|text| text.parse::<f64>().ok())
        .sum::<f64>()
        * TICK_US
}
