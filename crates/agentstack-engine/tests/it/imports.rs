//! Importing what the product before this one has kept.

mod arbitrary;
mod interrupted;
mod world;

use agentstack_access::{Principal, Role};
use agentstack_engine::ImportReason::{EndedSession, NoTokenFile};
use agentstack_engine::{ImportOptions, ImportProblem, ImportReason, ImportReport};
use agentstack_storage_sqlite::testing::{HOSTILE, MANY, V1_0, V1_3, V1_6, V1_6_EMPTY};
use serde_json::{Value, json};

use self::world::{Keeper, Place, everything};
use crate::support::{UNKNOWN, World};

fn with_sessions() -> ImportOptions {
    ImportOptions { with_sessions: true, ..ImportOptions::default() }
}

fn taken(report: &ImportReport, table: &str) -> u64 {
    report.taken.get(table).copied().unwrap_or_default()
}

fn reasons(report: &ImportReport) -> Vec<(&str, ImportReason, u64)> {
    report.not_taken.iter().map(|left| (left.table.as_str(), left.reason, left.count)).collect()
}

/// What the worlds that imports are tried in are made of: the reference store, and the one that ships.
async fn worlds() -> [World; 2] {
    [World::new(), World::sqlite().await]
}

#[tokio::test]
async fn version_1_0_is_imported_entry_by_entry() {
    for world in worlds().await {
        let place = Place::with(V1_0).await;
        let mut keeper = Keeper::default();
        let report = place.import(&world, Some(&mut keeper), with_sessions()).await.unwrap().report;
        assert_eq!(
            (taken(&report, "memory"), taken(&report, "sessions"), taken(&report, "tasks")),
            (3, 1, 2)
        );
        assert_eq!(reasons(&report), [("sessions", EndedSession, 1), ("tasks", ImportReason::NoSession, 1)]);
        assert_eq!(report.other_tables.get("plugins"), Some(&1));
        assert!(!report.has_refusals());
        insta::assert_json_snapshot!("version_1_0", everything(&world, &keeper, &["default", "team"]).await);
    }
}

#[tokio::test]
async fn version_1_3_is_imported_with_tags_and_past_versions() {
    for world in worlds().await {
        let place = Place::with(V1_3).await;
        let report = place.import(&world, None, ImportOptions::default()).await.unwrap().report;
        assert_eq!((taken(&report, "memory"), taken(&report, "memory_versions")), (2, 2));
        assert_eq!(report.other_tables.get("memory_relationships"), Some(&1));
        assert_eq!(reasons(&report), []);
        insta::assert_json_snapshot!(
            "version_1_3",
            everything(&world, &Keeper::default(), &["default"]).await
        );
    }
}

#[tokio::test]
async fn version_1_6_is_imported_with_sessions_tasks_and_identities() {
    for world in worlds().await {
        let place = Place::with(V1_6).await;
        let mut keeper = Keeper::default();
        let options = ImportOptions {
            with_ended_sessions: true,
            owner: Some("embedded:ann".into()),
            ..with_sessions()
        };
        let report = place.import(&world, Some(&mut keeper), options).await.unwrap().report;
        assert_eq!(reasons(&report), []);
        assert_eq!(report.taken.values().sum::<u64>(), 3 + 2 + 3 + 4 + 2);
        insta::assert_json_snapshot!("version_1_6", everything(&world, &keeper, &["default"]).await);
    }
}

#[tokio::test]
async fn sessions_are_left_out_unless_they_are_asked_for() {
    let world = World::new();
    let place = Place::with(V1_6).await;
    let report = place.import(&world, None, ImportOptions::default()).await.unwrap().report;
    assert_eq!(
        reasons(&report),
        [
            ("sessions", EndedSession, 1),
            ("sessions", NoTokenFile, 2),
            ("tasks", EndedSession, 1),
            ("tasks", NoTokenFile, 2),
            ("memory", EndedSession, 1),
            ("memory", NoTokenFile, 2),
            ("memory_versions", EndedSession, 1),
        ]
    );
    assert!(!report.has_refusals());
    // Asked for later, they come, and what is there is known.
    let mut keeper = Keeper::default();
    let report = place.import(&world, Some(&mut keeper), with_sessions()).await.unwrap().report;
    assert_eq!((taken(&report, "sessions"), taken(&report, "memory"), keeper.tokens.len()), (2, 2, 2));
    assert!(reasons(&report).contains(&("memory", ImportReason::Already, 1)));
    assert!(!report.has_refusals());
}

