//! Where log lines go: standard error, one a line, as words or as JSON.

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{Config, LogFormat};

/// Begins logging for a process that serves.
pub fn begin(config: &Config) {
    let filter = EnvFilter::try_new(&config.log).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::registry().with(filter);
    match config.log_format {
        LogFormat::Text => lines.with(fmt::layer().with_writer(std::io::stderr)).init(),
        LogFormat::Json => lines
            .with(fmt::layer().json().with_writer(std::io::stderr))
            .init(),
    }
}
