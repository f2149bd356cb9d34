//! Tokens of an OAuth issuer: who is let in, as whom, and what the others are told.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use agentstack_rest::{HttpSettings, OAuthKeys, OAuthProblem, OAuthSettings, ServeError};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::{Value, json};

use crate::client::{Answered, Asked};
use crate::issuer::{AUDIENCE, ISSUER, KeyServer, SigningKey, changed, claims, now, settings_with};
use crate::mcp::call;
use crate::world::{World, asked, settings, spec};

const CHALLENGE: &str = "Bearer realm=\"agentstack\", scope=\"agentstack:developer agentstack:agent agentstack:viewer\", resource_metadata=\"https://memory.example/.well-known/oauth-protected-resource/mcp\"";

async fn world(issuer: &KeyServer) -> World {
    World::with(issuer.settings(), None).await
}

fn status(token: &str) -> Asked {
    Asked::get("/api/v1/system/status").token(token)
}

/// The reason for which a request was refused, from its one record.
async fn reason(world: &World, answered: &Answered) -> String {
    let [record] = &world.records_of(answered).await[..] else { panic!("one record") };
    assert_eq!((record.operation.as_str(), record.principal.as_str()), ("authenticate", "unauthenticated"));
    record.reason.clone()
}

#[tokio::test]
async fn a_good_token_calls_over_rest_and_mcp_as_its_subject() {
    let key = SigningKey::new("k");
    let issuer = KeyServer::start(&[&key]).await;
    let world = world(&issuer).await;
    let client = world.enter(key.token_of("ann", "agentstack:developer")).await;
    client.store("k", "text").await;
    let get = call("memory_get", &json!({ "sessionId": client.session, "key": "k" })).token(&client.token);
    let got = world.ask(get).await;
    assert_eq!(got.ok()["result"]["structuredContent"]["entry"]["content"], "text");
    let [record] = &world.records_of(&got).await[..] else { panic!("one record") };
    assert_eq!(record.principal, format!("oauth:{ISSUER} ann"));
    // The next token of the same subject is the same owner, and tokens of our own are accepted as ever.
    let next = key.token(&json!({ "jti": "2", "aud": ["https://other.example", AUDIENCE] }));
    let target = format!("/api/v1/memory/k?sessionId={}", client.session);
    world.ask(Asked::get(&target).token(&next)).await.ok();
    world.client("ann", "developer").await.store("k", "text").await;
    assert_eq!(issuer.asked().len(), 1, "keys are kept");
    let head = issuer.asked()[0].to_lowercase();
    assert!(head.starts_with("get /jwks http/1.1\r\n"), "{head}");
    assert!(!head.contains("authorization") && !head.contains("cookie"), "S26: {head}");
}

#[tokio::test]
async fn s02_two_subjects_and_two_kinds_of_token_are_strangers_to_each_other() {
    let key = SigningKey::new("k");
    let issuer = KeyServer::start(&[&key]).await;
    let world = world(&issuer).await;
    let ann = world.enter(key.token_of("ann", "agentstack:developer")).await;
    ann.store("k", "text").await;
    let target = format!("/api/v1/memory/k?sessionId={}", ann.session);
    let unknown = format!("/api/v1/memory/k?sessionId={}", crate::world::UNKNOWN);
    for other in [
        key.token_of("bob", "agentstack:developer"),
        key.token_of("Ann", "agentstack:developer"),
        key.token_of("ann ", "agentstack:operator"),
        world.token("ann", "developer").await,
    ] {
        let foreign = world.ask(Asked::get(&target).token(&other)).await;
        assert_eq!(foreign.code(), (404, "not_found".to_owned()));
        assert_eq!(foreign.bytes(), world.ask(Asked::get(&unknown).token(&other)).await.bytes());
    }
}

