//! Tasks of sessions: made, given to agents, ended, and how they stand to one another.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use agentstack_core::{
    AgentInstanceId, AgentStatus, Relation, Relationship, RiskLevel, Task, TaskId, TaskStatus,
};

use super::coordination::{
    assert_gone, assert_state, end, everything, gone, new_task, part_of, related, text,
};
use super::world::{TASK_END, World, entry, pending};
use crate::{Direction, NewEntry, NewTask, StorageError, TaskBounds, TaskEnd, TaskFilter};

fn ids(tasks: &[Task]) -> Vec<TaskId> {
    tasks.iter().map(|task| task.id).collect()
}

pub async fn a_task_is_read_back_as_it_was_made(world: &World) {
    let ann = world.local("ann").start().await;
    let parent = ann.make(new_task()).await;
    let new = NewTask {
        agent_type: "security-auditor".parse().unwrap(),
        input: Some(text("line\nbreak \0 東京 👍🏽 '; --")),
        risk: RiskLevel::High,
        ..part_of(parent.id)
    };
    world.clock.advance_millis(1_000);
    let task = ann.make(new.clone()).await;
    assert_eq!((task.id, &task.agent_type, &task.input), (new.id, &new.agent_type, &new.input));
    assert_eq!((task.status, task.risk, task.agent), (TaskStatus::Pending, RiskLevel::High, None));
    assert_eq!((task.parent, task.depth, parent.depth), (Some(parent.id), 1, 0));
    assert_eq!((task.created_at, task.updated_at), (world.now(), world.now()));
    assert_eq!((&task.output, task.completed_at), (&None, None));
    assert_eq!(ann.task(task.id).await, Some(task.clone()));
    assert_eq!(ann.tasks(everything()).await.tasks, [task, parent]);
}

pub async fn s19_the_longest_texts_are_kept(world: &World) {
    let ann = world.local("ann").start().await;
    let long = |unit: &str| text(&unit.repeat(agentstack_core::limits::TASK_CHARS));
    let task = ann.make(NewTask { input: Some(long("👍")), ..new_task() }).await;
    let ended = TaskEnd { output: Some(long("東")), ..end(TaskStatus::Failed) };
    let ended = ann.try_end(task.id, ended).await.unwrap().unwrap();
    assert!(ann.task(task.id).await == Some(ended.clone()));
    assert!(ended.input == Some(long("👍")) && ended.output == Some(long("東")));
}

pub async fn tasks_are_listed_newest_first_page_by_page(world: &World) {
    let ann = world.local("ann").start().await;
    let list = async |filter: TaskFilter| {
        let listed = ann.tasks(filter).await;
        (ids(&listed.tasks), listed.total)
    };
    assert_eq!(list(everything()).await, (vec![], 0));
    let mut made = vec![];
    for number in 0..6 {
        let task = ann.make(new_task()).await;
        if number % 3 == 1 {
            ann.complete(&task).await;
        }
        made.insert(0, task.id);
    }
    assert_eq!(list(everything()).await, (made.clone(), 6));
    assert_eq!(list(TaskFilter { limit: 0, ..everything() }).await, (vec![], 6));
    let page = TaskFilter { limit: 2, before: Some(made[1]), ..everything() };
    assert_eq!(list(page.clone()).await, (made[2..4].to_vec(), 6), "the total is that of all pages");
    assert_eq!(list(TaskFilter { before: Some(made[5]), ..page.clone() }).await, (vec![], 6));
    let completed = TaskFilter { status: Some(TaskStatus::Completed), ..everything() };
    assert_eq!(list(completed.clone()).await, (vec![made[1], made[4]], 2));
    assert_eq!(list(TaskFilter { before: Some(made[1]), ..completed }).await, (vec![made[4]], 2));
    assert_eq!(list(TaskFilter { status: Some(TaskStatus::Failed), ..page }).await, (vec![], 0));
}

