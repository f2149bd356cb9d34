//! The yardstick of the benchmark: an axum server whose one handler answers with a constant.

use axum::Router;
use axum::routing::get;

const ANSWER: &str = r#"{"found":true,"entry":{"key":"k","content":"the same for everybody"}}"#;

#[tokio::main]
#[expect(clippy::print_stderr, reason = "the benchmark reads where it listens")]
async fn main() -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    eprintln!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, Router::new().route("/", get(|| async { ANSWER }))).await
}