/// Tokens that are not to be accepted, and the reason that the audit log has for each.
fn bad_tokens(key: &SigningKey) -> Vec<(String, &'static str)> {
    let good = key.token(&json!({}));
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (head, payload) = signed.split_once('.').unwrap();
    let header = |change: Value| key.sign(&changed(key.header(), &change).to_string(), &claims().to_string());
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let tampered = encode(&changed(claims(), &json!({ "scope": "agentstack:operator" })).to_string());
    // What is public taken for a shared secret.
    let symmetric = |secret: &str| {
        let header = changed(key.header(), &json!({ "alg": "HS256" })).to_string();
        let signed = format!("{}.{payload}", encode(&header));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
    };
    let none = encode(&changed(key.header(), &json!({ "alg": "none" })).to_string());
    let twice = |text: String, name: &str| text.replacen('{', &format!("{{{name},"), 1);
    let (plain_header, plain_claims) = (key.header().to_string(), claims().to_string());
    vec![
        (format!("{none}.{payload}."), "jwt_algorithm"),
        (format!("{none}.{payload}.{signature}"), "jwt_algorithm"),
        (symmetric(&key.jwk().to_string()), "jwt_algorithm"),
        (symmetric(key.jwk()["x"].as_str().unwrap()), "jwt_algorithm"),
        (header(json!({ "alg": "EdDSA" })), "jwt_algorithm"),
        (header(json!({ "alg": null })), "jwt_algorithm"),
        (header(json!({ "typ": "JWT" })), "jwt_type"),
        (header(json!({ "typ": null })), "jwt_type"),
        (header(json!({ "kid": null })), "jwt_key"),
        (header(json!({ "kid": "other" })), "jwt_key_unknown"),
        (header(json!({ "crit": ["x"], "x": 1 })), "jwt_critical"),
        // A token that brings its own key is verified with the issuer's all the same.
        (
            SigningKey::new(&key.id).sign(
                &changed(key.header(), &json!({ "jwk": SigningKey::new("x").jwk() })).to_string(),
                &plain_claims,
            ),
            "jwt_signature",
        ),
        (SigningKey::new(&key.id).token(&json!({})), "jwt_signature"),
        (format!("{head}.{tampered}.{signature}"), "jwt_signature"),
        (format!("{signed}."), "jwt_signature"),
        (format!("{good}AAAA"), "jwt_signature"),
        (format!("{good}="), "jwt_malformed"),
        (format!("{good}.x"), "jwt_malformed"),
        (format!("{good} x"), "jwt_malformed"),
        (signed.to_owned(), "jwt_malformed"),
        ("nonsense".to_owned(), "jwt_malformed"),
        ("..".to_owned(), "jwt_malformed"),
        (key.sign(&twice(plain_header.clone(), "\"alg\":\"none\""), &plain_claims), "jwt_malformed"),
        (key.sign(&plain_header, &twice(plain_claims.clone(), "\"sub\":\"root\"")), "jwt_malformed"),
        (key.sign(&plain_header, &format!("{plain_claims}x")), "jwt_malformed"),
        (key.sign(&plain_header, "[]"), "jwt_malformed"),
        ("ast_nonsense".to_owned(), "token_malformed"),
    ]
}

/// Changes of the claims that make a token bad.
fn bad_claims() -> Vec<(Value, &'static str)> {
    vec![
        (json!({ "x": "a".repeat(16_384) }), "jwt_too_large"),
        (json!({ "iss": "https://login.example" }), "jwt_issuer"),
        (json!({ "iss": null }), "jwt_issuer"),
        (json!({ "aud": "https://memory.example" }), "jwt_audience"),
        (json!({ "aud": null }), "jwt_audience"),
        (json!({ "exp": now() - 1 }), "jwt_expired"),
        (json!({ "exp": null }), "jwt_claims"),
        (json!({ "nbf": now() + 120 }), "jwt_early"),
        (json!({ "iat": now() + 120 }), "jwt_early"),
        (json!({ "sub": null }), "jwt_claims"),
        (json!({ "sub": "a\u{7}" }), "jwt_claims"),
        (json!({ "client_id": null }), "jwt_claims"),
        (json!({ "cnf": { "jkt": "x" } }), "jwt_bound"),
    ]
}