pub async fn s19_tasks_are_no_more_and_no_deeper_than_may_be(world: &World) {
    let ann = world.local("ann").start().await;
    let bounds = TaskBounds { depth: 2, parts: 2, tasks: 6 };
    let new = |parent| NewTask { parent, bounds, ..new_task() };
    let too_many = async |parent, expected: &str| {
        let records = world.records().await.len();
        let refused = ann.try_make(new(parent)).await;
        assert!(matches!(refused, Err(StorageError::TooMany { what }) if what == expected), "{refused:?}");
        assert_eq!(world.records().await.len(), records);
    };
    let root = ann.make(new(None)).await;
    let part = ann.make(new(Some(root.id))).await;
    let leaf = ann.make(new(Some(part.id))).await;
    assert_eq!((root.depth, part.depth, leaf.depth), (0, 1, 2));
    too_many(Some(leaf.id), "levels of tasks").await;
    ann.make(new(Some(root.id))).await;
    too_many(Some(root.id), "parts of a task").await;
    ann.make(new(Some(part.id))).await;
    ann.make(new(None)).await;
    too_many(None, "tasks").await;
    ann.complete(&root).await;
    too_many(None, "tasks").await;
    assert!(ann.start().await.try_make(new(None)).await.is_ok(), "another session has its own");
}

pub async fn what_a_new_task_names_must_be_there(world: &World) {
    let ann = world.local("ann").start().await;
    let foreign = world.local("bob").start().await.make(new_task()).await;
    let (own, new) = (ann.make(new_task()).await, new_task());
    let records = world.records().await.len();
    for other in [foreign.id, TaskId::generate()] {
        for wrong in
            [part_of(other), related(&[(Relation::DependsOn, own.id), (Relation::Supersedes, other)])]
        {
            let refused = ann.try_make(wrong).await;
            assert!(matches!(refused, Err(StorageError::Missing)), "{refused:?}");
        }
    }
    let itself = NewTask { relations: vec![(Relation::DependsOn, new.id)], ..new };
    assert!(matches!(ann.try_make(itself).await, Err(StorageError::Missing)));
    assert_eq!((ann.tasks(everything()).await.total, world.records().await.len()), (1, records));
    assert_eq!(ann.relationships(own.id, Direction::Both).await, Some(vec![]));
}

pub async fn s02_tasks_of_another_session_do_not_exist(world: &World) {
    let ann = world.local("ann").start().await;
    let task = ann.make(new_task()).await;
    for other in [ann.start().await, world.local("bob").start().await] {
        let agent = other.spawn("a").await;
        let records = world.records().await.len();
        assert_eq!(other.task(task.id).await, None);
        assert_eq!(other.tasks(everything()).await.total, 0);
        assert_eq!(other.try_assign(task.id, agent.id).await.unwrap(), None);
        let ending = TaskEnd { entry: Some(entry("key", "text")), ..end(TaskStatus::Completed) };
        assert_eq!(other.try_end(task.id, ending).await.unwrap(), None);
        assert_eq!(other.try_end(task.id, end(TaskStatus::Failed)).await.unwrap(), None);
        assert_eq!(other.get("key").await, None);
        assert_eq!(other.relationships(task.id, Direction::Both).await, None);
        assert_eq!(other.lineage(task.id, 9).await, []);
        assert_eq!(world.records().await.len(), records, "nothing happened");
        let refused = ann.try_assign(task.id, agent.id).await;
        assert!(matches!(refused, Err(StorageError::Missing)), "the agent is another's: {refused:?}");
    }
    assert_eq!(ann.task(task.id).await, Some(task));
}

