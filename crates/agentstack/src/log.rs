//! What is printed for people: log lines, the last error, panics. All of it is scrubbed (S40).

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::Write;
use std::sync::LazyLock;

use agentstack_guard::Redactor;
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

static REDACTOR: LazyLock<Redactor> = LazyLock::new(Redactor::default);

/// What this process keeps out of its log, its errors and its panics: the secrets that it was told, and what looks like
/// one. [`AgentStack::open`](crate::AgentStack::open()) tells it those of its options; whoever replaces a key while the
/// product runs tells it the new one and, once the old one opens nothing any more, lets it forget that.
///
/// A program with a subscriber of its own puts [`Redactor::writer`] in front of where its lines go, or
/// [`Redactor::json_writer`].
#[must_use]
pub fn redactor() -> &'static Redactor {
    &REDACTOR
}

/// Sends this product's log lines from `level` on to standard error, without secrets. Call it once, at the start.
///
/// Only our own crates are listened to: libraries log what they handle, and what they handle is content
/// (S40). rmcp, for one, logs whole messages.
pub fn init_logging(level: LevelFilter, format: LogFormat) {
    let ours = filter_fn(|metadata| metadata.target().starts_with("agentstack"));
    let filter = ours.and(Targets::new().with_default(level));
    let layer = tracing_subscriber::fmt::layer().with_ansi(false);
    let layer: Box<dyn Layer<_> + Send + Sync> = match format {
        LogFormat::Text => {
            boxed(layer.with_writer(|| redactor().writer(std::io::stderr())).with_filter(filter))
        }
        LogFormat::Json => {
            boxed(layer.json().with_writer(|| redactor().json_writer(std::io::stderr())).with_filter(filter))
        }
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

/// Makes panics print what they would have printed, without secrets. For programs that have no hook of their own.
pub fn scrub_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        let mut text = format!("thread '{}' {panic}\n", thread.name().unwrap_or("<unnamed>"));
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            text = format!("{text}{backtrace}\n");
        }
        // There is nobody to tell that nobody can be told.
        let _ = redactor().writer(std::io::stderr()).write_all(text.as_bytes());
    }));
}

#[cfg(test)]
mod tests;