#[tokio::test]
async fn no_past_version_is_newer_than_what_is_there() {
    // In a column without a type, a number can be a real one: it does not count as the newest.
    let real = "CREATE TABLE loose AS SELECT id, memory_id, version + 0.0 AS version, key, namespace, content, metadata, created_at \
                FROM memory_versions; DROP TABLE memory_versions; ALTER TABLE loose RENAME TO memory_versions";
    for world in worlds().await {
        let place = Place::with(V1_3).await;
        place.change(&[real]).await;
        let report = place.import(&world, None, ImportOptions::default()).await.unwrap().report;
        assert_eq!((taken(&report, "memory"), taken(&report, "memory_versions")), (2, 0));
        assert_eq!(reasons(&report), [("memory_versions", ImportReason::Version, 2)]);
        let client = world.enter(Principal::embedded("ann", Role::Developer)).await;
        for content in ["one", "two", "three"] {
            let entry = json!({ "namespace": "default", "key": "build", "content": content });
            client.ok("memory_store", entry).await;
        }
    }
}

#[tokio::test]
async fn what_no_honest_program_has_written_is_refused_row_by_row() {
    for world in worlds().await {
        let place = Place::with(HOSTILE).await;
        let mut keeper = Keeper::default();
        let dry = ImportOptions { dry_run: true, ..with_sessions() };
        let tried = place.import(&world, None, dry).await.unwrap().report;
        let report = place.import(&world, Some(&mut keeper), with_sessions()).await.unwrap().report;
        assert_eq!(tried, report, "a dry run says the same");
        assert!(report.has_refusals());
        insta::assert_json_snapshot!("hostile_report", report);
        insta::assert_json_snapshot!("hostile", everything(&world, &keeper, &["default"]).await);
    }
}

#[tokio::test]
async fn s50_secrets_and_hidden_characters_are_treated_as_in_any_store() {
    let world = World::new();
    Place::with(HOSTILE).await.import(&world, None, ImportOptions::default()).await.unwrap();
    let ann = world.client("ann").await;
    let secret = ann.ok("memory_get", json!({ "key": "secret", "namespace": "default" })).await;
    assert!(!secret.to_string().contains("AKIAQ3EGRPXA4VGIX7NB"), "{secret}");
    assert_eq!(secret["entry"]["label"]["findings"][0]["treatment"], "redacted");
    assert_eq!(secret["entry"]["label"]["trust"], "unverified");
    let hidden = ann.ok("memory_get", json!({ "key": "hidden", "namespace": "default" })).await;
    assert_eq!(hidden["found"], false, "S16: it is held back");
    let operator = ann.as_operator();
    let held = operator.ok("quarantine_list", json!({})).await;
    assert_eq!(held["versions"][0]["label"]["origin"]["tool"], "import", "{held}");
}

#[tokio::test]
async fn a_dry_run_changes_nothing_but_the_record_of_itself() {
    for world in worlds().await {
        let place = Place::with(MANY).await;
        let before =
            (everything(&world, &Keeper::default(), &["team-1", "team-2"]).await, world.lines().await.len());
        let dry = ImportOptions { dry_run: true, ..with_sessions() };
        let tried = place.import(&world, None, dry.clone()).await.unwrap();
        let again = place.import(&world, None, dry).await.unwrap();
        assert_eq!(tried.report, again.report);
        let after = everything(&world, &Keeper::default(), &["team-1", "team-2"]).await;
        assert_eq!(after, before.0);
        let records = world.records().await;
        let of_imports = records.iter().filter(|record| record.operation == "memory_import");
        assert!(of_imports.clone().all(|record| record.counts.is_empty()));
        assert_eq!(of_imports.count(), 2);
        let mut keeper = Keeper::default();
        let done = place.import(&world, Some(&mut keeper), with_sessions()).await.unwrap();
        assert_eq!(done.report, tried.report);
        assert_eq!(done.report.taken.values().sum::<u64>(), 20 + 50 + 500 + 2_500 + 1_250);
    }
}

