//! The registry of plugins.

use agentstack_core::{PluginName, Timestamp};

use super::world::{Call, PLUGIN_CHANGE, PLUGIN_LIST, World, pending};
use crate::plugin::PLUGINS;
use crate::{PluginRecord, PluginState, StorageError};

fn record(world: &World, name: &str, version: &str) -> PluginRecord {
    PluginRecord {
        name: name.parse().unwrap(),
        version: version.to_owned(),
        hash: [7; 32],
        signer: [1, 2, 3, 4, 5, 6, 7, 8],
        grants: r#"{"hosts":["api.example.com"]}"#.to_owned(),
        state: PluginState::Enabled,
        installed_at: world.now(),
        loaded_at: None,
    }
}

async fn change(
    operator: &Call<'_>,
    seen: Option<&PluginRecord>,
    next: &PluginRecord,
) -> Result<(), StorageError> {
    let scope = operator.scope(&PLUGIN_CHANGE).await;
    operator.world.store.change_plugin(&scope, seen, next.clone(), pending(&scope)).await
}

async fn find(operator: &Call<'_>, name: &PluginName) -> Option<PluginRecord> {
    let scope = operator.scope(&PLUGIN_LIST).await;
    operator.world.store.plugin(&scope, name).await.unwrap()
}

pub async fn a_plugin_is_read_back_as_it_was_registered(world: &World) {
    let operator = world.operator();
    let first = record(world, "greeter", "1.0.0");
    assert_eq!(find(&operator, &first.name).await, None);
    change(&operator, None, &first).await.unwrap();
    assert_eq!(find(&operator, &first.name).await, Some(first.clone()));
    let mut before = first;
    for state in PluginState::ALL {
        let next = PluginRecord {
            version: format!("2.0.0-{}", state.as_str()),
            hash: [8; 32],
            signer: [0; 8],
            grants: "{}".to_owned(),
            state,
            installed_at: Timestamp::from_millis(5),
            loaded_at: Some(Timestamp::from_millis(6)),
            ..before.clone()
        };
        change(&operator, Some(&before), &next).await.unwrap();
        assert_eq!(find(&operator, &next.name).await, Some(next.clone()));
        before = next;
    }
    assert_eq!(find(&operator, &"greeter-2".parse().unwrap()).await, None);
}

pub async fn a_change_is_made_to_what_was_seen_and_to_nothing_else(world: &World) {
    let operator = world.operator();
    let first = record(world, "greeter", "1.0.0");
    let mutated = [
        PluginRecord { version: "1.0.1".to_owned(), ..first.clone() },
        PluginRecord { hash: [9; 32], ..first.clone() },
        PluginRecord { signer: [9; 8], ..first.clone() },
        PluginRecord { grants: "{}".to_owned(), ..first.clone() },
        PluginRecord { state: PluginState::Disabled, ..first.clone() },
        PluginRecord { installed_at: Timestamp::from_millis(1), ..first.clone() },
    ];
    let refused = change(&operator, Some(&first), &first).await;
    assert!(matches!(refused, Err(StorageError::Changed)), "there is nothing yet");
    change(&operator, None, &first).await.unwrap();
    let before = world.records().await.len();
    for seen in mutated.iter().map(Some).chain([None]) {
        let next = PluginRecord { version: "3.0.0".to_owned(), ..first.clone() };
        let refused = change(&operator, seen, &next).await;
        assert!(matches!(refused, Err(StorageError::Changed)), "{seen:?}");
    }
    assert_eq!(find(&operator, &first.name).await, Some(first.clone()));
    assert_eq!(world.records().await.len(), before, "what did not happen is not recorded");
    // When somebody has loaded it since is nothing that a change would undo.
    let seen = PluginRecord { loaded_at: Some(world.now()), ..first.clone() };
    let next = PluginRecord { state: PluginState::Disabled, ..first };
    change(&operator, Some(&seen), &next).await.unwrap();
    assert_eq!(world.records().await.len(), before + 1);
}

pub async fn plugins_are_listed_by_name(world: &World) {
    let operator = world.operator();
    for name in ["b", "a-2", "a", "c"] {
        change(&operator, None, &record(world, name, "1.0.0")).await.unwrap();
    }
    let scope = operator.scope(&PLUGIN_LIST).await;
    let listed = world.store.plugins(&scope).await.unwrap();
    let names: Vec<&str> = listed.iter().map(|plugin| plugin.name.as_str()).collect();
    assert_eq!(names, ["a", "a-2", "b", "c"]);
}

pub async fn a_load_is_noted_of_the_version_that_is_there(world: &World) {
    let operator = world.operator();
    let first = record(world, "greeter", "1.0.0");
    change(&operator, None, &first).await.unwrap();
    let before = world.records().await.len();
    for (hash, expected) in [([0; 32], None), (first.hash, Some(world.now()))] {
        let scope = operator.scope(&PLUGIN_CHANGE).await;
        world.store.note_plugin_load(&scope, &first.name, &hash, pending(&scope)).await.unwrap();
        assert_eq!(find(&operator, &first.name).await.unwrap().loaded_at, expected);
    }
    assert_eq!(world.records().await.len(), before + 2);
}

pub async fn s19_no_more_plugins_are_registered_than_may_be(world: &World) {
    let operator = world.operator();
    for number in 0..PLUGINS {
        change(&operator, None, &record(world, &format!("p{number}"), "1.0.0")).await.unwrap();
    }
    let refused = change(&operator, None, &record(world, "one-more", "1.0.0")).await;
    assert!(matches!(refused, Err(StorageError::TooMany { what: "plugins" })), "{refused:?}");
    let first = record(world, "p0", "1.0.0");
    let next = PluginRecord { state: PluginState::Removed, ..first.clone() };
    change(&operator, Some(&first), &next).await.unwrap();
}