pub async fn a_session_that_is_gone_has_no_tasks(world: &World) {
    let (store, id) = (&world.store, TaskId::generate());
    for scope in gone(world, &TASK_END).await {
        let records = world.records().await.len();
        assert_gone(store.create_task(&scope, new_task(), pending(&scope)).await);
        assert_gone(store.task(&scope, id).await);
        assert_gone(store.tasks(&scope, everything()).await);
        assert_gone(
            store.tasks(&scope, TaskFilter { status: Some(TaskStatus::Failed), ..everything() }).await,
        );
        assert_gone(store.assign_task(&scope, id, AgentInstanceId::generate(), pending(&scope)).await);
        assert_gone(store.end_task(&scope, id, end(TaskStatus::Failed), pending(&scope)).await);
        let ending = TaskEnd { entry: Some(entry("key", "text")), ..end(TaskStatus::Completed) };
        assert_gone(store.end_task(&scope, id, ending, pending(&scope)).await);
        assert_gone(store.relationships(&scope, id, Direction::Both).await);
        assert_gone(store.lineage(&scope, id, 9).await);
        assert_eq!(world.records().await.len(), records);
    }
}

pub async fn a_task_is_given_to_one_agent(world: &World) {
    let ann = world.local("ann").start().await;
    let (agent, other) = (ann.spawn("a").await, ann.spawn("b").await);
    let task = ann.make(new_task()).await;
    world.clock.advance_millis(1_000);
    let assigned = ann.assign(&task, &agent).await;
    let expected =
        Task { status: TaskStatus::Assigned, agent: Some(agent.id), updated_at: world.now(), ..task.clone() };
    assert_eq!((&assigned, ann.task(task.id).await.as_ref()), (&expected, Some(&expected)));
    world.clock.advance_millis(1_000);
    let records = world.records().await.len();
    assert_eq!(ann.assign(&task, &agent).await, expected, "once more is no change");
    assert_eq!(world.records().await.len(), records + 1, "and recorded all the same");
    assert_state(ann.try_assign(task.id, other.id).await, ("task", "assigned", "assigned"));
    let unknown = ann.try_assign(task.id, AgentInstanceId::generate()).await;
    assert!(matches!(unknown, Err(StorageError::Missing)), "{unknown:?}");
    ann.stop(&other).await;
    let next = ann.make(new_task()).await;
    assert_state(ann.try_assign(next.id, other.id).await, ("agent", "stopped", "running"));
    for to in [TaskStatus::Completed, TaskStatus::Failed] {
        let ended = ann.make(new_task()).await;
        ann.assign(&ended, &agent).await;
        ann.try_end(ended.id, end(to)).await.unwrap();
        assert_state(ann.try_assign(ended.id, agent.id).await, ("task", to.as_str(), "assigned"));
    }
    assert_eq!(ann.try_assign(TaskId::generate(), agent.id).await.unwrap(), None);
    assert_eq!(ann.bring(&agent, AgentStatus::Running).await.usage.subtasks, 0);
}

