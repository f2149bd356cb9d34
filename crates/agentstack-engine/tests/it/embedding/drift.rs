//! Tasks that are compared by their meaning.

use agentstack_engine::{Coordination, DriftRule, Likeness};

use super::*;

fn comparing(embedder: &Arc<Subjects>, prevents: bool) -> World {
    let likeness = Likeness::Meaning;
    let drift = DriftRule { likeness, threshold: 0.9, warning: Some(0.3), ancestors: 3, prevents };
    let models = Models { embedding: Some(embedding(embedder)), ..Models::default() };
    let coordination = Coordination { drift: Some(drift), ..Coordination::default() };
    let guard = Arc::new(agentstack_guard::Policy::off());
    World::with_settings(Settings { models, coordination, guard, watch: None, ..Settings::default() })
}

/// A task with this input, and arguments for one below it.
async fn top(client: &Client<'_>, input: &str) -> impl Fn(&str) -> Value + use<> {
    let made = client.ok("task_create", json!({ "agentType": "coder", "input": input })).await;
    let id = made["task"]["id"].clone();
    move |input| json!({ "agentType": "coder", "input": input, "parentTaskId": id })
}

#[tokio::test]
async fn a_task_that_means_the_same_as_an_ancestor_is_one_again() {
    for prevents in [false, true] {
        let embedder = Arc::default();
        let world = comparing(&embedder, prevents);
        let ann = world.client("ann").await;
        let part = top(&ann, "wash the automobile").await;
        assert!(embedder.asked().is_empty(), "there is nothing to compare it with");
        let made = ann.ok("task_create", part("call the physician")).await;
        assert_eq!(made["drift"]["action"], "allowed");
        let again = ann.call("task_create", part("clean my car")).await;
        assert_eq!(again.code(), if prevents { "conflict" } else { "ok" });
        let check = json!({ "taskInput": "clean my car", "taskType": "coder", "parentTaskId": part("")["parentTaskId"] });
        let checked = ann.ok("task_check_drift", check).await;
        assert_eq!((&checked["isDrift"], &checked["drift"]["similarity"]), (&json!(true), &json!(1.0)));
    }
}

#[tokio::test]
async fn what_cannot_be_compared_is_let_through_unless_it_is_to_be_prevented() {
    for prevents in [false, true] {
        let embedder: Arc<Subjects> = Arc::default();
        let world = comparing(&embedder, prevents);
        let ann = world.client("ann").await;
        let part = top(&ann, "wash the automobile").await;
        // A text that the embedder does not take is compared with nothing.
        let made = ann.ok("task_create", part("poison")).await;
        assert!(made.get("drift").is_none(), "{made}");
        embedder.turn(DOWN);
        for _ in 0..2 {
            let made = ann.call("task_create", part("clean my car")).await;
            assert_eq!(made.code(), if prevents { "unavailable" } else { "ok" });
        }
        assert_eq!(embedder.asked().len(), 2, "it is spared for a while");
    }
}

#[tokio::test]
async fn s40_an_input_goes_out_without_secrets() {
    let embedder: Arc<Subjects> = Arc::default();
    let world = comparing(&embedder, false);
    let ann = world.client("ann").await;
    let part = top(&ann, "wash the automobile").await;
    let key = ["sk", "_live_", "4eC39HqLyjWDarjtT1zdp7dc"].concat();
    let input = format!("clean my car {key}");
    let check = json!({ "taskInput": input, "taskType": "coder", "parentTaskId": part("")["parentTaskId"] });
    ann.ok("task_check_drift", check).await;
    let asked = embedder.asked();
    assert!(asked[0][0].starts_with("clean my car [redacted"), "{asked:?}");
}
