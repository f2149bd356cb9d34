//! Agents, identities and tasks: SQLite and the reference store answer alike, whatever is asked in whatever order; and of
//! several processes one comes first.

mod step;

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use agentstack_access::Scope;
use agentstack_audit::{Draft, Record};
use agentstack_core::{
    AgentInstanceId, AgentStatus, DriftAction, Identity, IdentityId, IdentityStatus, Relation, RiskLevel,
    Task, TaskId, TaskStatus,
};
use agentstack_storage::conformance::coordination::{
    end, new_agent, new_identity, new_task, part_of, related, text,
};
use agentstack_storage::conformance::world::{
    AGENT_STATUS, IDENTITY_GET, SESSION_END, TASK_ASSIGN, TASK_CREATE, TASK_GET, draft, entry, metadata,
    pending,
};
use agentstack_storage::conformance::{Call, World};
use agentstack_storage::{
    AgentChange, AgentRef, Direction, Drift, Ends, IdentityChange, IdentityFilter, IdentityRef, NewAgent,
    NewTask, Storage, StorageError, TaskBounds, TaskEnd, TaskFilter,
};
use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;

use self::step::{NAMES, Step, TYPES, Who, step, who};
use crate::equivalence::reference;
use crate::support;

/// The ids of what is made, in no order: both sides make the same.
#[derive(Default)]
struct Made {
    agents: Vec<AgentInstanceId>,
    identities: Vec<IdentityId>,
    tasks: Vec<TaskId>,
}

/// The bytes of the next id.
fn next(made: usize) -> [u8; 16] {
    (u128::try_from(made).unwrap() + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes()
}

/// One of those that were made last; the first that will be, if none was.
fn pick<T: Copy>(made: &[T], number: usize, of: fn([u8; 16]) -> T) -> T {
    if made.is_empty() { of(next(0)) } else { made[made.len() - 1 - number % made.len()] }
}

struct Side<'w> {
    world: &'w World,
    callers: Vec<Call<'w>>,
    begun: i64,
    made: Made,
}

impl<'w> Side<'w> {
    async fn new(world: &'w World) -> Self {
        let mut callers = vec![];
        for call in [world.local("ann"), world.local("bob"), world.operator()] {
            callers.push(call.start().await);
        }
        Self { world, callers, begun: world.now().as_millis(), made: Made::default() }
    }

    fn agent(&self, number: usize) -> AgentInstanceId {
        pick(&self.made.agents, number, AgentInstanceId::from_bytes)
    }

    fn identity(&self, number: usize) -> IdentityId {
        pick(&self.made.identities, number, IdentityId::from_bytes)
    }

    fn task(&self, number: usize) -> TaskId {
        pick(&self.made.tasks, number, TaskId::from_bytes)
    }

    fn agent_ref(&self, which: &Result<usize, usize>) -> AgentRef {
        match which {
            Ok(number) => AgentRef::Id(self.agent(*number)),
            Err(name) => AgentRef::Name(NAMES[*name].parse().unwrap()),
        }
    }

    async fn answer(&mut self, who: &Who, step: &Step) -> String {
        let mut call = self.callers[who.number].clone();
        if let Some(agent) = who.agent {
            call = call.for_agent(&self.agent(agent).to_string());
        }
        match step {
            Step::Wait { millis } => {
                self.world.clock.advance_millis(*millis);
                String::new()
            }
            Step::Status => {
                let status = call.status().await;
                format!("{} {} {}", status.entries, status.agents, status.tasks)
            }
            Step::EndSession => self.end_session(who.number).await,
            Step::Spawn { .. } | Step::Change { .. } | Step::Agent { .. } | Step::Agents { .. } => {
                self.agents(&call, step).await
            }
            Step::Keep { .. }
            | Step::Alter { .. }
            | Step::Identity { .. }
            | Step::Identities { .. }
            | Step::Lines { .. } => self.identities(&call, step).await,
            Step::Record { agents, identity } => self.record(&call, agents, *identity).await,
            Step::Make { .. } | Step::Assign { .. } | Step::End { .. } => {
                self.change_tasks(&call, step).await
            }
            _ => self.tasks(&call, step).await,
        }
    }

    /// Ends a session and begins another.
    async fn end_session(&mut self, number: usize) -> String {
        let call = &self.callers[number];
        let scope = call.scope(&SESSION_END).await;
        let ended = Mutex::new(vec![]);
        let record = |ends: Ends| {
            ended.lock().unwrap().push(ends);
            Draft { agent: None, ..draft(&scope) }
        };
        let removed = self.world.store.end(&scope, &record, pending(&scope)).await;
        self.callers[number] = call.start().await;
        format!("{removed:?} {ended:?}")
    }

    async fn record(&self, call: &Call<'_>, agents: &[usize], identity: Option<usize>) -> String {
        let scope = call.scope(&AGENT_STATUS).await;
        let identity = identity.map(|number| self.identity(number));
        let naming =
            |number: &usize| Draft { agent: Some(self.agent(*number).into()), identity, ..draft(&scope) };
        let drafts: Vec<_> = agents.iter().map(naming).collect();
        shown(self.world.store.append(&drafts).await)
    }

