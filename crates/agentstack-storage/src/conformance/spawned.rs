//! Agents of sessions: their names, their states, and what counts as their operations.

use agentstack_core::limits::AGENTS_PER_SESSION;
use agentstack_core::{
    Agent, AgentInstanceId, AgentStatus, AgentUsage, Identity, IdentityId, IdentityStatus,
};

use super::coordination::{assert_gone, assert_state, gone, new_agent, new_identity, new_task, part_of};
use super::world::{AGENT_CHANGE, AGENT_STATUS, Call, MEMORY_STORE, World, draft, entry, metadata, pending};
use crate::{AgentChange, AgentRef, IdentityRef, NewAgent, NewEntry, StorageError};

fn to(to: AgentStatus) -> AgentChange {
    AgentChange::to(to)
}

fn ids(agents: &[Agent]) -> Vec<AgentInstanceId> {
    agents.iter().map(|agent| agent.id).collect()
}

pub async fn an_agent_is_read_back_as_it_was_spawned(world: &World) {
    let ann = world.local("ann").start().await;
    let new = NewAgent {
        metadata: metadata(r#"{"n": 0.1, "l": [{"a": "\u0000é"}], "東": "京"}"#),
        agent_type: "security-auditor".parse().unwrap(),
        ..new_agent("東京 👍 of \"quotes\"")
    };
    let agent = ann.try_spawn(new.clone()).await.unwrap();
    assert_eq!((agent.id, &agent.agent_type, &agent.name), (new.id, &new.agent_type, &new.name));
    assert_eq!((agent.status, agent.identity, &agent.metadata), (AgentStatus::Idle, None, &new.metadata));
    assert_eq!((agent.created_at, agent.updated_at), (world.now(), world.now()));
    assert_eq!(agent.usage, AgentUsage::none(world.now()));
    world.clock.advance_millis(1_000);
    assert_eq!(ann.agent(&AgentRef::Id(new.id)).await, Some(agent.clone()));
    assert_eq!(ann.agent(&AgentRef::Name(new.name)).await, Some(agent.clone()));
    assert_eq!(ann.agents(10).await.agents, [agent]);
}

pub async fn a_name_is_taken_until_its_agent_stops(world: &World) {
    let ann = world.local("ann").start().await;
    let first = ann.spawn("a").await;
    for status in [AgentStatus::Running, AgentStatus::Failed, AgentStatus::Idle, AgentStatus::Completed] {
        ann.bring(&first, status).await;
        let records = world.records().await.len();
        let refused = ann.try_spawn(new_agent("a")).await;
        assert!(matches!(refused, Err(StorageError::NameTaken)), "{refused:?}");
        assert_eq!(world.records().await.len(), records);
    }
    assert_ne!(ann.spawn("A").await.id, first.id, "case counts");
    assert_eq!(ann.start().await.spawn("a").await.name, first.name, "another session has names of its own");
    ann.stop(&first).await;
    assert_eq!(ann.agent_named("a").await.unwrap().id, first.id, "if there is no other");
    let second = ann.spawn("a").await;
    assert_eq!(ann.agent_named("a").await.unwrap().id, second.id, "the one that has not stopped");
    ann.stop(&second).await;
    assert_eq!(ann.agent_named("a").await.unwrap().id, second.id, "the one that was spawned last");
    let third = ann.spawn("a").await;
    let changed = ann.try_change(&AgentRef::Name("a".parse().unwrap()), to(AgentStatus::Running)).await;
    assert_eq!(changed.unwrap().unwrap().id, third.id);
    assert_eq!(ann.agent_named("b").await, None);
}

pub async fn s19_no_more_agents_are_live_than_may_be(world: &World) {
    let ann = world.local("ann").start().await;
    let within = |name: &str, most| NewAgent { most, ..new_agent(name) };
    let too_many = |result: Result<Agent, _>| matches!(result, Err(StorageError::TooMany { what: "agents" }));
    assert!(too_many(ann.try_spawn(within("a", 0)).await));
    let first = ann.try_spawn(within("a", 1)).await.unwrap();
    assert!(too_many(ann.try_spawn(within("b", 1)).await));
    ann.try_spawn(within("b", 2)).await.unwrap();
    assert!(too_many(ann.try_spawn(within("c", 2)).await));
    ann.stop(&first).await;
    ann.try_spawn(within("c", 2)).await.unwrap();
    assert!(ann.start().await.try_spawn(within("a", 1)).await.is_ok(), "another session has others");
}

pub async fn s19_a_session_has_so_many_agents_and_no_more(world: &World) {
    let ann = world.local("ann").start().await;
    let mut last = ann.spawn("0").await;
    for number in 1..AGENTS_PER_SESSION {
        let new = NewAgent { most: u32::MAX, ..new_agent(&number.to_string()) };
        last = ann.try_spawn(new).await.unwrap();
    }
    ann.stop(&last).await;
    let refused = ann.try_spawn(NewAgent { most: u32::MAX, ..new_agent("more") }).await;
    assert!(
        matches!(refused, Err(StorageError::TooMany { what: "agents" })),
        "stopped ones count: {refused:?}"
    );
    assert_eq!(ann.agents(1).await.total, u64::from(AGENTS_PER_SESSION));
}

pub async fn an_agent_comes_into_the_states_it_can(world: &World) {
    let ann = world.local("ann").start().await;
    for from in AgentStatus::ALL.iter().copied() {
        for next in AgentStatus::ALL.iter().copied() {
            let agent = ann.try_spawn(NewAgent { most: 99, ..new_agent(&format!("{from} {next}")) }).await;
            let agent = ann.bring(&agent.unwrap(), from).await;
            world.clock.advance_millis(1_000);
            let records = world.records().await.len();
            let changed = ann.try_change(&AgentRef::Id(agent.id), to(next)).await;
            if from.can_become(next) {
                let changed = changed.unwrap().unwrap();
                let since = if from == next { agent.updated_at } else { world.now() };
                assert_eq!(changed, Agent { status: next, updated_at: since, ..agent.clone() });
                assert_eq!(ann.again(&agent).await, changed);
                assert_eq!(world.records().await.len(), records + 1, "no change is recorded too");
            } else {
                assert_state(changed, ("agent", from.as_str(), next.as_str()));
                assert_eq!(ann.again(&agent).await, agent);
                assert_eq!(world.records().await.len(), records);
            }
        }
    }
}

pub async fn agents_are_listed_newest_first(world: &World) {
    let ann = world.local("ann").start().await;
    assert_eq!((ann.agents(10).await.total, ann.agents(10).await.agents), (0, vec![]));
    let mut spawned = vec![];
    for name in ["c", "a", "b"] {
        spawned.insert(0, ann.spawn(name).await.id);
    }
    let first = ann.agents(10).await.agents.pop().unwrap();
    ann.stop(&first).await;
    assert_eq!(ids(&ann.agents(10).await.agents), spawned);
    for limit in [0, 1, 2, 3] {
        let listed = ann.agents(limit).await;
        assert_eq!((ids(&listed.agents), listed.total), (spawned[..limit as usize].to_vec(), 3));
    }
}

pub async fn s02_agents_of_another_session_do_not_exist(world: &World) {
    let ann = world.local("ann").start().await;
    let agent = ann.spawn("a").await;
    for other in [ann.start().await, world.local("bob").start().await] {
        let records = world.records().await.len();
        for which in [AgentRef::Id(agent.id), AgentRef::Name(agent.name.clone())] {
            assert_eq!(other.agent(&which).await, None);
            assert_eq!(other.try_change(&which, to(AgentStatus::Stopped)).await.unwrap(), None);
        }
        assert_eq!(other.agents(10).await.total, 0);
        assert_eq!(world.records().await.len(), records, "nothing happened");
    }
    assert_eq!(ann.again(&agent).await, agent);
}

pub async fn a_session_that_is_gone_has_no_agents(world: &World) {
    let which = AgentRef::Name("a".parse().unwrap());
    for scope in gone(world, &AGENT_CHANGE).await {
        let (store, records) = (&world.store, world.records().await.len());
        assert_gone(store.spawn(&scope, new_agent("b"), pending(&scope)).await);
        assert_gone(store.agent(&scope, &which).await);
        assert_gone(store.agents(&scope, 10).await);
        assert_gone(store.change_agent(&scope, &which, to(AgentStatus::Idle), pending(&scope)).await);
        assert_eq!(world.records().await.len(), records);
    }
}

pub async fn an_agent_is_spawned_with_an_active_identity_of_ones_own(world: &World) {
    let ann = world.local("ann").start().await;
    let identity = ann.keep(new_identity(world, Some("i"))).await;
    let with = |name: &str, identity| NewAgent { identity: Some(identity), ..new_agent(name) };
    world.clock.advance_millis(1_000);
    let agent = ann.try_spawn(with("a", identity.id)).await.unwrap();
    assert_eq!((agent.identity, ann.again(&agent).await), (Some(identity.id), agent));
    let used = ann.identity(&IdentityRef::Id(identity.id)).await.unwrap();
    assert_eq!(used.last_active_at, Some(world.now()));
    assert_eq!(
        (used.version, used.updated_at),
        (identity.version, identity.updated_at),
        "to use is no change"
    );
    let bob = world.local("bob").start().await;
    let records = world.records().await.len();
    for (call, id) in [(&ann, IdentityId::generate()), (&bob, identity.id)] {
        let refused = call.try_spawn(with("b", id)).await;
        assert!(matches!(refused, Err(StorageError::Missing)), "{refused:?}");
    }
    assert_eq!(world.records().await.len(), records);
    for status in [IdentityStatus::Created, IdentityStatus::Dormant, IdentityStatus::Retired] {
        let resting = ann.keep(Identity { status, ..new_identity(world, None) }).await;
        assert_state(ann.try_spawn(with("b", resting.id)).await, ("identity", status.as_str(), "active"));
        assert_eq!(ann.identity(&IdentityRef::Id(resting.id)).await.unwrap().last_active_at, None);
    }
    assert_eq!(ann.agents(10).await.total, 1);
}

async fn operations(call: &Call<'_>, agent: &Agent) -> u64 {
    call.again(agent).await.usage.operations
}

pub async fn every_record_of_an_agent_is_an_operation_of_it(world: &World) {
    let ann = world.local("ann").start().await;
    let (agent, other) = (ann.spawn("a").await, ann.spawn("b").await);
    let acting = ann.as_agent(&agent);
    let mut expected = 0;
    for round in 0..2 {
        acting.store("key", "some words").await;
        acting.named("team").store("key", "some words").await;
        acting.restore("key", 1).await.unwrap();
        acting.make(new_task()).await;
        acting.stop(&acting.spawn(&format!("c {round}")).await).await;
        expected += 6;
        assert_eq!(operations(&ann, &agent).await, expected);
        assert!(acting.delete("key").await);
        let scope = acting.scope(&AGENT_STATUS).await;
        let records = [draft(&scope), draft(&ann.as_agent(&other).scope(&AGENT_STATUS).await), draft(&scope)];
        world.store.append(&records).await.unwrap();
        expected += 3;
        assert_eq!(operations(&ann, &agent).await, expected);
    }
    assert_eq!(operations(&ann, &other).await, 2);
    ann.stop(&agent).await;
    acting.store("last", "text").await;
    assert_eq!(operations(&ann, &agent).await, expected + 1, "of one that has stopped too");
    let named = agent.id.to_string().parse().unwrap();
    let recorded =
        world.records().await.iter().filter(|record| record.agent.as_ref() == Some(&named)).count();
    assert_eq!(recorded as u64, expected + 1);
}

pub async fn what_names_no_agent_of_the_session_counts_for_none(world: &World) {
    let (ann, second) = (world.local("ann").start().await, world.local("ann").start().await);
    let (agent, other) = (ann.spawn("a").await, second.spawn("a").await);
    for call in [&ann, &ann.for_agent("a"), &ann.as_agent(&other), &second.as_agent(&agent)] {
        call.store("key", "text").await;
        call.make(new_task()).await;
        let record = draft(&call.scope(&AGENT_STATUS).await);
        world.store.append(&[record.clone(), record]).await.unwrap();
    }
    assert_eq!((operations(&ann, &agent).await, operations(&second, &other).await), (0, 0));
    assert!(world.verified().await.is_intact());
}

pub async fn what_was_refused_counts_for_none(world: &World) {
    let ann = world.local("ann").start().await;
    let agent = ann.spawn("a").await;
    let acting = ann.as_agent(&agent);
    assert!(acting.try_store(NewEntry { if_version: Some(7), ..entry("key", "text") }).await.is_err());
    assert!(acting.try_spawn(new_agent("a")).await.is_err());
    assert!(!acting.delete("nothing").await);
    assert_eq!(acting.restore("nothing", 1).await, None);
    acting.agents(10).await;
    assert_eq!(ann.again(&agent).await, agent);
    assert_eq!(acting.scope(&MEMORY_STORE).await.agent(), Some(&agent.id.into()));
}

pub async fn a_new_allowance_begins_with_nothing(world: &World) {
    let ann = world.local("ann").start().await;
    let agent = ann.spawn("a").await;
    let task = ann.make(new_task()).await;
    ann.assign(&task, &agent).await;
    ann.make(part_of(task.id)).await;
    ann.as_agent(&agent).store("key", "text").await;
    let used = ann.again(&agent).await.usage;
    assert_eq!((used.operations, used.subtasks, used.result_at), (1, 1, agent.created_at));
    world.clock.advance_millis(1_000);
    assert_eq!(ann.bring(&agent, AgentStatus::Running).await.usage, used);
    world.clock.advance_millis(1_000);
    let change = AgentChange { renew: true, ..AgentChange::to(AgentStatus::Running) };
    let changed = ann.as_agent(&agent).try_change(&AgentRef::Id(agent.id), change).await.unwrap().unwrap();
    assert_eq!(changed.usage, AgentUsage::none(world.now()));
    assert_eq!(changed.updated_at, world.now().plus_millis(-1_000), "its state is the same");
    assert_eq!(operations(&ann, &agent).await, 1, "the call itself is the first of them");
}

pub async fn tokens_are_counted_with_a_change_and_not_without(world: &World) {
    let ann = world.local("ann").start().await;
    let (agent, other) = (ann.spawn("a").await, ann.spawn("b").await);
    let counted = |tokens| AgentChange { tokens, ..AgentChange::to(AgentStatus::Idle) };
    let which = AgentRef::Id(agent.id);
    for (tokens, sum) in [(7, 7), (0, 7), (5, 12)] {
        let changed = ann.try_change(&which, counted(tokens)).await.unwrap().unwrap();
        assert_eq!(changed.usage.tokens, sum);
        assert_eq!(ann.again(&agent).await.usage, changed.usage);
    }
    let renewed = AgentChange { renew: true, ..counted(3) };
    assert_eq!(ann.try_change(&which, renewed).await.unwrap().unwrap().usage.tokens, 3);
    assert_eq!(ann.again(&other).await.usage.tokens, 0);
    // What does not come about counts for nothing.
    ann.bring(&agent, AgentStatus::Stopped).await;
    assert!(ann.try_change(&which, counted(9)).await.is_err());
    assert_eq!(ann.again(&agent).await.usage.tokens, 3);
}