#[tokio::test]
async fn s10_every_bad_token_is_refused_in_the_same_words_and_recorded_with_its_reason() {
    let key = SigningKey::new("k");
    let issuer = KeyServer::start(&[&key]).await;
    let world = world(&issuer).await;
    world.ask(status(&key.token(&json!({})))).await.ok();
    let mut told = vec![];
    let claimed = bad_claims().into_iter().map(|(change, expected)| (key.token(&change), expected));
    for (token, expected) in bad_tokens(&key).into_iter().chain(claimed) {
        let answered = world.ask(status(&token)).await;
        assert_eq!(answered.code(), (401, "unauthenticated".to_owned()), "{expected}: {token}");
        assert_eq!(answered.header("www-authenticate"), Some(CHALLENGE), "{expected}: {token}");
        assert_eq!(reason(&world, &answered).await, expected, "{token}");
        told.push(answered.bytes());
    }
    told.push(world.ask(Asked::get("/api/v1/system/status")).await.bytes());
    let closed = World::new().await;
    told.push(closed.ask(status("ast_nonsense")).await.bytes());
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(world.ask(call("system_status", &json!({})).token("x.y.z")).await.code().0, 401, "MCP too");
}

#[tokio::test]
async fn a_scope_is_a_role_and_none_is_refused_with_what_to_ask_for() {
    let key = SigningKey::new("k");
    let issuer = KeyServer::start(&[&key]).await;
    let world = world(&issuer).await;
    // What each may do: list tokens, store in a shared namespace, store in its own session, open one.
    for (scope, may) in [
        ("agentstack:operator", [true, true, true, true]),
        ("agentstack:developer", [false, true, true, true]),
        ("agentstack:viewer agentstack:developer", [false, true, true, true]),
        ("agentstack:agent", [false, false, true, true]),
        ("agentstack:viewer agentstack:agent", [false, false, true, true]),
        ("agentstack:viewer", [false, false, false, true]),
        ("openid agentstack:viewer", [false, false, false, true]),
    ] {
        let client = world.enter(key.token_of(scope, scope)).await;
        let store = |namespace: Option<&str>| {
            let mut entry = json!({ "sessionId": client.session, "key": "k", "content": "text" });
            if let Some(namespace) = namespace {
                entry["namespace"] = json!(namespace);
            }
            asked(spec("memory_store"), 0, entry)
        };
        let requests = [Asked::get("/api/v1/tokens"), store(Some("team")), store(None)];
        for (request, may) in requests.into_iter().zip(may) {
            let expected = if may { 200 } else { 403 };
            assert_eq!(client.ask(request.clone()).await.status, expected, "{scope} {request:?}");
        }
    }
    for scope in [json!(null), json!(""), json!("openid"), json!("agentstack:root"), json!("operator")] {
        let answered = world.ask(status(&key.token(&json!({ "scope": scope })))).await;
        assert_eq!(answered.code(), (403, "forbidden".to_owned()), "{scope}");
        assert_eq!(reason(&world, &answered).await, "jwt_scope");
        let expected = CHALLENGE.replacen(", ", ", error=\"insufficient_scope\", ", 1);
        assert_eq!(answered.header("www-authenticate"), Some(expected.as_str()));
    }
}