    async fn agents(&mut self, call: &Call<'_>, step: &Step) -> String {
        match step {
            Step::Spawn { name, identity, most } => {
                let id = AgentInstanceId::from_bytes(next(self.made.agents.len()));
                let identity = identity.map(|number| self.identity(number));
                let metadata = metadata(&format!(r#"{{"n": {most}.5}}"#));
                let new = NewAgent { id, identity, metadata, most: *most, ..new_agent(NAMES[*name]) };
                let spawned = call.try_spawn(new).await;
                self.made.agents.extend(spawned.as_ref().ok().map(|agent| agent.id));
                shown(spawned)
            }
            Step::Change { agent, to, renew } => {
                let change = AgentChange { to: AgentStatus::ALL[*to], renew: *renew, tokens: *to as u64 * 7 };
                shown(call.try_change(&self.agent_ref(agent), change).await)
            }
            Step::Agent { agent } => shown(call.agent(&self.agent_ref(agent)).await),
            Step::Agents { limit } => shown(call.agents(*limit).await),
            other => panic!("{other:?}"),
        }
    }

    async fn identities(&mut self, call: &Call<'_>, step: &Step) -> String {
        match step {
            Step::Keep { name, status, kind } => {
                let new = Identity {
                    id: IdentityId::from_bytes(next(self.made.identities.len())),
                    status: IdentityStatus::ALL[*status],
                    agent_type: TYPES[*kind].parse().unwrap(),
                    ..new_identity(self.world, name.map(|name| NAMES[name]))
                };
                let (id, kept) = (new.id, call.try_keep(new).await);
                self.made.identities.extend(kept.as_ref().ok().map(|()| id));
                shown(kept)
            }
            Step::Alter { identity, name, status, text } => {
                let change = IdentityChange {
                    display_name: name.map(|name| NAMES[name].parse().unwrap()),
                    status: status.map(|status| (IdentityStatus::ALL[status], text.clone())),
                    description: text.clone(),
                    ..IdentityChange::default()
                };
                shown(call.try_alter(self.identity(*identity), change).await)
            }
            Step::Identity { identity } => {
                let which = match identity {
                    Ok(number) => IdentityRef::Id(self.identity(*number)),
                    Err(name) => IdentityRef::Name(NAMES[*name].parse().unwrap()),
                };
                shown(call.identity(&which).await)
            }
            Step::Identities { status, kind, limit, offset } => {
                let filter = IdentityFilter {
                    status: status.map(|status| IdentityStatus::ALL[status]),
                    agent_type: kind.map(|kind| TYPES[kind].parse().unwrap()),
                    limit: *limit,
                    offset: *offset,
                };
                shown(call.identities(filter).await)
            }
            Step::Lines { identity, limit } => {
                let scope = call.scope(&IDENTITY_GET).await;
                let lines = self.world.store.identity_lines(&scope, self.identity(*identity), *limit).await;
                let places =
                    |lines: Vec<_>| lines.iter().map(|line: &agentstack_audit::Line| line.sequence).collect();
                shown(lines.map(|lines| lines.map(places).map(|places: Vec<u64>| places)))
            }
            other => panic!("{other:?}"),
        }
    }

    async fn change_tasks(&mut self, call: &Call<'_>, step: &Step) -> String {
        match step {
            Step::Make { parent, relations, drift, input } => {
                let link = |(relation, other): &(usize, usize)| (Relation::ALL[*relation], self.task(*other));
                let relations = relations.iter().map(link).collect();
                let drift = drift.map(|(likeness, action)| self.drift(likeness, DriftAction::ALL[action]));
                let new = NewTask {
                    id: TaskId::from_bytes(next(self.made.tasks.len())),
                    agent_type: TYPES[self.made.tasks.len() % 2].parse().unwrap(),
                    input: input.as_deref().map(text),
                    risk: RiskLevel::ALL[self.made.tasks.len() % 3],
                    parent: parent.map(|number| self.task(number)),
                    relations,
                    drift,
                    bounds: TaskBounds { depth: 2, parts: 2, tasks: 12 },
                };
                let made = call.try_make(new).await;
                self.made.tasks.extend(made.as_ref().ok().map(|task| task.id));
                shown(made.map(|task| whole(&task)))
            }
            Step::Assign { task, agent } => {
                let assigned = call.try_assign(self.task(*task), self.agent(*agent)).await;
                shown(assigned.map(|task| task.as_ref().map(whole)))
            }
            Step::End { task, failed, output, entry: stored } => {
                let stored = stored.map(|(key, if_version)| agentstack_storage::NewEntry {
                    if_version,
                    ..entry(NAMES[key], "some words")
                });
                let end = TaskEnd {
                    to: if *failed { TaskStatus::Failed } else { TaskStatus::Completed },
                    output: output.as_deref().map(text),
                    entry: stored,
                };
                let ended = call.try_end(self.task(*task), end).await;
                let kept = call.keys().await;
                shown(ended.map(|task| (task.as_ref().map(whole), kept)))
            }
            other => panic!("{other:?}"),
        }
    }

    fn drift(&self, likeness: u8, action: DriftAction) -> Drift {
        // Eighths, of which every sum is exact.
        Drift { ancestor: self.task(0), similarity: f64::from(likeness) / 8.0, action }
    }

    async fn tasks(&self, call: &Call<'_>, step: &Step) -> String {
        let store = &self.world.store;
        match step {
            Step::Task { task } => shown(call.task(self.task(*task)).await.as_ref().map(whole)),
            Step::Tasks { status, before, limit } => {
                let listed = call.tasks(TaskFilter {
                    status: status.map(|status| TaskStatus::ALL[status]),
                    before: before.map(|number| self.task(number)),
                    limit: *limit,
                });
                let listed = listed.await;
                shown((listed.total, listed.tasks.iter().map(whole).collect::<Vec<_>>()))
            }
            Step::Links { task, direction } => {
                let direction = [Direction::Outgoing, Direction::Incoming, Direction::Both][*direction];
                shown(call.relationships(self.task(*task), direction).await)
            }
            Step::Lineage { task, most } => {
                shown(call.lineage(self.task(*task), *most).await.iter().map(whole).collect::<Vec<_>>())
            }
            Step::Note { likeness } => {
                let scope = call.scope(&TASK_CREATE).await;
                let drift = self.drift(*likeness, DriftAction::Prevented);
                shown(store.note_drift(&scope, drift, draft(&scope)).await)
            }
            Step::Figures { since } => {
                let scope = call.scope(&TASK_GET).await;
                let since = since.map(|since| agentstack_core::Timestamp::from_millis(self.begun + since));
                shown(store.drift_figures(&scope, since).await)
            }
            other => panic!("{other:?}"),
        }
    }
}

fn shown(answer: impl Debug) -> String {
    format!("{answer:?}")
}

/// A task with its texts, which are not shown otherwise.
fn whole(task: &Task) -> String {
    let text = |text: &Option<agentstack_core::TaskText>| text.as_ref().map(|text| text.as_str().to_owned());
    format!("{task:?} {:?} {:?}", text(&task.input), text(&task.output))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sqlite_coordinates_like_the_reference(steps in vec((who(), step()), 1..120)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = TempDir::new().unwrap();
            let worlds = [reference(), support::world(&support::path(&folder), false).await];
            let mut expected = Side::new(&worlds[0]).await;
            let mut sqlite = Side::new(&worlds[1]).await;
            for (who, step) in &steps {
                let answers = (sqlite.answer(who, step).await, expected.answer(who, step).await);
                prop_assert_eq!(&answers.0, &answers.1, "{:?} {:?}", who, step);
            }
            let shape = |record: &Record| {
                (record.operation.clone(), record.at.clone(), record.agent.clone(), record.identity, record.counts.clone())
            };
            let (one, other) = (worlds[0].records().await, worlds[1].records().await);
            prop_assert_eq!(one.iter().map(shape).collect::<Vec<_>>(), other.iter().map(shape).collect::<Vec<_>>());
            prop_assert!(worlds[1].verified().await.is_intact());
            Ok(())
        })?;
    }
}

