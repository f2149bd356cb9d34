//! S06: the caller travels as a value, so requests that cross each other keep to their callers.

use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::client::Asked;
use crate::world::{Client, World};

const LANES: usize = 8;
const TURNS: usize = 1_250;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn s06_ten_thousand_interleaved_requests_of_two_tokens_answer_their_callers() {
    let world: &'static World = Box::leak(Box::new(World::sqlite().await));
    let clients = [world.client("ann", "developer").await, world.client("bob", "developer").await];
    let lanes: Vec<_> = (0..LANES)
        .map(|lane| {
            let (mine, other) = (clients[lane % 2].clone(), clients[(lane + 1) % 2].clone());
            tokio::spawn(async move { take_turns(world, &mine, &other, lane).await })
        })
        .collect();
    for lane in lanes {
        lane.await.unwrap();
    }
}

/// Requests on one connection; of every five, one reaches into the other's session and one is no request at all.
async fn take_turns(world: &World, mine: &Client, other: &Client, lane: usize) {
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let subject = if lane.is_multiple_of(2) { "token:ann" } else { "token:bob" };
    for turn in 0..TURNS {
        let key = format!("{lane}-{}", turn % 7);
        let (session, foreign) = (&mine.session, &other.session);
        let asked = match turn % 5 {
            0 if turn % 4 == 0 => Asked::post(
                "/api/v1/memory",
                &json!({ "sessionId": session, "key": key, "content": subject }),
            ),
            0 | 1 => Asked::get(&format!("/api/v1/memory/search?sessionId={session}&query=token+ann+bob")),
            2 => Asked::get(&format!("/api/v1/memory/{key}?sessionId={foreign}")),
            3 => Asked::get(&format!("/api/v1/memory/{key}?sessionId={session}&length=x")),
            _ => Asked::get(&format!("/api/v1/memory?sessionId={session}")),
        };
        let answered = asked.token(&mine.token).on(&mut stream).await;
        match turn % 5 {
            0 | 1 | 4 => assert_is_of(&answered.ok(), subject, session),
            2 => assert_eq!(answered.code(), (404, "not_found".to_owned())),
            _ => assert_eq!(answered.code(), (400, "invalid_input".to_owned())),
        }
        assert!(!answered.text().contains(foreign.as_str()), "{}", answered.text());
    }
}

fn assert_is_of(value: &Value, subject: &str, session: &str) {
    let items = value.get("results").or_else(|| value.get("entries")).and_then(Value::as_array);
    for item in value.get("entry").into_iter().chain(items.into_iter().flatten()) {
        assert_eq!(item["label"]["origin"]["principal"], subject);
        assert_eq!(item["namespace"], format!("session:{session}"));
        assert!(item.get("content").is_none_or(|content| content == subject), "{item}");
    }
}
