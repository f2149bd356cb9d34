//! The end of the server.

use std::time::Duration;

use serde_json::json;
use tokio::net::TcpStream;

use crate::client::{Answered, Asked};
use crate::world::World;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn what_was_accepted_is_finished_and_nothing_new_is_taken() {
    let mut world = World::sqlite().await;
    let client = world.client("ann", "developer").await;
    let address = world.address;
    // A request whose body is not whole yet, and a connection on which nothing is asked.
    let request =
        Asked::post("/api/v1/memory", &json!({ "sessionId": client.session, "key": "k", "content": "text" }));
    let request = request.token(&client.token).header("expect", "100-continue").bytes();
    let (begin, end) = request.split_at(request.len() - 5);
    let mut pending = TcpStream::connect(address).await.unwrap();
    pending.write_all(begin).await.unwrap();
    let mut wanted = *b"HTTP/1.1 100 Continue\r\n\r\n";
    let expected = wanted;
    pending.read_exact(&mut wanted).await.unwrap();
    assert_eq!(wanted, expected, "the body is waited for");
    let mut idle = TcpStream::connect(address).await.unwrap();
    Asked::get("/health/live").on(&mut idle).await.ok();
    world.stop();
    assert!(Answered::read(&mut idle).await.is_none(), "who asks nothing is let go");
    assert!(TcpStream::connect(address).await.is_err(), "nobody new gets in");
    pending.write_all(end).await.unwrap();
    assert_eq!(Answered::read(&mut pending).await.unwrap().ok()["success"], true);
    tokio::time::timeout(Duration::from_secs(5), world.stopped()).await.expect("then it ends");
}
