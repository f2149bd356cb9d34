//! S45: what fails is undone as a whole, and when there is room again it goes on.
#![expect(clippy::disallowed_methods, reason = "`mount` makes the small device")]

use std::path::Path;
use std::process::Command;

use agentstack_core::{AgentStatus, DriftAction, TaskStatus};
use agentstack_storage::conformance::coordination::{
    end, everything, new_agent, new_identity, new_task, part_of, text,
};
use agentstack_storage::conformance::world::{
    MEMORY_DELETE, MEMORY_RESTORE, MEMORY_SEARCH, MEMORY_STORE, SESSION_END, SESSION_START, TASK_CREATE,
    draft, entry, key, new_session, origin, pending, search,
};
use agentstack_storage::conformance::{Call, World};
use agentstack_storage::text::Match;
use agentstack_storage::{AgentChange, AgentRef, Drift, IdentityFilter, NewTask, StorageError, TaskEnd};
use sqlx::{Connection, Executor};
use tempfile::TempDir;

use crate::support;

/// All that a caller can see.
async fn picture(world: &World, ann: &Call<'_>) -> String {
    let mut seen = vec![format!("{:?} {:?}", ann.status().await, ann.active().await)];
    for call in [ann.clone(), ann.named("team")] {
        for key in call.keys().await {
            seen.push(format!("{key} {:?} {}", call.get(&key).await, call.history(&key).await.len()));
        }
        seen.push(format!("{:?}", call.found("words", Match::Any).await));
    }
    seen.push(format!("{:?} {:?}", ann.agents(9).await, ann.tasks(everything()).await));
    let identities = IdentityFilter { limit: 9, ..IdentityFilter::default() };
    seen.push(format!("{:?}", ann.identities(identities).await));
    seen.push(world.records().await.len().to_string());
    seen.join("\n")
}

/// Every mutation, with the error it has.
async fn mutations(world: &World, ann: &Call<'_>) -> Vec<Option<StorageError>> {
    let store = &world.store;
    let (write, restore) = (ann.scope(&MEMORY_STORE).await, ann.scope(&MEMORY_RESTORE).await);
    let (delete, ending) = (ann.scope(&MEMORY_DELETE).await, ann.scope(&SESSION_END).await);
    let team = ann.named("fresh").scope(&MEMORY_STORE).await;
    let start = ann.scope(&SESSION_START).await;
    let (new, token) = new_session(world, 1_000, 1_000);
    let mut errors = vec![
        store.store(&write, entry("new", "new words"), pending(&write)).await.err(),
        store.store(&write, entry("old", "newer words"), pending(&write)).await.err(),
        store.store(&team, entry("new", "new words"), pending(&team)).await.err(),
        store.restore(&restore, &key("old"), 1, origin(&restore), pending(&restore)).await.err(),
        store.delete(&delete, &key("old"), pending(&delete)).await.err(),
        store.start(&start, new, pending(&start)).await.err(),
        store.resume(&start, token.hash(), pending(&start)).await.map(drop).err(),
        store.append(&[draft(&start)]).await.err(),
    ];
    errors.extend(coordination(world, ann).await);
    errors.push(store.end(&ending, &|_| draft(&ending), pending(&ending)).await.err());
    errors
}

/// Those of agents, identities and tasks, on behalf of an agent.
async fn coordination(world: &World, ann: &Call<'_>) -> Vec<Option<StorageError>> {
    let acting = ann.as_agent(&ann.agent_named("old").await.unwrap());
    let listed = acting.tasks(everything()).await.tasks;
    let which = AgentRef::Name("old".parse().unwrap());
    let change = AgentChange { renew: true, ..AgentChange::to(AgentStatus::Running) };
    let output = Some(text("words"));
    let ending = TaskEnd { output, entry: Some(entry("output", "words")), ..end(TaskStatus::Completed) };
    let scope = acting.scope(&TASK_CREATE).await;
    let drift = Drift { ancestor: listed[0].id, similarity: 0.5, action: DriftAction::Prevented };
    let agent = acting.agent(&which).await.unwrap().id;
    vec![
        acting.try_spawn(new_agent("new")).await.err(),
        acting.try_change(&which, change).await.err(),
        acting.try_keep(new_identity(world, None)).await.err(),
        acting.try_make(NewTask { drift: Some(drift), ..part_of(listed[0].id) }).await.err(),
        acting.try_assign(listed[0].id, agent).await.err(),
        acting.try_end(listed[0].id, ending).await.err(),
        acting.try_end(listed[1].id, end(TaskStatus::Failed)).await.err(),
        world.store.note_drift(&scope, drift, draft(&scope)).await.err(),
        world.store.append(&[draft(&scope)]).await.err(),
    ]
}

async fn filled(world: &World) -> Call<'_> {
    let ann = world.local("ann").start().await;
    for call in [&ann, &ann.named("team")] {
        call.store("old", "first words").await;
        call.store("old", "second words").await;
    }
    ann.spawn("old").await;
    for _ in 0..2 {
        ann.make(new_task()).await;
    }
    ann
}

