//! Where agents, identities and tasks go from each state: wherever the tables of states lead, and nowhere else.

use agentstack_core::{AgentStatus, IdentityStatus, TaskStatus};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::{agent, task};
use crate::support::World;

/// Runs one case of a property.
fn run<T>(case: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(case)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn an_agent_goes_where_its_state_leads_and_nowhere_else(steps in vec(select(AgentStatus::ALL), 1..12)) {
        run(async {
            let world = World::new();
            let ann = world.client("ann").await;
            let id = agent(&ann, "a").await;
            let mut now = AgentStatus::Idle;
            for to in steps {
                let answer = ann.call("agent_update_status", json!({ "id": id, "status": to })).await;
                assert_eq!(answer.code() == "ok", now.can_become(to), "{now} to {to}");
                if now.can_become(to) {
                    now = to;
                }
                let shown = ann.ok("agent_status", json!({ "id": id })).await;
                assert_eq!(shown["agent"]["status"], now.as_str());
            }
        });
    }

    #[test]
    fn an_identity_goes_where_its_state_leads_and_nowhere_else(steps in vec(1..4_usize, 1..12), active in any::<bool>()) {
        run(async {
            let world = World::new();
            let ann = world.client("ann").await;
            let arguments = json!({ "agentType": "coder", "autoActivate": active });
            let id = ann.ok("identity_create", arguments).await["identity"]["agentId"].clone();
            let mut now = IdentityStatus::ALL[usize::from(active)];
            for step in steps {
                let to = IdentityStatus::ALL[step];
                let name = ["identity_activate", "identity_deactivate", "identity_retire"][step - 1];
                let answer = ann.call(name, json!({ "agentId": id })).await;
                assert_eq!(answer.code() == "ok", now.can_become(to), "{now} to {to}");
                if now.can_become(to) {
                    now = to;
                }
                let shown = ann.ok("identity_get", json!({ "agentId": id })).await;
                assert_eq!(shown["identity"]["status"], now.as_str());
                // Agents can be spawned with it while it is active, and its words changed until it is retired.
                let spawned = ann.call("agent_spawn", json!({ "type": "coder", "identityId": id })).await;
                assert_eq!(spawned.code() == "ok", now == IdentityStatus::Active, "{now}");
                let changed = ann.call("identity_update", json!({ "agentId": id, "description": "x" })).await;
                assert_eq!(changed.code() == "ok", now != IdentityStatus::Retired, "{now}");
            }
        });
    }

    #[test]
    fn a_task_goes_where_its_state_leads_and_nowhere_else(steps in vec((1..4_usize, any::<bool>()), 1..8)) {
        run(async {
            let world = World::new();
            let ann = world.client("ann").await;
            let agents = [agent(&ann, "one").await, agent(&ann, "other").await];
            let id = task(&ann, json!({})).await;
            let (mut now, mut has) = (TaskStatus::Pending, None);
            for (step, other) in steps {
                let to = TaskStatus::ALL[step];
                let (answer, legal) = if to == TaskStatus::Assigned {
                    let arguments = json!({ "taskId": id, "agentId": agents[usize::from(other)] });
                    let again = now == TaskStatus::Assigned && has == Some(other);
                    (ann.call("task_assign", arguments).await, again || now.can_become(to))
                } else {
                    let arguments = json!({ "taskId": id, "status": to });
                    (ann.call("task_complete", arguments).await, now.can_become(to))
                };
                assert_eq!(answer.code() == "ok", legal, "{now} to {to}");
                if legal {
                    now = to;
                    has = if to == TaskStatus::Assigned { Some(other) } else { has };
                }
                let shown = ann.ok("task_get", json!({ "taskId": id })).await["task"].clone();
                assert_eq!(shown["status"], now.as_str());
                let expected = has.map(|other| agents[usize::from(other)].as_str());
                assert_eq!(shown.get("agentId").and_then(Value::as_str), expected);
            }
        });
    }
}
