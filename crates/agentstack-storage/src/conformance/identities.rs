//! Identities: whose they are, and what becomes of them.

use agentstack_access::Principal;
use agentstack_core::limits::IDENTITIES_PER_PRINCIPAL;
use agentstack_core::{Capability, Identity, IdentityId, IdentityStatus};

use super::coordination::{assert_state, new_identity};
use super::world::{Call, IDENTITY_GET, World, draft, metadata};
use crate::{IdentityChange, IdentityFilter, IdentityRef, StorageError};

fn named(name: &str) -> IdentityRef {
    IdentityRef::Name(name.parse().unwrap())
}

fn into(status: IdentityStatus) -> IdentityChange {
    IdentityChange { status: Some((status, Some("why".to_owned()))), ..IdentityChange::default() }
}

/// The first of the caller's.
fn page(limit: u32) -> IdentityFilter {
    IdentityFilter { limit, ..IdentityFilter::default() }
}

fn ids(identities: &[Identity]) -> Vec<IdentityId> {
    identities.iter().map(|identity| identity.id).collect()
}

fn capability(name: &str, version: &str) -> Capability {
    Capability::new(name.to_owned(), version.to_owned()).unwrap()
}

pub async fn an_identity_is_read_back_as_it_was_made(world: &World) {
    let ann = world.local("ann");
    let full = Identity {
        status: IdentityStatus::Created,
        description: Some("what it is for: 東京 \0 \"quoted\"".into()),
        capabilities: vec![capability("rust", "1.0.0"), capability("rust \"2\" 👍", "2")],
        metadata: metadata(r#"{"n": 0.1, "l": [{"a": "\u0000é"}]}"#),
        ..new_identity(world, Some("名 \"i\""))
    };
    let plain = Identity { last_active_at: Some(world.now()), ..new_identity(world, None) };
    for new in [full, plain] {
        let kept = ann.keep(new.clone()).await;
        assert_eq!(kept, Identity { owner: "local:ann".into(), ..new }, "it belongs to who made it");
        assert_eq!(ann.identities(page(1)).await.identities, [kept]);
    }
    assert_eq!(ann.identity(&IdentityRef::Id(IdentityId::generate())).await, None);
}

pub async fn s02_identities_belong_to_a_principal_by_name(world: &World) {
    let ann = world.local("ann").start().await;
    let identity = ann.keep(new_identity(world, Some("i"))).await;
    let (by_id, by_name) = (IdentityRef::Id(identity.id), named("i"));
    let other_process = world.local("ann");
    for which in [&by_id, &by_name] {
        assert_eq!(other_process.identity(which).await.as_ref(), Some(&identity));
    }
    assert_eq!(other_process.identities(page(9)).await.total, 1);
    let records = world.records().await.len();
    for stranger in [world.local("bob"), world.local("Ann"), world.embedded("ann")] {
        for which in [&by_id, &by_name] {
            assert_eq!(stranger.identity(which).await, None);
        }
        assert_eq!(stranger.identities(page(9)).await.total, 0);
        assert_eq!(stranger.retire(identity.id).await.unwrap(), None);
        assert_eq!(lines(&stranger, identity.id, 9).await, None);
    }
    assert_eq!(world.records().await.len(), records, "nothing happened");
    assert_eq!(ann.identity(&by_id).await, Some(identity));
}

pub async fn an_operator_knows_all_by_their_ids(world: &World) {
    let identity = world.local("ann").keep(new_identity(world, Some("i"))).await;
    let operator = world.operator();
    let own = operator.keep(new_identity(world, Some("o"))).await;
    assert_eq!(own.owner, Principal::operator("root").name());
    assert_eq!(operator.identity(&IdentityRef::Id(identity.id)).await.as_ref(), Some(&identity));
    assert_eq!(operator.identity(&named("i")).await, None, "a name is one of its own");
    assert_eq!(operator.identity(&named("o")).await.as_ref(), Some(&own));
    assert_eq!(ids(&operator.identities(page(9)).await.identities), [own.id]);
    let changed = operator.try_alter(identity.id, into(IdentityStatus::Dormant)).await.unwrap().unwrap();
    assert_eq!((changed.owner.as_str(), changed.version), ("local:ann", 2));
    let taken = IdentityChange { display_name: Some("o".parse().unwrap()), ..IdentityChange::default() };
    let renamed = operator.try_alter(identity.id, taken).await.unwrap().unwrap();
    assert_eq!(renamed.display_name, Some("o".parse().unwrap()), "the owner has no other of this name");
}

pub async fn a_name_is_taken_until_its_identity_retires(world: &World) {
    let ann = world.local("ann");
    let first = ann.keep(new_identity(world, Some("i"))).await;
    let other = ann.keep(new_identity(world, Some("j"))).await;
    for _ in 0..2 {
        ann.keep(new_identity(world, None)).await;
    }
    world.local("bob").keep(new_identity(world, Some("i"))).await;
    let records = world.records().await.len();
    let refused = ann.try_keep(new_identity(world, Some("i"))).await;
    assert!(matches!(refused, Err(StorageError::NameTaken)), "{refused:?}");
    let rename = |name: &str| IdentityChange {
        display_name: Some(name.parse().unwrap()),
        description: Some("changed".into()),
        ..IdentityChange::default()
    };
    let refused = ann.try_alter(other.id, rename("i")).await;
    assert!(matches!(refused, Err(StorageError::NameTaken)), "{refused:?}");
    assert_eq!(ann.identity(&IdentityRef::Id(other.id)).await, Some(other.clone()));
    assert_eq!(world.records().await.len(), records);
    assert!(ann.try_alter(first.id, rename("i")).await.is_ok(), "its own name is its own");
    ann.retire(first.id).await.unwrap();
    assert_eq!(ann.identity(&named("i")).await.unwrap().id, first.id, "if there is no other");
    assert_eq!(ann.try_alter(other.id, rename("i")).await.unwrap().unwrap().version, 2);
    assert_eq!(ann.identity(&named("i")).await.unwrap().id, other.id, "the one that is not retired");
    assert!(ann.retire(first.id).await.is_ok(), "one that has retired takes no name from others");
    ann.retire(other.id).await.unwrap();
    assert_eq!(ann.identity(&named("i")).await.unwrap().id, other.id, "the one that was made last");
    assert_eq!(ann.identity(&named("j")).await, None);
}

pub async fn s19_a_principal_has_so_many_identities_and_no_more(world: &World) {
    let (ann, bob) = (world.local("ann"), world.local("bob"));
    let first = new_identity(world, Some("i"));
    ann.try_keep(first.clone()).await.unwrap();
    for _ in 1..IDENTITIES_PER_PRINCIPAL {
        ann.try_keep(new_identity(world, None)).await.unwrap();
    }
    let records = world.records().await.len();
    let refused = ann.try_keep(new_identity(world, None)).await;
    assert!(matches!(refused, Err(StorageError::TooMany { what: "identities" })), "{refused:?}");
    assert_eq!(world.records().await.len(), records);
    bob.try_keep(new_identity(world, None)).await.unwrap();
    ann.retire(first.id).await.unwrap();
    ann.try_keep(new_identity(world, None)).await.unwrap();
    assert_eq!(ann.identities(page(1)).await.total, u64::from(IDENTITIES_PER_PRINCIPAL) + 1);
}

pub async fn an_identity_comes_into_the_states_it_can(world: &World) {
    let ann = world.local("ann");
    for from in IdentityStatus::ALL.iter().copied() {
        for to in IdentityStatus::ALL.iter().copied() {
            let identity = ann.keep(Identity { status: from, ..new_identity(world, None) }).await;
            world.clock.advance_millis(1_000);
            let changed = ann.try_alter(identity.id, into(to)).await;
            if from.can_become(to) {
                let reason = Some("why".to_owned());
                let expected =
                    Identity { status: to, reason, version: 2, updated_at: world.now(), ..identity };
                assert_eq!(changed.unwrap(), Some(expected));
            } else {
                assert_state(changed, ("identity", from.as_str(), to.as_str()));
                assert_eq!(ann.identity(&IdentityRef::Id(identity.id)).await, Some(identity));
            }
        }
    }
    let retired = ann.keep(Identity { status: IdentityStatus::Retired, ..new_identity(world, None) }).await;
    let records = world.records().await.len();
    let described = IdentityChange { description: Some("more".into()), ..IdentityChange::default() };
    assert_state(ann.try_alter(retired.id, described).await, ("identity", "retired", "retired"));
    assert_eq!(world.records().await.len(), records);
}

pub async fn a_change_leaves_what_it_does_not_name(world: &World) {
    let ann = world.local("ann");
    let mut expected =
        ann.keep(Identity { description: Some("first".into()), ..new_identity(world, Some("i")) }).await;
    let changes = [
        IdentityChange { description: Some("second".into()), ..IdentityChange::default() },
        IdentityChange { display_name: Some("j".parse().unwrap()), ..IdentityChange::default() },
        IdentityChange { capabilities: Some(vec![capability("rust", "2")]), ..IdentityChange::default() },
        IdentityChange { metadata: Some(metadata(r#"{"a": 1}"#)), ..IdentityChange::default() },
        into(IdentityStatus::Dormant),
        IdentityChange::default(),
        IdentityChange { capabilities: Some(vec![]), ..into(IdentityStatus::Retired) },
    ];
    for change in changes {
        world.clock.advance_millis(1_000);
        let records = world.records().await.len();
        expected.description = change.description.clone().or(expected.description);
        expected.display_name = change.display_name.clone().or(expected.display_name);
        expected.capabilities = change.capabilities.clone().unwrap_or(expected.capabilities);
        expected.metadata = change.metadata.clone().unwrap_or(expected.metadata);
        if let Some(status) = change.status.clone() {
            (expected.status, expected.reason) = status;
        }
        (expected.version, expected.updated_at) = (expected.version + 1, world.now());
        assert_eq!(ann.try_alter(expected.id, change).await.unwrap().as_ref(), Some(&expected));
        assert_eq!(ann.identity(&IdentityRef::Id(expected.id)).await.as_ref(), Some(&expected));
        assert_eq!(world.records().await.len(), records + 1);
    }
}

pub async fn identities_are_listed_newest_first_page_by_page(world: &World) {
    let ann = world.local("ann");
    let mut kept = vec![];
    for (kind, status) in [
        ("coder", IdentityStatus::Active),
        ("tester", IdentityStatus::Active),
        ("coder", IdentityStatus::Retired),
        ("coder", IdentityStatus::Active),
    ] {
        let new = Identity { agent_type: kind.parse().unwrap(), status, ..new_identity(world, None) };
        kept.insert(0, ann.keep(new).await.id);
    }
    world.local("bob").keep(new_identity(world, None)).await;
    let list = async |filter: IdentityFilter| {
        let listed = ann.identities(filter).await;
        (ids(&listed.identities), listed.total)
    };
    assert_eq!(list(page(9)).await, (kept.clone(), 4));
    assert_eq!(list(page(0)).await, (vec![], 4));
    assert_eq!(list(IdentityFilter { offset: 1, ..page(2) }).await, (kept[1..3].to_vec(), 4));
    assert_eq!(list(IdentityFilter { offset: 4, ..page(2) }).await, (vec![], 4));
    let coders = IdentityFilter { agent_type: Some("coder".parse().unwrap()), ..page(9) };
    assert_eq!(list(coders.clone()).await, (vec![kept[0], kept[1], kept[3]], 3));
    let active = IdentityFilter { status: Some(IdentityStatus::Active), ..page(9) };
    assert_eq!(list(active.clone()).await, (vec![kept[0], kept[2], kept[3]], 3));
    let both = IdentityFilter { agent_type: coders.agent_type, offset: 1, ..active };
    assert_eq!(list(both).await, (vec![kept[3]], 2));
}

/// The sequences of the lines that name an identity.
async fn lines(call: &Call<'_>, id: IdentityId, limit: u32) -> Option<Vec<u64>> {
    let scope = call.scope(&IDENTITY_GET).await;
    let lines = call.world.store.identity_lines(&scope, id, limit).await.unwrap();
    lines.map(|lines| lines.iter().map(|line| line.sequence).collect())
}

pub async fn the_log_can_be_asked_for_an_identity(world: &World) {
    let ann = world.local("ann");
    let (identity, other) =
        (ann.keep(new_identity(world, None)).await, ann.keep(new_identity(world, None)).await);
    let scope = ann.scope(&IDENTITY_GET).await;
    assert_eq!(lines(&ann, identity.id, 9).await, Some(vec![]));
    for number in 0..6 {
        let mut record = draft(&scope);
        record.identity = [Some(identity.id), Some(other.id), None][number % 3];
        // What looks like it is not it.
        record.principal = format!("\"identityId\":\"{}\"", identity.id);
        world.store.append(&[record]).await.unwrap();
    }
    // Two records were of the making of both.
    assert_eq!(lines(&ann, identity.id, 9).await, Some(vec![6, 3]), "newest first");
    assert_eq!(lines(&ann, identity.id, 1).await, Some(vec![6]));
    assert_eq!(lines(&world.operator(), other.id, 9).await, Some(vec![7, 4]));
    assert_eq!(lines(&world.local("bob"), identity.id, 9).await, None);
    assert_eq!(lines(&ann, IdentityId::generate(), 9).await, None);
    let all = world.store.lines(&world.operator().scope(&IDENTITY_GET).await, 5, 1).await.unwrap();
    assert_eq!(world.store.identity_lines(&scope, identity.id, 1).await.unwrap(), Some(all));
}