#[tokio::test]
async fn what_was_imported_is_not_imported_again() {
    for world in worlds().await {
        let place = Place::with(V1_6).await;
        let mut keeper = Keeper::default();
        let first = place.import(&world, Some(&mut keeper), with_sessions()).await.unwrap();
        let before = everything(&world, &keeper, &["default"]).await;
        let second = place.import(&world, Some(&mut keeper), with_sessions()).await.unwrap();
        assert!(second.was_done && !first.was_done);
        assert_eq!(second.report, first.report);
        assert_eq!(everything(&world, &keeper, &["default"]).await, before);
        // Somebody has gone on with the other product, and here.
        world
            .client("ann")
            .await
            .ok("memory_store", json!({ "key": "ours", "namespace": "default", "content": "x" }))
            .await;
        place
            .change(&[
                "UPDATE memory SET content = 'changed', updated_at = updated_at + 1 WHERE key = 'build'",
                "INSERT INTO memory VALUES ('10000000-0000-4000-8000-00000000000a', 'new', 'default', 'new', NULL, NULL, NULL, 1, 1), \
                 ('10000000-0000-4000-8000-00000000000b', 'ours', 'default', 'theirs', NULL, NULL, NULL, 1, 1)",
            ])
            .await;
        let third = place.import(&world, Some(&mut keeper), with_sessions()).await.unwrap();
        assert_eq!(third.report.taken, [("memory".to_owned(), 1)].into());
        let reasons = reasons(&third.report);
        assert!(reasons.contains(&("memory", ImportReason::Conflict, 2)), "{reasons:?}");
        assert!(reasons.contains(&("sessions", ImportReason::Already, 2)), "{reasons:?}");
        assert!(third.report.has_refusals());
        let ann = world.client("ann").await;
        for (key, content) in [("build", "The build runs with just."), ("new", "new"), ("ours", "x")] {
            let got = ann.ok("memory_get", json!({ "key": key, "namespace": "default" })).await;
            assert_eq!(got["entry"]["content"], content);
        }
    }
}

#[tokio::test]
async fn s02_nobody_enters_an_imported_session_without_its_token() {
    for world in worlds().await {
        let mut keeper = Keeper::default();
        Place::with(V1_6).await.import(&world, Some(&mut keeper), with_sessions()).await.unwrap();
        let (session, token) = keeper.first();
        let ask = |session: &str| json!({ "sessionId": session, "key": "plan" });
        for principal in [
            Principal::embedded("ann", Role::Developer),
            Principal::embedded("eve", Role::Agent),
            Principal::embedded("root", Role::Operator),
            Principal::operator("root"),
        ] {
            let someone = world.enter(principal).await;
            let foreign = someone.call("memory_get", ask(&session)).await;
            let unknown = someone.call("memory_get", ask(UNKNOWN)).await;
            assert_eq!(foreign.code(), "not_found");
            assert_eq!(foreign.bytes(), unknown.bytes());
            for call in ["task_list", "session_status", "agent_list", "memory_list"] {
                let answer = someone.call(call, json!({ "sessionId": session })).await;
                let may = call == "session_status" && someone.principal.is_operator();
                assert_eq!(answer.code() == "ok", may, "{call}");
            }
        }
        let ann = world.client("ann").await;
        let entered = ann.ok("session_start", json!({ "resumeToken": token })).await;
        assert_eq!(entered["session"]["id"], session.as_str());
        let got = ann.ok("memory_get", ask(&session)).await;
        assert_eq!(got["entry"]["content"], "First the parser.");
    }
}

