//! `agentstack audit export`

use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

use agentstack::audit::Record;
use agentstack::command::{AuditFilter, QueryAudit};
use agentstack::{AgentStack, Command, ErrorBody, find_operation, keys};
use anyhow::{Context, anyhow};
use serde_json::json;

use super::query::Filter;
use crate::Verdict;
use crate::terminal::{Meter, lose};

/// What a record becomes.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// One JSON object a line, byte for byte as the log has it: the chain of hashes can be computed from all of them.
    Jsonl,
    /// Comma-separated values as RFC 4180 has them.
    Csv,
}

#[derive(clap::Args)]
pub(crate) struct Export {
    #[command(flatten)]
    filter: Filter,
    /// What a record becomes.
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
    /// A new private file to write to [default: standard output].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Why an export ended early.
enum Stopped {
    Refused(ErrorBody),
    Unwritable(std::io::Error),
}

impl From<ErrorBody> for Stopped {
    fn from(body: ErrorBody) -> Self {
        Self::Refused(body)
    }
}

pub(super) async fn run(stack: &AgentStack, asked: Export, as_json: bool) -> anyhow::Result<Verdict> {
    let Export { filter, format, out } = asked;
    let filter = read(&filter)?;
    let mut target: Box<dyn Write> = match &out {
        Some(path) => Box::new(BufWriter::new(keys::new_private_file(path)?)),
        None => Box::new(BufWriter::new(std::io::stdout())),
    };
    let mut meter = Meter::of_things(as_json);
    if format == Format::Csv {
        write_row(&mut target, &COLUMNS.map(str::to_owned))?;
    }
    let operator = Arc::new(AgentStack::operator());
    let done = stack.engine().export_audit(
        operator,
        &filter,
        |line, record| {
            let written = match format {
                Format::Jsonl => writeln!(target, "{}", line.body),
                Format::Csv => write_row(&mut target, &row(record)),
            };
            written.map_err(Stopped::Unwritable)
        },
        |at, total| meter.at("records", at, total),
    );
    let done = match done.await {
        Ok(taken) => target.flush().map(|()| taken).map_err(Stopped::Unwritable),
        Err(stopped) => Err(stopped),
    };
    drop(meter);
    let taken = match done {
        Ok(taken) => taken,
        Err(Stopped::Refused(body)) => return Err(anyhow!("{}", body.message())),
        Err(Stopped::Unwritable(error)) => {
            if let Some(path) = out {
                return Err(error).with_context(|| format!("writing {}", path.display()));
            }
            lose(&error);
            return Ok(Verdict::Well);
        }
    };
    match out {
        Some(path) if as_json => {
            println!("{:#}", json!({ "file": path.display().to_string(), "records": taken }));
        }
        Some(path) => eprintln!("{taken} records are in {}.", path.display()),
        None => {}
    }
    Ok(Verdict::Well)
}

/// The filter, its values checked as those of any call.
fn read(filter: &Filter) -> anyhow::Result<AuditFilter> {
    let spec = find_operation("audit_query").context("no such operation")?;
    let serde_json::Value::Object(mut arguments) = filter.arguments() else {
        return Ok(AuditFilter::default());
    };
    arguments.retain(|_, value| !value.is_null());
    match agentstack::parse(spec, arguments) {
        Ok(Command::QueryAudit(QueryAudit { filter, .. })) => Ok(filter),
        Ok(_) => Err(anyhow!("an answer to another question")),
        Err(error) => Err(error.into()),
    }
}

const COLUMNS: [&str; 15] = [
    "sequence",
    "at",
    "principal",
    "agentId",
    "identityId",
    "sessionId",
    "operation",
    "resource",
    "decision",
    "reason",
    "policy",
    "requestId",
    "outcome",
    "durationUs",
    "counts",
];

fn row(record: &Record) -> [String; 15] {
    let or_empty = |value: Option<String>| value.unwrap_or_default();
    let counts: Vec<String> = record.counts.iter().map(|(name, count)| format!("{name}={count}")).collect();
    [
        record.sequence.to_string(),
        record.at.clone(),
        record.principal.clone(),
        or_empty(record.agent.as_ref().map(ToString::to_string)),
        or_empty(record.identity.map(|id| id.to_string())),
        or_empty(record.session.map(|id| id.to_string())),
        record.operation.clone(),
        or_empty(record.resource.map(|hash| hash.to_string())),
        record.decision.as_str().to_owned(),
        record.reason.clone(),
        record.policy.clone(),
        record.request.to_string(),
        record.outcome.as_str().to_owned(),
        record.duration_us.to_string(),
        counts.join(" "),
    ]
}

/// One record a line, whatever is in it: control characters are written out. What a spreadsheet would take for a formula
/// begins with an apostrophe.
fn write_row(out: &mut dyn Write, fields: &[String]) -> std::io::Result<()> {
    let field = |text: &String| {
        let mut plain: String = text
            .chars()
            .flat_map(|it| if it.is_control() { it.escape_unicode().collect::<Vec<_>>() } else { vec![it] })
            .collect();
        if plain.starts_with(['=', '+', '-', '@']) {
            plain.insert(0, '\'');
        }
        if plain.contains([',', '"']) { format!("\"{}\"", plain.replace('"', "\"\"")) } else { plain }
    };
    let fields: Vec<String> = fields.iter().map(field).collect();
    write!(out, "{}\r\n", fields.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s46_a_row_is_one_line_and_no_formula() {
        let mut out = vec![];
        let fields = ["a", "=1+1", "x,y", "say \"hi\"", "two\nlines\u{1b}[0m", ""].map(str::to_owned);
        write_row(&mut out, &fields).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "a,'=1+1,\"x,y\",\"say \"\"hi\"\"\",two\\u{a}lines\\u{1b}[0m,\r\n");
    }
}
