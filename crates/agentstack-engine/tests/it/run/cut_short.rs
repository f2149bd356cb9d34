//! Runs whose caller goes at whatever step: what goes on without it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use agentstack_audit::{Decision, Outcome, Record};
use agentstack_engine::{AgentKind, Coordination};
use agentstack_providers::testing::{Scripted, answer};
use agentstack_providers::{ChatAnswer, ProviderError};
use serde_json::json;

use super::{run, settings, spawned, state};
use crate::faulty::Faulty;
use crate::support::{Client, UNKNOWN, World};

/// A future that is polled so often and then given up, if it is not done by then.
struct Polled<F> {
    future: Pin<Box<F>>,
    left: usize,
}

impl<F: Future> Future for Polled<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.future.as_mut().poll(context) {
            Poll::Ready(output) => return Poll::Ready(Some(output)),
            Poll::Pending => self.left = self.left.saturating_sub(1),
        }
        if self.left == 0 { Poll::Ready(None) } else { Poll::Pending }
    }
}

/// Waits until nobody runs the agent. What the call asks for would be refused, if it came to that.
async fn settled(client: &Client<'_>, agent: &str) {
    let never = json!({ "storeAs": "k", "storeNamespace": format!("session:{UNKNOWN}") });
    loop {
        match client.call("agent_run", run(agent, never.clone())).await.code() {
            "not_found" => return,
            "conflict" => tokio::task::yield_now().await,
            other => panic!("{other}"),
        }
    }
}

/// The changes of an agent's state by a run, and the records of the run itself.
fn told(records: &[Record]) -> (Vec<String>, Vec<Outcome>) {
    let changes = records.iter().filter(|record| record.operation == "agent_update_status");
    let is_settling = |record: &&Record| {
        record.operation == "agent_run"
            && record.decision == Decision::Allow
            && record.outcome != Outcome::Conflict
    };
    let runs = records.iter().filter(is_settling).map(|record| record.outcome);
    (changes.map(|record| record.reason.clone()).collect(), runs.collect())
}

/// Makes runs with this answer that are given up after one step, after two, and so on, until one comes to its end.
async fn assert_whole(answer: impl Fn() -> Result<ChatAnswer, ProviderError>, used: u64, end: &str) {
    let script = (0..200).fold(Scripted::new(), |script, _| script.then_chat(answer()));
    let model = Arc::new(script);
    let coordination = Coordination { agents_concurrent: 1_000, ..Coordination::default() };
    let world = World::over_with(Arc::new(Faulty::new()), settings(model.clone(), coordination));
    let ann = world.client("ann").await;
    let mut closed = 0;
    for left in 1.. {
        let agent = spawned(&ann).await;
        let (asked, known) = (model.asked().chats.len(), world.records().await.len());
        let running = ann.call("agent_run", run(&agent, json!({})));
        let done = Polled { future: Box::pin(running), left }.await;
        settled(&ann, &agent).await;
        let was_asked = model.asked().chats.len() > asked;
        let (status, tokens) = state(&ann, &agent).await;
        let (changes, runs) = told(&world.records().await[known..]);
        let shown = format!("{left}: {status} {tokens} {changes:?} {runs:?}");
        assert_eq!(tokens, if was_asked { used } else { 0 }, "{shown}");
        match changes.as_slice() {
            [] => assert!(runs.len() < 2 && !was_asked, "{shown}"),
            [began, ..] => {
                assert!(began == "run_began" && runs.len() == 1 && changes.len() <= 2, "{shown}");
                assert_eq!(status, if runs == [Outcome::Cancelled] { "idle" } else { end }, "{shown}");
            }
        }
        closed += usize::from(done.is_none() && was_asked && runs != [Outcome::Cancelled]);
        if done.is_some() {
            break;
        }
    }
    assert!(closed > 0, "none was given up while it was being closed");
}

#[tokio::test]
async fn whoever_goes_while_a_run_ends_leaves_its_count_and_its_record() {
    assert_whole(|| Ok(answer("An answer.")), 18, "idle").await;
}

#[tokio::test]
async fn whoever_goes_while_a_run_fails_leaves_its_count_and_its_record() {
    let kind = AgentKind::builtin().iter().find(|kind| kind.agent_type.as_str() == "coder").unwrap();
    let prompt = (kind.system_prompt.chars().count() as u64 + 9).div_ceil(4);
    assert_whole(|| Err(ProviderError::Malformed("it")), prompt, "failed").await;
}
