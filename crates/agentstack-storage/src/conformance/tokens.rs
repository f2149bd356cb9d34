//! API tokens: granted, looked up, revoked.

use std::sync::Arc;

use agentstack_access::{Grant, Limits, Role};
use agentstack_core::{ApiToken, TokenId};

use super::world::{Call, TOKEN_CREATE, TOKEN_LIST, TOKEN_REVOKE, World, listing, pending, search};
use crate::text::Match;

pub(super) fn grant(world: &World, subject: &str) -> Grant {
    Grant {
        id: TokenId::generate(),
        subject: subject.parse().unwrap(),
        role: Role::Developer,
        agent: None,
        limits: Limits::default(),
        created_at: world.now(),
        expires_at: None,
    }
}

pub(super) async fn keep(operator: &Call<'_>, grant: &Grant) -> ApiToken {
    let token = ApiToken::generate().unwrap();
    let scope = operator.scope(&TOKEN_CREATE).await;
    let kept = operator.world.store.grant_token(&scope, token.hash(), grant.clone(), pending(&scope));
    kept.await.unwrap();
    token
}

pub(super) async fn find(world: &World, token: &ApiToken) -> Option<Grant> {
    world.store.grant(&token.hash(), world.now()).await.unwrap()
}

pub async fn a_token_stands_for_what_was_granted(world: &World) {
    let operator = world.operator();
    let names = |names: &[&str]| Some(Arc::new(names.iter().map(|name| (*name).to_owned()).collect()));
    let limited = Grant {
        role: Role::Agent,
        agent: Some("writer \u{1F58A}".parse().unwrap()),
        limits: Limits {
            operations: names(&["memory_get", "memory_search"]),
            namespaces: Some(Arc::new(["team".parse().unwrap(), "docs".parse().unwrap()].into())),
        },
        expires_at: Some(world.now().plus_millis(1_000)),
        ..grant(world, "ci")
    };
    let nothing = Limits { operations: names(&[]), namespaces: Some(Arc::default()) };
    let none = Grant { limits: nothing, role: Role::Viewer, ..grant(world, "ci") };
    for grant in [grant(world, "ci"), limited, none, Grant { role: Role::Operator, ..grant(world, "root") }] {
        let token = keep(&operator, &grant).await;
        assert_eq!(find(world, &token).await, Some(grant));
    }
    assert_eq!(find(world, &ApiToken::generate().unwrap()).await, None);
}

pub async fn a_token_ends_when_it_was_to(world: &World) {
    let operator = world.operator();
    let grant = Grant { expires_at: Some(world.now().plus_millis(1_000)), ..grant(world, "ci") };
    let token = keep(&operator, &grant).await;
    world.clock.advance_millis(999);
    assert!(find(world, &token).await.is_some());
    world.clock.advance_millis(1);
    assert!(find(world, &token).await.is_none());
}

pub async fn a_revoked_token_is_unknown_from_then_on(world: &World) {
    let operator = world.operator();
    let (revoked, kept) = (grant(world, "ci"), grant(world, "ci"));
    let (revoked_token, kept_token) = (keep(&operator, &revoked).await, keep(&operator, &kept).await);
    let before = world.records().await.len();
    for expected in [true, false] {
        let scope = operator.scope(&TOKEN_REVOKE).await;
        let done = world.store.revoke_token(&scope, revoked.id, pending(&scope)).await.unwrap();
        assert_eq!(done, expected);
        assert!(find(world, &revoked_token).await.is_none());
    }
    assert_eq!(find(world, &kept_token).await, Some(kept));
    assert_eq!(world.records().await.len(), before + 1, "what was not there was not revoked");
}

pub async fn tokens_are_listed_newest_first_page_by_page(world: &World) {
    let operator = world.operator();
    let mut grants = vec![];
    for number in 0..5 {
        let grant = grant(world, &format!("ci-{number}"));
        keep(&operator, &grant).await;
        grants.insert(0, grant);
    }
    let list = async |before, limit| {
        let scope = operator.scope(&TOKEN_LIST).await;
        world.store.tokens(&scope, before, limit).await.unwrap()
    };
    assert_eq!(list(None, 100).await, grants);
    assert_eq!(list(None, 2).await, grants[..2]);
    assert_eq!(list(Some(grants[1].id), 100).await, grants[2..]);
    assert_eq!(list(Some(grants[4].id), 100).await, []);
}

pub async fn a_limited_credential_reads_its_shared_namespaces_only(world: &World) {
    let ann = world.local("ann").start().await;
    for namespace in ["docs", "team", "secret"] {
        ann.named(namespace).store(namespace, "a word that is everywhere").await;
    }
    ann.store("own", "a word that is everywhere").await;
    for (limits, expected) in [
        (&["docs", "team"][..], vec!["docs", "own", "team"]),
        (&["team", "absent"], vec!["own", "team"]),
        (&[], vec!["own"]),
    ] {
        let limited = ann.limited_to(limits).with_shared();
        let mut found = limited.found("everywhere", Match::Any).await;
        found.sort();
        assert_eq!(found, expected);
        let mut listed = limited.keys().await;
        listed.sort();
        assert_eq!(listed, expected);
        assert_eq!(limited.list(listing(1)).await.total, expected.len() as u64);
        assert!(limited.search(search("everywhere", Match::All)).await.hits.len() == expected.len());
        assert!(limited.named("secret").authorize(&super::world::MEMORY_GET).await.is_err());
    }
}
