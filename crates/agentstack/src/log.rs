//! Logging to standard error.

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterExt, Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// Sends this product's log lines from `level` on to standard error. Call it once, at the start.
///
/// Only our own crates are listened to: libraries log what they handle, and what they handle is content
/// (S40). rmcp, for one, logs whole messages.
pub fn init_logging(level: LevelFilter, format: LogFormat) {
    let ours = filter_fn(|metadata| metadata.target().starts_with("agentstack"));
    let filter = ours.and(Targets::new().with_default(level));
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    let layer: Box<dyn Layer<_> + Send + Sync> = match format {
        LogFormat::Text => boxed(layer.with_filter(filter)),
        LogFormat::Json => boxed(layer.json().with_filter(filter)),
    };
    // A program that embeds the product may have a subscriber of its own; then that one stays.
    let _ = tracing_subscriber::registry().with(layer).try_init();
}

fn boxed<S: Subscriber>(layer: impl Layer<S> + Send + Sync) -> Box<dyn Layer<S> + Send + Sync> {
    Box::new(layer)
}

/// Logs an error of the program itself.
pub fn log_error(message: &str) {
    tracing::error!("{message}");
}