/// Lets two futures go on in turn.
async fn both<T>(one: impl Future<Output = T>, other: impl Future<Output = T>) -> [T; 2] {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let mut done = [None, None];
    poll_fn(|context| {
        if done[0].is_none()
            && let Poll::Ready(result) = one.as_mut().poll(context)
        {
            done[0] = Some(result);
        }
        if done[1].is_none()
            && let Poll::Ready(result) = other.as_mut().poll(context)
        {
            done[1] = Some(result);
        }
        if done.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done.map(Option::unwrap)
}

pub async fn of_two_agents_at_once_one_gets_the_task(world: &World) {
    let ann = world.local("ann").start().await;
    let (agent, other) = (ann.spawn("a").await, ann.spawn("b").await);
    for _ in 0..10 {
        let task = ann.make(new_task()).await;
        let records = world.records().await.len();
        let results = both(ann.try_assign(task.id, agent.id), ann.try_assign(task.id, other.id)).await;
        assert_eq!(world.records().await.len(), records + 1);
        let [one, two] = results;
        let (won, lost) = if one.is_ok() { (one, two) } else { (two, one) };
        assert_state(lost, ("task", "assigned", "assigned"));
        assert_eq!(ann.task(task.id).await, won.unwrap());
    }
}

pub async fn a_task_waits_for_those_it_depends_on(world: &World) {
    let ann = world.local("ann").start().await;
    let agent = ann.spawn("a").await;
    let (first, second) = (ann.make(new_task()).await, ann.make(new_task()).await);
    let relations = [(Relation::DependsOn, second.id), (Relation::DependsOn, first.id)];
    let task = ann.make(related(&relations)).await;
    let free =
        ann.make(related(&[(Relation::DerivedFrom, first.id), (Relation::Supersedes, first.id)])).await;
    assert_eq!(ann.assign(&free, &agent).await.status, TaskStatus::Assigned, "no other relation binds it");
    let waits = async |is: &str| {
        assert_state(ann.try_assign(task.id, agent.id).await, ("task it depends on", is, "completed"));
    };
    waits("pending").await;
    ann.assign(&first, &agent).await;
    waits("assigned").await;
    ann.complete(&first).await;
    waits("pending").await;
    ann.try_end(second.id, end(TaskStatus::Failed)).await.unwrap();
    waits("failed").await;
    let task = ann.make(related(&[(Relation::DependsOn, first.id)])).await;
    assert_eq!(ann.assign(&task, &agent).await.agent, Some(agent.id));
}

pub async fn a_task_ends_once(world: &World) {
    let ann = world.local("ann").start().await;
    let agent = ann.spawn("a").await;
    for (assigned, to) in [
        (false, TaskStatus::Completed),
        (true, TaskStatus::Completed),
        (false, TaskStatus::Failed),
        (true, TaskStatus::Failed),
    ] {
        let mut task = ann.make(new_task()).await;
        if assigned {
            task = ann.assign(&task, &agent).await;
        }
        let before = ann.again(&agent).await;
        world.clock.advance_millis(1_000);
        let output = Some(text("what came of it \0 東京"));
        let ended = ann.try_end(task.id, TaskEnd { to, output: output.clone(), entry: None }).await;
        let (updated_at, completed_at) = (world.now(), Some(world.now()));
        let expected = Task { status: to, output, updated_at, completed_at, ..task.clone() };
        assert_eq!(ended.unwrap().as_ref(), Some(&expected));
        let result_at =
            if assigned && to == TaskStatus::Completed { world.now() } else { before.usage.result_at };
        assert_eq!(ann.again(&agent).await.usage.result_at, result_at);
        world.clock.advance_millis(1_000);
        let records = world.records().await.len();
        for again in [TaskStatus::Completed, TaskStatus::Failed] {
            assert_state(ann.try_end(task.id, end(again)).await, ("task", to.as_str(), again.as_str()));
        }
        assert_eq!((ann.task(task.id).await, world.records().await.len()), (Some(expected), records));
    }
    assert_eq!(ann.try_end(TaskId::generate(), end(TaskStatus::Failed)).await.unwrap(), None);
}

pub async fn an_output_is_stored_with_the_end_of_its_task_or_neither_happens(world: &World) {
    let ann = world.local("ann").start().await;
    let agent = ann.spawn("a").await;
    let acting = ann.as_agent(&agent);
    let ending = |entry: NewEntry| TaskEnd { entry: Some(entry), ..end(TaskStatus::Completed) };
    for (round, content) in ["the result", "another result"].into_iter().enumerate() {
        let task = acting.make(new_task()).await;
        acting.assign(&task, &agent).await;
        let (records, before) = (world.records().await.len(), ann.again(&agent).await);
        let ended = acting.try_end(task.id, ending(entry("result", content))).await.unwrap().unwrap();
        assert_eq!((ended.status, ann.task(task.id).await.as_ref()), (TaskStatus::Completed, Some(&ended)));
        let stored = ann.get("result").await.unwrap();
        assert_eq!((stored.content.as_str(), stored.summary.version as usize), (content, round + 1));
        assert_eq!(stored.summary.agent_id, Some(agent.id.into()));
        assert_eq!(ann.found(content, crate::text::Match::All).await, ["result"]);
        assert_eq!(world.records().await.len(), records + 1, "one record of both");
        assert_eq!(ann.again(&agent).await.usage.operations, before.usage.operations + 1);
    }
    let task = ann.make(new_task()).await;
    let records = world.records().await.len();
    let conflict = NewEntry { if_version: Some(7), ..entry("result", "lost") };
    let refused = ann.try_end(task.id, ending(conflict)).await;
    assert!(matches!(refused, Err(StorageError::VersionConflict { current: 2 })), "{refused:?}");
    let refused = ann.bound_to("b").try_end(task.id, ending(entry("result", "lost"))).await;
    assert!(matches!(refused, Err(StorageError::KeyTaken)), "{refused:?}");
    assert_eq!(ann.task(task.id).await.as_ref(), Some(&task), "neither has happened");
    ann.complete(&task).await;
    let refused = ann.try_end(task.id, ending(entry("new", "lost"))).await;
    assert_state(refused, ("task", "completed", "completed"));
    assert_eq!((ann.get("new").await, ann.get("result").await.unwrap().summary.version), (None, 2));
    assert_eq!(world.records().await.len(), records + 1);
    assert!(world.verified().await.is_intact());
}

pub async fn parts_of_an_assigned_task_count_as_subtasks_of_its_agent(world: &World) {
    let ann = world.local("ann").start().await;
    let agent = ann.spawn("a").await;
    let task = ann.make(new_task()).await;
    let subtasks = async || ann.again(&agent).await.usage.subtasks;
    ann.make(part_of(task.id)).await;
    assert_eq!(subtasks().await, 0, "nobody has it yet");
    ann.assign(&task, &agent).await;
    let part = ann.make(part_of(task.id)).await;
    ann.make(part_of(part.id)).await;
    assert_eq!(subtasks().await, 1, "of the parent's agent only");
    ann.complete(&task).await;
    ann.make(part_of(task.id)).await;
    assert_eq!(subtasks().await, 1, "nobody has it any more");
}

pub async fn relationships_are_shown_from_both_ends_in_order(world: &World) {
    let ann = world.local("ann").start().await;
    let (first, second) = (ann.make(new_task()).await.id, ann.make(new_task()).await.id);
    let relations = vec![
        (Relation::Supersedes, first),
        (Relation::DependsOn, second),
        (Relation::DependsOn, first),
        (Relation::DependsOn, second),
        (Relation::DerivedFrom, second),
    ];
    let task = ann.make(NewTask { relations, ..part_of(first) }).await.id;
    let link = |from, relation, to| Relationship { from, relation, to };
    let outgoing = vec![
        link(task, Relation::DerivedFrom, second),
        link(task, Relation::DependsOn, first),
        link(task, Relation::DependsOn, second),
        link(task, Relation::Supersedes, first),
    ];
    let part = link(first, Relation::ParentOf, task);
    let shown = async |id, direction| ann.relationships(id, direction).await.unwrap();
    assert_eq!(shown(task, Direction::Outgoing).await, outgoing);
    assert_eq!(shown(task, Direction::Incoming).await, [part]);
    assert_eq!(shown(task, Direction::Both).await, [vec![part], outgoing.clone()].concat());
    assert_eq!(shown(first, Direction::Outgoing).await, [part]);
    assert_eq!(shown(first, Direction::Incoming).await, [outgoing[1], outgoing[3]]);
    assert_eq!(shown(second, Direction::Both).await, [outgoing[0], outgoing[2]]);
    assert_eq!(ann.relationships(TaskId::generate(), Direction::Both).await, None);
}

pub async fn a_lineage_goes_from_a_task_to_its_root(world: &World) {
    let ann = world.local("ann").start().await;
    let mut line = vec![ann.make(new_task()).await];
    for _ in 0..4 {
        let input = Some(text("part"));
        line.insert(0, ann.make(NewTask { input, ..part_of(line[0].id) }).await);
        ann.make(part_of(line[1].id)).await;
    }
    let id = line[0].id;
    for most in [0, 1, 3, 5, 9] {
        assert_eq!(ann.lineage(id, most).await, line[..line.len().min(most as usize)]);
    }
    assert_eq!(ann.lineage(line[4].id, 9).await, line[4..]);
    assert_eq!(ann.lineage(TaskId::generate(), 9).await, []);
}
