//! Calls of operations as the operator.

use std::sync::Arc;

use agentstack::{AgentStack, Caller, ErrorCode, Reply, find_operation};
use anyhow::{Context, anyhow};
use serde_json::{Map, Value};

use crate::Verdict;

/// Why there is no answer.
pub(crate) enum Refused {
    /// There is no such thing.
    Absent,
    /// Anything else.
    Other(anyhow::Error),
}

/// Calls an operation. Arguments that are null are not given.
pub(crate) async fn call(stack: &AgentStack, name: &str, arguments: Value) -> Result<Reply, Refused> {
    let spec = find_operation(name).context("no such operation").map_err(Refused::Other)?;
    let given = arguments.as_object().cloned().unwrap_or_default();
    let given: Map<String, Value> = given.into_iter().filter(|(_, value)| !value.is_null()).collect();
    let operator = Caller::new(Arc::new(AgentStack::operator()));
    stack.engine().dispatch(&operator, spec, given).await.map_err(|error| match error.code() {
        ErrorCode::NotFound => Refused::Absent,
        _ => Refused::Other(anyhow!("{}", error.message())),
    })
}

/// Ends a command that asked for a thing of this kind, and has printed what there is of it.
pub(crate) async fn end(
    stack: AgentStack,
    done: Result<(), Refused>,
    kind: &'static str,
) -> anyhow::Result<Verdict> {
    stack.close().await;
    match done {
        Ok(()) => Ok(Verdict::Well),
        Err(Refused::Absent) => {
            eprintln!("agentstack: there is no such {kind}");
            Ok(Verdict::Wrong)
        }
        Err(Refused::Other(error)) => Err(error),
    }
}
