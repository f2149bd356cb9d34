//! The same memory for a team: REST, each program with a token of its own.

use std::path::Path;
use std::sync::Arc;

use agentstack::{AgentStack, Caller, Options, Reply, find_operation};
use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::rest::{self, Server};

/// How long the tokens are good for, if the quickstart does not live to revoke them.
const TOKEN_SECONDS: u32 = 600;

/// A token and its id.
struct Token {
    id: String,
    secret: String,
}

/// Shows it. Returns whether all went as promised.
pub(super) async fn show(config: &Path) -> anyhow::Result<bool> {
    let Some(binary) = rest::server_binary() else {
        println!("\nagentstack-rest is not beside this program; REST is not shown.");
        return Ok(true);
    };
    let tokens = [make_token(config, "quickstart").await?, make_token(config, "somebody-else").await?];
    println!("\nStarting {} on the same database: REST and MCP for programs with a token.", binary.display());
    let server = Server::start(&binary, config).await?;
    let shown = use_rest(&server, &tokens).await;
    server.stop().await?;
    for token in &tokens {
        operator(config, "token_revoke", json!({ "id": token.id })).await?;
    }
    shown
}

async fn use_rest(server: &Server, [mine, other]: &[Token; 2]) -> anyhow::Result<bool> {
    let mine = Some(mine.secret.as_str());
    let (_, started) = server.ask(mine, "POST", "/api/v1/sessions", Some(&json!({}))).await?;
    let session = started.pointer("/session/id").and_then(Value::as_str).context("no session was started")?;
    let entry = json!({ "sessionId": session, "key": "greeting", "content": "Hello from REST" });
    let (stored, _) = server.ask(mine, "POST", "/api/v1/memory", Some(&entry)).await?;
    println!("  POST /api/v1/memory                 → {stored}");
    let target = format!("/api/v1/memory/search?sessionId={session}&query=hello");
    let (found, answer) = server.ask(mine, "GET", &target, None).await?;
    println!(
        "  GET  /api/v1/memory/search          → {found}, {} found",
        answer.get("count").unwrap_or(&Value::Null)
    );
    let (anonymous, _) = server.ask(None, "GET", &target, None).await?;
    println!("  the same without a token   → {anonymous}");
    let (foreign, _) = server.ask(Some(&other.secret), "GET", &target, None).await?;
    println!("  the same with another's token   → {foreign}");
    server.ask(mine, "PUT", &format!("/api/v1/sessions/{session}/end"), None).await?;
    let url = format!("http://{}", agentstack::config::Http::default().listen);
    println!(
        "\nFor a program of yours: agentstack token create --subject my-program --role agent, start agentstack-rest, and\n  \
         curl -H \"Authorization: Bearer $TOKEN\" {url}/api/v1/sessions\nThe API is described at {url}/docs."
    );
    Ok((stored, found, anonymous, foreign) == (200, 200, 401, 404))
}

async fn make_token(config: &Path, subject: &str) -> anyhow::Result<Token> {
    let granted = json!({ "subject": subject, "role": "developer", "expiresInSeconds": TOKEN_SECONDS });
    match operator(config, "token_create", granted).await? {
        Reply::CreateToken(made) => {
            Ok(Token { id: made.token.id.to_string(), secret: made.secret.reveal().to_owned() })
        }
        _ => bail!("no token was made"),
    }
}

async fn operator(config: &Path, name: &str, arguments: Value) -> anyhow::Result<Reply> {
    let stack = AgentStack::open(Options::load_existing(Some(config.to_owned()))?).await?;
    let spec = find_operation(name).context("no such operation")?;
    let caller = Caller::new(Arc::new(AgentStack::operator()));
    let done =
        stack.engine().dispatch(&caller, spec, arguments.as_object().cloned().unwrap_or_default()).await;
    stack.close().await;
    done.map_err(|error| anyhow::anyhow!("{name}: {}", error.message()))
}