#[tokio::test]
async fn s45_without_its_record_no_mutation_happens() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    let world = support::world(&path, false).await;
    let ann = filled(&world).await;
    let before = picture(&world, &ann).await;
    let mut raw = support::raw(&path).await;
    raw.execute("CREATE TRIGGER broken BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'broken'); END")
        .await
        .unwrap();
    for (number, error) in mutations(&world, &ann).await.into_iter().enumerate() {
        // To resume with a token of no session is no mutation.
        assert_eq!(error.is_some(), number != 6, "mutation {number}");
        assert!(error.is_none_or(|error| matches!(error, StorageError::Unavailable(_))));
    }
    assert_eq!(picture(&world, &ann).await, before);
    raw.execute("DROP TRIGGER broken").await.unwrap();
    raw.close().await.unwrap();
    assert!(mutations(&world, &ann).await.iter().all(Option::is_none));
    assert!(world.verified().await.is_intact());
}

#[tokio::test]
async fn a_damaged_index_is_an_error_of_the_call() {
    let damages = [
        "UPDATE index_fresh SET terms = x'ff'",
        "UPDATE index_fresh SET terms = x'0401010105'",
        "UPDATE index_blocks SET terms = x'00ff'",
        "UPDATE index_segments SET map = x'05'",
    ];
    for damage in damages {
        let folder = TempDir::new().unwrap();
        let path = support::path(&folder);
        let world = support::world(&path, false).await;
        let team = world.local("ann").start().await.named("team");
        for number in 0..70 {
            team.store(&number.to_string(), "some words").await;
        }
        let mut raw = support::raw(&path).await;
        raw.execute(damage).await.unwrap();
        raw.close().await.unwrap();
        let scope = team.scope(&MEMORY_SEARCH).await;
        let found = world.store.search(&scope, search("words", Match::Any)).await;
        assert!(matches!(found, Err(StorageError::Damaged(_))), "{damage}");
        // What is not searched is there all the same, and the connection can be used.
        assert_eq!(team.get("7").await.unwrap().content, "some words");
        assert!(world.verified().await.is_intact());
    }
}

/// A device of one MiB, for root; unmounted when dropped.
struct Device(TempDir);

impl Device {
    fn mount() -> Option<Self> {
        let folder = TempDir::new().unwrap();
        run(folder.path(), "size=1m,mode=0700").then(|| Self(folder))
    }

    fn remount(&self, options: &str) {
        assert!(run(self.0.path(), &format!("remount,{options}")));
    }
}

fn run(path: &Path, options: &str) -> bool {
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(path).output();
    mount.is_ok_and(|output| output.status.success())
}

impl Drop for Device {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).output();
    }
}

#[tokio::test]
async fn s45_a_full_or_read_only_device_leaves_nothing_half_done() {
    // Where nothing can be mounted, `checks::s45_…` show the same with limits of SQLite's own.
    let Some(device) = Device::mount() else { return };
    for encrypted in [true, false] {
        device.remount("size=1m,rw");
        let path = device.0.path().join(if encrypted { "encrypted.db" } else { "plain.db" });
        let world = support::world(&path, encrypted).await;
        let ann = filled(&world).await;
        let mut stored = 0;
        let text = "words ".repeat(1_000);
        let error = loop {
            match ann.named("team").try_store(entry(&stored.to_string(), &text)).await {
                Ok(_) => stored += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, StorageError::Full(_)), "{error:?}");
        assert!(stored > 5);
        assert_eq!(ann.named("team").keys().await.len(), stored + 1);
        assert!(ann.named("team").get(&stored.to_string()).await.is_none());
        assert!(world.verified().await.is_intact());
        device.remount("size=8m,rw");
        ann.named("team").store(&stored.to_string(), &text).await;
        let before = picture(&world, &ann).await;
        world.store.close().await;
        device.remount("ro");
        let refused = support::open(&path, encrypted).await;
        assert!(refused.is_err(), "a store that cannot write does not open");
        device.remount("rw");
        let world = support::world(&path, encrypted).await;
        let operator = world.operator().in_session(ann.session.unwrap());
        assert!(before.contains(&format!("{:?}", operator.status().await)));
        assert!(world.verified().await.is_intact());
        world.store.close().await;
        std::fs::remove_file(&path).unwrap();
    }
}

#[tokio::test]
async fn s44_a_log_that_was_edited_is_not_signed_again() {
    let edits = [
        "UPDATE audit SET hash = randomblob(32) WHERE sequence = 3",
        "DELETE FROM audit WHERE sequence = 3",
        "DELETE FROM audit WHERE sequence >= 3",
        "UPDATE audit_checkpoints SET checkpoint = replace(checkpoint, ':3:', ':4:')",
    ];
    for edit in edits {
        let folder = TempDir::new().unwrap();
        let path = support::path(&folder);
        let world = support::world(&path, false).await;
        let ann = world.local("ann").start().await;
        let scope = world.operator().scope(&SESSION_START).await;
        for number in 0..6 {
            ann.store(&number.to_string(), "text").await;
            if number == 1 {
                assert_eq!(world.store.checkpoint(&scope).await.unwrap().unwrap().sequence, 3);
            }
        }
        let mut raw = support::raw(&path).await;
        assert!(raw.execute(edit).await.is_err(), "append-only, but for whoever changes the schema: {edit}");
        for trigger in [
            "DROP TRIGGER audit_no_update",
            "DROP TRIGGER audit_no_delete",
            "DROP TRIGGER audit_checkpoints_no_update",
            "PRAGMA foreign_keys = OFF",
            edit,
        ] {
            raw.execute(trigger).await.unwrap();
        }
        let signed = world.store.checkpoint(&scope).await;
        assert!(matches!(signed, Err(StorageError::Damaged(_))), "{edit}: {signed:?}");
        assert!(!world.verified().await.is_intact(), "{edit}");
    }
}
