//! Imports: what is taken, what is not, and how far they have come.

use std::sync::Mutex;

use agentstack_audit::Outcome;
use agentstack_core::limits::{HELD_PER_NAMESPACE, IDENTITIES_PER_PRINCIPAL};
use agentstack_core::{
    EntryId, Identity, IdentityStatus, Namespace, Origin, Relation, Relationship, ResumeToken, RiskLevel,
    SessionId, Task, TaskId, TaskStatus, Timestamp, Trust,
};

use super::coordination::{everything, new_identity, text};
use super::trust::all;
use super::world::{MEMORY_IMPORT, World, key, metadata, pending, tags};
use crate::import::ImportOutcome::{
    Already, Conflict, Held, HomeHeld, Homeless, NameTaken, Orphan, Taken, TooMany,
};
use crate::import::{
    ImportBatch, ImportItem, ImportOutcome, ImportProgress, ImportedEntry, ImportedSession, ImportedTask,
    ImportedVersion, Trial, VersionData,
};
use crate::text::Match;
use crate::{Direction, IdentityFilter, Session, StorageError, TaskBounds, Wish};

const BOUNDS: TaskBounds = TaskBounds { depth: 2, parts: 2, tasks: 4 };

fn session(world: &World) -> (ImportedSession, ResumeToken) {
    let token = ResumeToken::generate().unwrap();
    let session = ImportedSession {
        id: SessionId::generate(),
        metadata: metadata(r#"{"was": "there"}"#),
        resume: token.hash(),
        started_at: Timestamp::from_millis(1_700_000_000_000),
        idle_ms: 60_000,
        expires_at: world.now().plus_millis(3_600_000),
    };
    (session, token)
}

fn version(world: &World, name: &str, number: u32, content: &str) -> VersionData {
    VersionData {
        key: key(name),
        number,
        content: content.to_owned().try_into().unwrap(),
        metadata: metadata(r#"{"a": [1, 2.5]}"#),
        tags: tags(&["one", "two"]),
        agent: Some("coder-1".parse().unwrap()),
        origin: Origin {
            principal: "operator:root".into(),
            agent_id: None,
            tool: "import".into(),
            at: world.now(),
        },
        findings: vec![],
        held: false,
    }
}

fn entry(world: &World, namespace: &Namespace, name: &str, content: &str) -> ImportedEntry {
    ImportedEntry {
        namespace: namespace.clone(),
        id: EntryId::generate(),
        created_at: Timestamp::from_millis(1_700_000_000_000),
        version: version(world, name, 3, content),
        entries_per_session: 2,
        wish: Wish::None,
    }
}

fn past(world: &World, of: &ImportedEntry, number: u32, content: &str) -> ImportedVersion {
    let version = version(world, of.version.key.as_str(), number, content);
    ImportedVersion { namespace: of.namespace.clone(), entry: of.id, version }
}

fn task(session: SessionId, parent: Option<TaskId>) -> ImportedTask {
    let at = Timestamp::from_millis(1_700_000_000_000);
    let task = Task {
        id: TaskId::generate(),
        agent_type: "coder".parse().unwrap(),
        status: TaskStatus::Completed,
        risk: RiskLevel::High,
        parent,
        depth: 77,
        agent: None,
        input: Some(text("what is to be done")),
        output: Some(text("what came of it")),
        created_at: at,
        updated_at: at.plus_millis(5),
        completed_at: Some(at.plus_millis(5)),
    };
    ImportedTask { session, task, bounds: BOUNDS }
}

fn shared(name: &str) -> Namespace {
    name.parse().unwrap()
}

fn boxed(entry: &ImportedEntry) -> ImportItem {
    ImportItem::Entry(Box::new(entry.clone()))
}

fn boxed_version(version: &ImportedVersion) -> ImportItem {
    ImportItem::Version(Box::new(version.clone()))
}

fn boxed_task(task: &ImportedTask) -> ImportItem {
    ImportItem::Task(Box::new(task.clone()))
}

/// What became of items that are taken one import after the other. First they are tried, which says the same.
async fn import(world: &World, items: Vec<ImportItem>) -> Vec<ImportOutcome> {
    let tried = try_in_pieces(world, &items).await;
    let outcomes = take(world, SessionId::generate(), None, (0, 1), items).await.unwrap();
    assert_eq!(tried, outcomes, "a trial says what an import does");
    outcomes
}

/// What would become of them, asked for one by one, as an import of many batches would.
async fn try_in_pieces(world: &World, items: &[ImportItem]) -> Vec<ImportOutcome> {
    let scope = world.operator().scope(&MEMORY_IMPORT).await;
    let mut trial = Trial::default();
    let mut outcomes = vec![];
    for item in items {
        let tried = world.store.try_import(&scope, std::slice::from_ref(item), &mut trial).await.unwrap();
        outcomes.extend(tried);
    }
    outcomes
}

async fn take(
    world: &World,
    import: SessionId,
    seen: Option<(u32, i64)>,
    (stage, row): (u32, i64),
    items: Vec<ImportItem>,
) -> Result<Vec<ImportOutcome>, StorageError> {
    let scope = world.operator().scope(&MEMORY_IMPORT).await;
    let mut id = [0; 32];
    id[..16].copy_from_slice(import.as_bytes());
    let told = Mutex::new(vec![]);
    let batch = ImportBatch { import: id, seen, items };
    let conclude = |outcomes: &[ImportOutcome], pending: crate::Pending| {
        *told.lock().unwrap() = outcomes.to_vec();
        let count = outcomes.len() as u64;
        let progress = ImportProgress { stage, row, report: format!("{count} looked at") };
        (progress, pending.close(Outcome::Ok, vec![("items", count)]))
    };
    world.store.import_batch(&scope, batch, &conclude, pending(&scope)).await?;
    let progress = world.store.import_progress(&scope, &id).await.unwrap().unwrap();
    assert_eq!(progress.place(), (stage, row));
    Ok(told.into_inner().unwrap())
}

pub async fn an_imported_entry_is_unverified_and_keeps_when_it_was_first_stored(world: &World) {
    let namespace = shared("team");
    let first = entry(world, &namespace, "known", "apples and pears");
    let outcomes = import(world, vec![boxed(&first)]).await;
    assert_eq!(outcomes, [Taken]);
    let ann = world.local("ann").start().await.named("team");
    let found = ann.get("known").await.unwrap();
    let summary = &found.summary;
    assert_eq!((summary.id, summary.version, &summary.namespace), (first.id, 3, &namespace));
    assert_eq!((summary.created_at, summary.updated_at), (first.created_at, world.now()));
    assert_eq!(summary.label.trust, Trust::Unverified);
    assert_eq!(summary.label.origin, first.version.origin);
    assert_eq!((&summary.tags, &summary.metadata), (&first.version.tags, &first.version.metadata));
    assert_eq!(summary.agent_id, first.version.agent);
    assert_eq!(found.content, "apples and pears");
    assert_eq!(ann.found("pears", Match::Any).await, ["known"]);
    // It is an entry like any other from then on.
    assert_eq!(ann.store("known", "plums").await.version, 4);
    assert_eq!(ann.found("pears", Match::Any).await, [""; 0]);
    assert_eq!(ann.history("known").await.len(), 2);
    assert!(ann.delete("known").await);
}

pub async fn past_versions_come_before_their_entry(world: &World) {
    let kept = entry(world, &shared("team"), "known", "third");
    let other = entry(world, &shared("team"), "other", "third");
    let items = vec![
        boxed(&kept),
        boxed_version(&past(world, &kept, 1, "first")),
        boxed_version(&past(world, &kept, 2, "second")),
        boxed_version(&past(world, &kept, 2, "second once more")),
        boxed_version(&past(world, &kept, 3, "third once more")),
        boxed_version(&past(world, &other, 1, "of nothing")),
    ];
    assert_eq!(import(world, items).await, [Taken, Taken, Taken, Already, Already, Homeless]);
    let ann = world.local("ann").start().await.named("team");
    let history = ann.history("known").await;
    let versions: Vec<_> = history.iter().map(|one| (one.version, one.content.as_str())).collect();
    assert_eq!(versions, [(3, "third"), (2, "second"), (1, "first")]);
    assert!(history.iter().all(|one| one.label.origin.tool == "import" && one.stored_at == world.now()));
    assert_eq!(ann.found("first", Match::Any).await, [""; 0], "only the current version is found");
    let restored = ann.restore("known", 1).await.unwrap();
    assert_eq!((restored.version, restored.label.origin.tool.as_str()), (4, "memory_restore"));
}

pub async fn what_is_there_stays_as_it_is(world: &World) {
    let ann = world.local("ann").start().await.named("team");
    ann.store("known", "ours").await;
    ann.store_held("held", "ours too").await;
    let first = entry(world, &shared("team"), "new", "theirs");
    let again = entry(world, &shared("team"), "new", "another row of the same key");
    let items = vec![
        boxed(&entry(world, &shared("team"), "known", "theirs")),
        boxed(&entry(world, &shared("team"), "held", "theirs")),
        boxed(&first),
        boxed(&first),
        boxed(&again),
        // Keys are what they are: one accent as one character and as two are two keys.
        boxed(&entry(world, &shared("team"), "caf\u{e9}", "theirs")),
        boxed(&entry(world, &shared("team"), "cafe\u{301}", "theirs")),
    ];
    let outcomes = import(world, items).await;
    assert_eq!(outcomes, [Conflict, Conflict, Taken, Already, Conflict, Taken, Taken]);
    assert_eq!(ann.get("known").await.unwrap().content, "ours");
    assert_eq!(ann.get("new").await.unwrap().content, "theirs");
    assert_eq!(ann.get("held").await, None);
    assert_eq!(import(world, vec![boxed(&first), boxed(&again)]).await, [Already, Conflict]);
}

pub async fn s16_what_is_imported_and_held_back_is_on_no_read_path(world: &World) {
    let mut held = entry(world, &shared("team"), "held", "canary");
    held.version.held = true;
    let kept = entry(world, &shared("team"), "kept", "third");
    let mut past_held = past(world, &kept, 1, "canary");
    past_held.version.held = true;
    let items = vec![
        boxed(&held),
        boxed_version(&past(world, &held, 1, "canary before")),
        boxed(&kept),
        boxed_version(&past_held),
        boxed_version(&past_held),
    ];
    assert_eq!(import(world, items).await, [Held, HomeHeld, Taken, Held, Already]);
    let ann = world.local("ann").start().await.named("team");
    assert_eq!(ann.keys().await, ["kept"]);
    assert_eq!(ann.found("canary", Match::Any).await, [""; 0]);
    assert_eq!(ann.history("kept").await.len(), 1);
    let waiting = world.operator().reviews(all(Trust::Quarantined)).await.reviews;
    assert_eq!(waiting.len(), 2);
    // Approved, it goes where its number says.
    for review in waiting {
        world.operator().decide(review.id, Trust::Trusted).await.unwrap().unwrap();
    }
    assert_eq!(ann.get("held").await.unwrap().content, "canary");
    let numbers: Vec<u32> = ann.history("kept").await.iter().map(|one| one.version).collect();
    assert_eq!(numbers, [3, 1]);
}

pub async fn s02_an_imported_session_is_entered_with_its_token_alone(world: &World) {
    let (imported, token) = session(world);
    let namespace = Namespace::Session(imported.id);
    let first = entry(world, &namespace, "note", "canary");
    let homeless = entry(world, &Namespace::Session(SessionId::generate()), "note", "canary");
    let items = vec![
        ImportItem::Session(imported.clone()),
        ImportItem::Session(imported.clone()),
        boxed(&first),
        boxed(&entry(world, &namespace, "second", "two")),
        boxed(&entry(world, &namespace, "third", "one too many")),
        boxed(&homeless),
    ];
    assert_eq!(import(world, items).await, [Taken, Already, Taken, Taken, TooMany, Homeless]);
    let (ann, operator) = (world.local("ann"), world.operator());
    assert_eq!(ann.active().await, []);
    for caller in [&ann, &operator, &world.local("ann").start().await] {
        let inside = caller.in_session(imported.id);
        assert!(inside.authorize(&super::world::MEMORY_GET).await.is_err());
    }
    let other = ResumeToken::generate().unwrap();
    assert_eq!(ann.resume(&other).await, None);
    let entered: Session = ann.resume(&token).await.unwrap();
    assert_eq!((entered.id, entered.started_at), (imported.id, imported.started_at));
    assert_eq!(entered.metadata, imported.metadata);
    assert_eq!(entered.expires_at, world.now().plus_millis(imported.idle_ms));
    let inside = ann.in_session(imported.id);
    assert_eq!(inside.get("note").await.unwrap().content, "canary");
    assert_eq!(inside.found("canary", Match::Any).await, ["note"]);
    // Nobody else has got in with that, and it ends as any.
    assert!(world.local("ann").in_session(imported.id).authorize(&super::world::MEMORY_GET).await.is_err());
    assert_eq!(inside.end().await.entries, 2);
}

pub async fn imported_tasks_are_of_their_session_and_within_its_bounds(world: &World) {
    let (imported, token) = session(world);
    let id = imported.id;
    let root = task(id, None);
    let part = task(id, Some(root.task.id));
    let below = task(id, Some(part.task.id));
    let too_deep = task(id, Some(below.task.id));
    let mut pending_one = task(id, Some(root.task.id));
    (pending_one.task.status, pending_one.task.output) = (TaskStatus::Pending, None);
    (pending_one.task.completed_at, pending_one.task.risk) = (None, RiskLevel::Low);
    let items = vec![
        ImportItem::Session(imported),
        boxed_task(&root),
        boxed_task(&part),
        boxed_task(&root),
        boxed_task(&below),
        boxed_task(&too_deep),
        boxed_task(&pending_one),
        boxed_task(&task(id, Some(root.task.id))),
        boxed_task(&task(id, Some(TaskId::generate()))),
        boxed_task(&task(id, None)),
        boxed_task(&task(SessionId::generate(), None)),
    ];
    let outcomes = import(world, items).await;
    assert_eq!(
        outcomes,
        [Taken, Taken, Taken, Already, Taken, TooMany, Taken, TooMany, Orphan, TooMany, Homeless]
    );
    let ann = world.local("ann");
    ann.resume(&token).await.unwrap();
    let ann = ann.in_session(id);
    let found = ann.tasks(everything()).await;
    let mut expected = vec![
        Task { depth: 0, ..root.task.clone() },
        Task { depth: 1, ..part.task.clone() },
        Task { depth: 2, ..below.task.clone() },
        Task { depth: 1, ..pending_one.task.clone() },
    ];
    expected.sort_by_key(|task| std::cmp::Reverse(task.id));
    assert_eq!(found.tasks, expected);
    let related = ann.relationships(root.task.id, Direction::Both).await.unwrap();
    let part_of = |to| Relationship { from: root.task.id, relation: Relation::ParentOf, to };
    let mut parts = vec![part_of(part.task.id), part_of(pending_one.task.id)];
    parts.sort_unstable();
    assert_eq!(related, parts);
}

pub async fn imported_identities_belong_to_the_owner_they_name(world: &World) {
    let identity = |name: Option<&str>, whose: &str| Identity {
        owner: whose.to_owned(),
        created_at: Timestamp::from_millis(1_700_000_000_000),
        last_active_at: Some(Timestamp::from_millis(1_700_000_000_001)),
        version: 9,
        ..new_identity(world, name)
    };
    let ann = world.local("ann");
    let owner = ann.principal.name();
    let mine = ann.keep(new_identity(world, Some("taken"))).await;
    let (first, retired) = (identity(Some("first"), owner), identity(Some("first"), owner));
    let retired = Identity { status: IdentityStatus::Retired, reason: Some("old".into()), ..retired };
    let item = |one: &Identity| ImportItem::Identity(Box::new(one.clone()));
    let items = vec![
        item(&first),
        item(&first),
        item(&identity(Some("first"), owner)),
        item(&identity(Some("taken"), owner)),
        item(&retired),
        item(&identity(Some("first"), "token:ci")),
        item(&Identity { owner: "token:ci".into(), ..mine.clone() }),
        item(&identity(None, owner)),
    ];
    let outcomes = import(world, items).await;
    assert_eq!(outcomes, [Taken, Already, NameTaken, NameTaken, Taken, Taken, Conflict, Taken]);
    let listed = ann.identities(IdentityFilter { limit: 10, ..IdentityFilter::default() }).await;
    assert_eq!(listed.total, 4);
    assert!(listed.identities.contains(&first) && listed.identities.contains(&retired));
    assert!(listed.identities.contains(&mine));
    assert!(
        world.operator().identities(IdentityFilter { limit: 10, ..IdentityFilter::default() }).await.total
            == 0
    );
}

pub async fn s19_no_more_is_imported_than_there_may_be(world: &World) {
    let identity = |_| ImportItem::Identity(Box::new(new_identity(world, None)));
    let many: Vec<_> = (0..=IDENTITIES_PER_PRINCIPAL).map(identity).collect();
    let outcomes = import(world, many).await;
    let taken = outcomes.iter().filter(|outcome| **outcome == Taken).count();
    assert_eq!((taken, outcomes.last()), (1_000, Some(&TooMany)));
    let held = |number| {
        let mut one = entry(world, &shared("team"), &format!("key {number}"), "x");
        one.version.held = true;
        boxed(&one)
    };
    let outcomes = import(world, (0..=HELD_PER_NAMESPACE).map(held).collect()).await;
    let taken = outcomes.iter().filter(|outcome| **outcome == Held).count();
    assert_eq!((taken, outcomes.last()), (1_000, Some(&TooMany)));
}

pub async fn an_import_goes_on_from_where_it_was_and_from_nowhere_else(world: &World) {
    let (one, two) = (SessionId::generate(), SessionId::generate());
    let item = |name| vec![boxed(&entry(world, &shared("team"), name, "text"))];
    take(world, one, None, (3, 200), item("a")).await.unwrap();
    let before = world.records().await.len();
    for wrong in [None, Some((3, 199)), Some((2, 200))] {
        let refused = take(world, one, wrong, (3, 400), item("b")).await;
        assert!(matches!(refused, Err(StorageError::Changed)), "{wrong:?}");
    }
    assert!(matches!(
        take(world, two, Some((3, 200)), (3, 400), item("b")).await,
        Err(StorageError::Changed)
    ));
    assert_eq!(world.records().await.len(), before);
    take(world, one, Some((3, 200)), (ImportProgress::DONE, i64::MAX), item("b")).await.unwrap();
    take(world, two, None, (0, i64::MIN), vec![]).await.unwrap();
    let records = world.records().await;
    let counts: Vec<_> = records.iter().filter_map(|record| record.counts.get("items")).collect();
    assert_eq!(counts, [&1, &1, &0], "each has one record");
    let ann = world.local("ann").start().await.named("team");
    assert_eq!(ann.keys().await.len(), 2);
}

pub async fn a_trial_changes_nothing(world: &World) {
    let (imported, _) = session(world);
    let namespace = Namespace::Session(imported.id);
    let items = [
        ImportItem::Session(imported),
        boxed(&entry(world, &namespace, "note", "text")),
        boxed(&entry(world, &shared("team"), "note", "text")),
        ImportItem::Identity(Box::new(new_identity(world, None))),
    ];
    let before = (world.records().await.len(), world.operator().figures().await);
    for _ in 0..2 {
        assert_eq!(try_in_pieces(world, &items).await, [Taken; 4]);
    }
    assert_eq!((world.records().await.len(), world.operator().figures().await), before);
}

pub async fn what_is_wished_of_an_imported_entry_is_done(world: &World) {
    let namespace = shared("team");
    let wished = |name, wish| boxed(&ImportedEntry { wish, ..entry(world, &namespace, name, "text") });
    let items = vec![wished("a", Wish::Wanted), wished("b", Wish::None), wished("c", Wish::Declined)];
    import(world, items).await;
    let scope = world.operator().scope(&MEMORY_IMPORT).await;
    let figures = world.store.embedding_figures(&scope).await.unwrap();
    assert_eq!((figures.waiting, figures.declined, figures.entries), (1, 1, 3));
}