#[tokio::test]
async fn a_key_that_is_not_known_is_looked_for_once_in_a_while_and_a_withdrawn_one_is_forgotten() {
    let (old, new, newest) = (SigningKey::new("old"), SigningKey::new("new"), SigningKey::new("newest"));
    let issuer = KeyServer::start(&[&old]).await;
    let world = world(&issuer).await;
    world.ask(status(&old.token(&json!({})))).await.ok();
    issuer.publish(&[&new]);
    world.ask(status(&new.token(&json!({})))).await.ok();
    assert_eq!(issuer.asked().len(), 2);
    // The next one comes too soon after that, and so does whoever makes names up.
    issuer.publish(&[&new, &newest]);
    for unknown in [&newest, &old, &SigningKey::new("made up"), &SigningKey::new("made up as well")] {
        let answered = world.ask(status(&unknown.token(&json!({})))).await;
        assert_eq!(answered.code().0, 401, "{}", unknown.id);
        assert_eq!(reason(&world, &answered).await, "jwt_key_unknown");
    }
    world.ask(status(&new.token(&json!({})))).await.ok();
    assert_eq!(issuer.asked().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_the_same_time_share_one_look() {
    let key = SigningKey::new("k");
    let issuer = KeyServer::start(&[&key]).await;
    let world = world(&issuer).await;
    let address = world.address;
    let asking: Vec<_> = (0..32)
        .map(|_| {
            let asked = status(&key.token(&json!({})));
            tokio::spawn(async move { asked.at(address).await })
        })
        .collect();
    for answered in asking {
        answered.await.unwrap().ok();
    }
    assert_eq!(issuer.asked().len(), 1);
}

#[tokio::test]
async fn without_the_issuer_its_known_keys_serve_and_without_keys_it_is_unavailable() {
    let key = SigningKey::new("k");
    let issuer = KeyServer::start(&[&key]).await;
    let served = world(&issuer).await;
    served.ask(status(&key.token(&json!({})))).await.ok();
    issuer.stop();
    served.ask(status(&key.token(&json!({ "jti": "2" })))).await.ok();
    let unknown = served.ask(status(&SigningKey::new("other").token(&json!({})))).await;
    assert_eq!(unknown.code().0, 401, "the known keys say that it is not the issuer's");
    let unserved = world(&issuer).await;
    let answered = unserved.ask(status(&key.token(&json!({})))).await;
    assert_eq!(answered.code(), (503, "unavailable".to_owned()));
    assert_eq!(unserved.ask(status("nonsense")).await.code().0, 401);
    // Who has a token of our own need not care.
    unserved.client("ann", "developer").await.store("k", "text").await;
}

#[tokio::test]
async fn s49_what_is_no_key_set_is_not_taken_and_a_redirect_is_not_followed() {
    let key = SigningKey::new("k");
    let keys = json!({ "keys": [key.jwk()] });
    let padded = |length: usize| changed(keys.clone(), &json!({ "x": "a".repeat(length) })).to_string();
    for (status_line, header, body, taken) in [
        ("200 OK", "X: 1".to_owned(), padded(100_000), true),
        ("200 OK", "X: 1".to_owned(), padded(2 << 20), false),
        ("200 OK", "X: 1".to_owned(), keys.to_string().replacen('{', "{\"keys\":[],", 1), false),
        ("200 OK", "X: 1".to_owned(), "<html>".to_owned(), false),
        ("200 OK", format!("X: {}", "a".repeat(1 << 20)), keys.to_string(), false),
        ("201 Created", "X: 1".to_owned(), keys.to_string(), false),
        ("500 Internal Server Error", "X: 1".to_owned(), keys.to_string(), false),
    ] {
        let issuer = KeyServer::start(&[]).await;
        issuer.answer(status_line, &header, &body);
        let answered = world(&issuer).await.ask(status(&key.token(&json!({})))).await;
        assert_eq!(answered.status, if taken { 200 } else { 503 }, "{status_line} {} bytes", body.len());
    }
    let target = KeyServer::start(&[&key]).await;
    for code in
        ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]
    {
        let issuer = KeyServer::start(&[]).await;
        issuer.answer(code, &format!("Location: {}", target.uri()), &keys.to_string());
        let answered = world(&issuer).await.ask(status(&key.token(&json!({})))).await;
        assert_eq!(answered.code().0, 503, "{code}");
        assert_eq!(issuer.asked().len(), 1);
    }
    assert!(target.asked().is_empty());
}

#[tokio::test]
async fn a_file_of_keys_is_read_at_the_start_and_when_it_changes() {
    let (old, new) = (SigningKey::new("old"), SigningKey::new("new"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let publish = |key: &SigningKey, more: &str| {
        std::fs::write(&path, json!({ "keys": [key.jwk()], "x": more }).to_string()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    publish(&old, "");
    let world = World::with(settings_with(OAuthKeys::File(path.clone())), None).await;
    world.ask(status(&old.token(&json!({})))).await.ok();
    publish(&new, "longer");
    world.ask(status(&new.token(&json!({})))).await.ok();
    assert_eq!(world.ask(status(&old.token(&json!({})))).await.code().0, 401);
    // A file that is damaged later leaves what was read before.
    std::fs::write(&path, "nonsense").unwrap();
    assert_eq!(world.ask(status(&old.token(&json!({})))).await.code().0, 401);
    world.ask(status(&new.token(&json!({})))).await.ok();
    // A start with one has nothing to fall back on.
    let bind = |settings| agentstack_rest::Server::bind(settings, Arc::clone(&world.engine), Arc::default());
    let refused = bind(settings_with(OAuthKeys::File(path.clone()))).await;
    assert!(matches!(refused, Err(ServeError::OAuth(OAuthProblem::File { .. }))));
}

#[tokio::test]
async fn an_issuer_that_could_be_anybody_stops_the_start() {
    let world = World::new().await;
    let bind = |settings| agentstack_rest::Server::bind(settings, Arc::clone(&world.engine), Arc::default());
    let with = |issuer: &str, audience: &str, uri: &str| {
        let (issuer, audience) = (issuer.to_owned(), audience.to_owned());
        let oauth = OAuthSettings { issuer, audience, keys: OAuthKeys::Uri(uri.to_owned()) };
        HttpSettings { oauth: Some(oauth), ..settings() }
    };
    let uri = "http://localhost:1/jwks";
    for (settings, wanted) in [
        (with("http://login.example", AUDIENCE, uri), "issuer"),
        (with(ISSUER, "memory", uri), "audience"),
        (with(ISSUER, AUDIENCE, "http://login.example/jwks"), "jwksUri"),
    ] {
        match bind(settings).await {
            Err(ServeError::OAuth(OAuthProblem::Address { field })) => assert_eq!(field, wanted),
            other => panic!("{wanted}: {other:?}"),
        }
    }
    bind(with(ISSUER, AUDIENCE, uri)).await.unwrap();
}

#[tokio::test]
async fn the_issuer_is_named_to_everybody_if_there_is_one() {
    let issuer = KeyServer::start(&[]).await;
    let (open, closed) = (world(&issuer).await, World::new().await);
    let mut documents = vec![];
    for path in ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"] {
        let told = open.ask(Asked::get(path)).await;
        assert_eq!(told.header("content-type"), Some("application/json"));
        documents.push(told.ok());
        assert_eq!(open.ask(Asked::new("POST", path)).await.code().0, 405);
        assert_eq!(closed.ask(Asked::get(path)).await.code().0, 401);
        let token = closed.token("ann", "developer").await;
        assert_eq!(closed.ask(Asked::get(path).token(&token)).await.code().0, 404);
    }
    for path in
        ["/.well-known/oauth-protected-resource/x", "/.well-known/openid-configuration", "/api/v1/tokens"]
    {
        assert_eq!(open.ask(Asked::get(path)).await.code().0, 401, "{path}");
    }
    assert_eq!(documents[0], documents[1]);
    insta::assert_json_snapshot!("oauth-protected-resource", documents[0]);
    assert!(issuer.asked().is_empty(), "nobody needed its keys");
}
