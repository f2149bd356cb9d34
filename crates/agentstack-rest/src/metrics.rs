//! Figures for Prometheus.

use std::fmt;

use agentstack_engine::{AUTHENTICATION, Ended, Figures, Observer, Rule, Signal};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// The upper ends of the classes of durations, in seconds.
const SECONDS: [f64; 12] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0];

/// The type of what [`Metrics::text`] makes: <https://prometheus.io/docs/specs/om/open_metrics_spec/>.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    operation: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    operation: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Why {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct By {
    rule: &'static str,
}

/// What is counted. Labels are names of our own: nothing that a caller sends becomes one.
pub struct Metrics {
    registry: Registry,
    calls: Family<Call, Counter>,
    durations: Family<Of, Histogram, fn() -> Histogram>,
    denied: Family<Why, Counter>,
    unauthenticated: Family<Why, Counter>,
    plugin_problems: Family<Why, Counter>,
    signals: Family<By, Counter>,
    sessions: Gauge,
    entries: Gauge,
    bytes: Gauge,
    sequence: Gauge,
    pub(crate) connections: Gauge,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let new: fn() -> Histogram = || Histogram::new(SECONDS);
        let mut metrics = Self {
            registry: Registry::with_prefix("agentstack"),
            calls: Family::default(),
            durations: Family::new_with_constructor(new),
            denied: Family::default(),
            unauthenticated: Family::default(),
            plugin_problems: Family::default(),
            signals: Family::default(),
            sessions: Gauge::default(),
            entries: Gauge::default(),
            bytes: Gauge::default(),
            sequence: Gauge::default(),
            connections: Gauge::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("calls", "Calls that have ended, by operation and outcome", self.calls.clone());
        let durations = self.durations.clone();
        registry.register_with_unit("call_duration", "How long calls took", Unit::Seconds, durations);
        registry.register("denials", "Calls that were denied, by reason", self.denied.clone());
        let failures = self.unauthenticated.clone();
        registry.register(
            "authentication_failures",
            "Credentials that were not accepted, by reason",
            failures,
        );
        let problems = self.plugin_problems.clone();
        registry.register(
            "plugin_problems",
            "Loads and calls of plugins that came to nothing, by reason",
            problems,
        );
        // From the start on, so that the first one is an increase.
        for rule in Rule::ALL {
            drop(self.signals.get_or_create(&By { rule: rule.as_str() }));
        }
        registry.register("signals", "What an operator should look at, by rule", self.signals.clone());
        registry.register("sessions", "Live sessions", self.sessions.clone());
        registry.register("entries", "Current memory entries", self.entries.clone());
        registry.register_with_unit("database_size", "Size of the database", Unit::Bytes, self.bytes.clone());
        let sequence = self.sequence.clone();
        registry.register("audit_sequence", "Sequence of the newest audit record", sequence);
        registry.register("connections", "Open connections", self.connections.clone());
    }

