//! What is open to all: health, the OpenAPI document, the page.

use agentstack_api::{OPERATIONS, document};

use crate::client::Asked;
use crate::world::World;

#[tokio::test]
async fn the_documents_are_the_published_ones_and_load_nothing() {
    let world = World::new().await;
    let openapi = world.ask(Asked::get("/openapi.json")).await;
    assert_eq!(openapi.ok(), document::openapi(OPERATIONS));
    let page = world.ask(Asked::get("/docs")).await;
    assert_eq!((page.status, page.text()), (200, document::api_page(OPERATIONS).as_str()));
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    assert!(!page.text().contains("<script") && !page.text().contains("src="));
}

#[tokio::test]
async fn large_answers_are_compressed_for_who_takes_that() {
    let world = World::new().await;
    let plain = world.ask(Asked::get("/openapi.json")).await;
    let squeezed = world.ask(Asked::get("/openapi.json").header("Accept-Encoding", "gzip")).await;
    assert_eq!((plain.header("content-encoding"), squeezed.header("content-encoding")), (None, Some("gzip")));
    assert!(squeezed.body.len() * 2 < plain.body.len(), "{} of {}", squeezed.body.len(), plain.body.len());
}

#[tokio::test]
async fn health_is_one_word_and_ready_means_that_calls_are_served() {
    let world = World::sqlite().await;
    assert_eq!(world.ask(Asked::get("/health/live")).await.text(), r#"{"status":"ok"}"#);
    assert_eq!(world.ask(Asked::get("/health/ready")).await.text(), r#"{"status":"ok"}"#);
    world.engine.close().await;
    let unready = world.ask(Asked::get("/health/ready")).await;
    assert_eq!((unready.status, unready.text()), (503, r#"{"status":"unavailable"}"#));
    assert_eq!(world.ask(Asked::get("/health/live")).await.status, 200, "the process is there all the same");
}

#[tokio::test]
async fn metrics_take_a_token_that_may_and_name_nothing_of_a_caller() {
    let world = World::sqlite().await;
    let developer = world.client("planner", "developer").await;
    developer.store("canary-key", "canary-content").await;
    let refused = developer.ask(Asked::get("/metrics")).await;
    assert_eq!(refused.code(), (403, "forbidden".to_owned()));
    assert_eq!(refused.json()["detail"], "The policy does not permit `metrics:read`.");
    let granted =
        serde_json::json!({ "subject": "prometheus", "role": "operator", "operations": ["metrics:read"] });
    let prometheus = world.token_with(granted).await;
    let scraped = world.ask(Asked::get("/metrics").token(&prometheus)).await;
    assert!(scraped.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    let text = scraped.text();
    for line in
        ["agentstack_calls_total{operation=\"memory_store\",outcome=\"ok\"} 1", "agentstack_entries 1"]
    {
        assert!(text.contains(line), "{line} in {text}");
    }
    for canary in ["canary", "planner", "prometheus\"", developer.session.as_str()] {
        assert!(!text.contains(canary), "{canary} in {text}");
    }
    // It is good for nothing else.
    assert_eq!(world.ask(Asked::get("/api/v1/tokens").token(&prometheus)).await.code().0, 403);
}

#[tokio::test]
async fn a_signal_is_a_metric_by_its_rule() {
    let world = World::new().await;
    let developer = world.client("ci", "developer").await;
    let foreign = format!("/api/v1/sessions/{}", crate::world::UNKNOWN);
    for _ in 0..10 {
        assert_eq!(developer.ask(Asked::get(&foreign)).await.status, 404);
    }
    let granted =
        serde_json::json!({ "subject": "prometheus", "role": "operator", "operations": ["metrics:read"] });
    let prometheus = world.token_with(granted).await;
    let scraped = world.ask(Asked::get("/metrics").token(&prometheus)).await;
    let counted: Vec<&str> =
        scraped.text().lines().filter(|line| line.starts_with("agentstack_signals_total")).collect();
    assert_eq!(counted.len(), 10, "{counted:?}");
    assert_eq!(counted.iter().filter(|line| line.ends_with(" 0")).count(), 9, "{counted:?}");
    assert!(counted.contains(&"agentstack_signals_total{rule=\"foreign_session_probing\"} 1"), "{counted:?}");
}