#[tokio::test]
async fn s35_only_operators_import_and_each_batch_is_recorded() {
    let world = World::new();
    let place = Place::with(V1_6).await;
    for role in [Role::Developer, Role::Agent, Role::Viewer] {
        let refused = place.import_as(&world, Principal::embedded("ann", role), None, with_sessions()).await;
        let Err(ImportProblem::Call(error)) = refused else { panic!("{refused:?}") };
        assert!(error.message().contains("memory_import"), "{}", error.message());
    }
    let mut keeper = Keeper::default();
    place.import(&world, Some(&mut keeper), with_sessions()).await.unwrap();
    let records = world.records().await;
    let imports: Vec<Value> = records
        .iter()
        .filter(|record| record.operation == "memory_import")
        .map(|record| json!([record.principal, record.reason, record.counts]))
        .collect();
    insta::assert_json_snapshot!(imports);
}

#[tokio::test]
async fn a_credential_that_reaches_some_namespaces_imports_into_no_other() {
    let world = World::new();
    let limits = agentstack_access::Limits {
        namespaces: Some(std::sync::Arc::new(["team".parse().unwrap()].into())),
        ..agentstack_access::Limits::default()
    };
    let principal = Principal::embedded("root", Role::Operator).limited_to(limits);
    let place = Place::with(V1_0).await;
    let report = place.import_as(&world, principal, None, ImportOptions::default()).await.unwrap().report;
    assert_eq!(taken(&report, "memory"), 1);
    assert!(reasons(&report).contains(&("memory", ImportReason::Forbidden, 2)));
}

#[tokio::test]
async fn identities_belong_to_whom_they_are_imported_for() {
    let world = World::new();
    let place = Place::with(V1_6).await;
    for wrong in ["", "a\nb", &"x".repeat(257)] {
        let options = ImportOptions { owner: Some(wrong.to_owned()), ..ImportOptions::default() };
        assert!(matches!(place.import(&world, None, options).await, Err(ImportProblem::Owner)));
    }
    let options = ImportOptions { owner: Some("embedded:ann".into()), ..ImportOptions::default() };
    place.import(&world, None, options).await.unwrap();
    let names =
        async |name: &str| world.client(name).await.ok("identity_list", json!({})).await["total"].clone();
    assert_eq!((names("ann").await, names("bob").await), (json!(2), json!(0)));
}

#[tokio::test]
async fn an_imported_entry_expires_as_of_the_day_it_came() {
    let world = World::new();
    let place = Place::with(V1_6_EMPTY).await;
    place.change(&["INSERT INTO memory VALUES ('10000000-0000-4000-8000-000000000001', 'old', 'default', 'x', NULL, NULL, NULL, 1, 1)"]).await;
    place.import(&world, None, ImportOptions::default()).await.unwrap();
    let ann = world.client("ann").await;
    let got = ann.ok("memory_get", json!({ "key": "old", "namespace": "default" })).await;
    assert_eq!(got["entry"]["createdAt"], "1970-01-01T00:00:00.001Z");
    assert_eq!(got["entry"]["label"]["origin"]["at"], got["entry"]["updatedAt"]);
    assert_eq!(got["entry"]["updatedAt"], "2027-01-15T08:00:00.000Z");
    world.engine.keep_house().await;
    let got = ann.ok("memory_get", json!({ "key": "old", "namespace": "default" })).await;
    assert_eq!(got["found"], true, "S20 counts from the import on");
}

#[tokio::test]
async fn without_a_place_for_tokens_no_session_is_taken() {
    let world = World::new();
    let mut keeper = Keeper { broken: true, ..Keeper::default() };
    let refused = Place::with(V1_6).await.import(&world, Some(&mut keeper), with_sessions()).await;
    assert!(matches!(refused, Err(ImportProblem::Tokens(_))));
    let operator = world.client("root").await.as_operator();
    let active = operator.ok("session_active", json!({})).await;
    assert_eq!(active["count"], 1, "the operator's own: {active}");
    let report = Place::with(V1_6).await.import(&world, None, with_sessions()).await.unwrap().report;
    assert!(reasons(&report).contains(&("sessions", NoTokenFile, 2)));
}