    /// All of it as text.
    pub(crate) fn text(&self, figures: &Figures) -> String {
        let set = |gauge: &Gauge, number: u64| gauge.set(i64::try_from(number).unwrap_or(i64::MAX));
        set(&self.sessions, figures.sessions);
        set(&self.entries, figures.entries);
        set(&self.bytes, figures.bytes);
        set(&self.sequence, figures.audit_sequence);
        let mut text = String::new();
        // Writing to a text does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

impl Observer for Metrics {
    fn ended(&self, call: &Ended) {
        if call.operation == AUTHENTICATION {
            self.unauthenticated.get_or_create(&Why { reason: call.denied.unwrap_or_default() }).inc();
            return;
        }
        self.calls.get_or_create(&Call { operation: call.operation, outcome: call.outcome }).inc();
        self.durations.get_or_create(&Of { operation: call.operation }).observe(call.duration.as_secs_f64());
        if is_a_plugins(call) {
            self.plugin_problems.get_or_create(&Why { reason: call.reason }).inc();
        }
        if let Some(reason) = call.denied {
            self.denied.get_or_create(&Why { reason }).inc();
        }
    }

    fn signal(&self, signal: &Signal) {
        self.signals.get_or_create(&By { rule: signal.rule.as_str() }).inc();
    }
}

/// Whether it is something that a plugin did or that was done to it: a trap, a limit, a load that was refused, a question
/// that was not granted.
fn is_a_plugins(call: &Ended) -> bool {
    match call.operation {
        "plugin_load" => call.denied.is_some(),
        "plugin_call" => {
            call.reason == "trap" || call.reason.starts_with("limit_") || call.reason.starts_with("plugin_")
        }
        _ => call.reason == "not_granted",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn signals_are_counted_by_rule_from_none_on() {
        let metrics = Metrics::default();
        let figures = Figures { sessions: 0, entries: 0, bytes: 0, audit_sequence: 0 };
        let count = |rule: Rule| {
            let text = metrics.text(&figures);
            let start = format!("agentstack_signals_total{{rule=\"{rule}\"}} ");
            text.lines().find_map(|line| line.strip_prefix(start.as_str())).unwrap().to_owned()
        };
        assert!(Rule::ALL.into_iter().all(|rule| count(rule) == "0"));
        metrics.signal(&Signal {
            rule: Rule::ErrorRate,
            principal: "token:ann".to_owned(),
            session: None,
            observed: 7,
            threshold: 5,
            at: agentstack_core::Timestamp::from_millis(0),
        });
        assert_eq!((count(Rule::ErrorRate), count(Rule::DenialBurst)), ("1".to_owned(), "0".to_owned()));
        assert!(!metrics.text(&figures).contains("ann"));
    }

    #[test]
    fn calls_denials_and_failures_are_counted() {
        let metrics = Metrics::default();
        let call = Ended {
            operation: "memory_get",
            outcome: "ok",
            denied: None,
            reason: "permitted",
            duration: Duration::from_micros(200),
        };
        metrics.ended(&call);
        metrics.ended(&call);
        metrics.ended(&Ended { outcome: "forbidden", denied: Some("policy"), ..call });
        let unavailable = Ended { operation: "plugin_call", outcome: "unavailable", ..call };
        metrics.ended(&Ended { reason: "limit_fuel", ..unavailable });
        metrics.ended(&Ended { reason: "trap", ..unavailable });
        metrics.ended(&Ended { reason: "trap", ..unavailable });
        metrics.ended(&unavailable);
        metrics.ended(&Ended { reason: "session_not_held", denied: Some("session_not_held"), ..unavailable });
        metrics.ended(&Ended { operation: "plugin_call", ..call });
        metrics.ended(&Ended {
            outcome: "forbidden",
            reason: "not_granted",
            denied: Some("not_granted"),
            ..call
        });
        metrics.ended(&Ended { operation: AUTHENTICATION, denied: Some("token_unknown"), ..call });
        let text = metrics.text(&Figures { sessions: 1, entries: 2, bytes: 3, audit_sequence: 4 });
        for line in [
            "agentstack_calls_total{operation=\"memory_get\",outcome=\"ok\"} 2",
            "agentstack_calls_total{operation=\"memory_get\",outcome=\"forbidden\"} 2",
            "agentstack_plugin_problems_total{reason=\"limit_fuel\"} 1",
            "agentstack_plugin_problems_total{reason=\"trap\"} 2",
            "agentstack_plugin_problems_total{reason=\"not_granted\"} 1",
            "agentstack_call_duration_seconds_bucket{le=\"0.00025\",operation=\"memory_get\"} 4",
            "agentstack_denials_total{reason=\"policy\"} 1",
            "agentstack_authentication_failures_total{reason=\"token_unknown\"} 1",
            "agentstack_sessions 1",
            "agentstack_entries 2",
            "agentstack_database_size_bytes 3",
            "agentstack_audit_sequence 4",
        ] {
            assert!(text.lines().any(|given| given == line), "{line} in\n{text}");
        }
        assert!(!text.contains("authenticate\""), "who was not let in made no call");
    }
}