/// Gives a task to an agent.
async fn assign(
    store: Arc<dyn Storage>,
    scope: Scope,
    task: TaskId,
    agent: AgentInstanceId,
) -> Result<Option<Task>, StorageError> {
    store.assign_task(&scope, task, agent, pending(&scope)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_processes_at_once_one_gives_the_task_away() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    let (one, other) = (support::world(&path, true).await, support::world(&path, true).await);
    let ann = one.local("ann").start().await;
    let agents = [ann.spawn("a").await, ann.spawn("b").await];
    for round in 0..30 {
        let first = ann.make(new_task()).await;
        let task = ann.make(part_of(first.id)).await;
        let scope = ann.scope(&TASK_ASSIGN).await;
        let giving = [(&one, &agents[0]), (&other, &agents[1])].map(|(world, agent)| {
            tokio::spawn(assign(Arc::clone(&world.store), scope.clone(), task.id, agent.id))
        });
        let mut won = vec![];
        for (giving, agent) in giving.into_iter().zip(&agents) {
            match giving.await.unwrap() {
                Ok(task) => won.push((agent.id, task)),
                Err(StorageError::State { what, is, to }) => {
                    assert_eq!((what, is, to), ("task", "assigned", "assigned"));
                }
                Err(error) => panic!("{error:?}"),
            }
        }
        let assigned = ann.task(task.id).await;
        assert_eq!(won, [(assigned.as_ref().unwrap().agent.unwrap(), assigned)], "round {round}");
        ann.try_end(task.id, end(TaskStatus::Completed)).await.unwrap();
        ann.make(related(&[(Relation::DependsOn, task.id)])).await;
    }
    assert!(one.verified().await.is_intact());
}
