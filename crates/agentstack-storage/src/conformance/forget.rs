//! Forgetting an origin: nothing of it is left, and everything else is.

use agentstack_audit::link;
use agentstack_core::{AgentId, Trust};

use super::coordination::{new_identity, new_task};
use super::tokens::{find, grant, keep};
use super::trust::of;
use super::world::{Call, REVOKE_ORIGIN, SYSTEM_STATUS, World, pending};
use crate::review::Recorded;
use crate::text::Match;
use crate::{AgentRef, Forgotten, IdentityRef, OriginFilter, Readers, ReviewFilter, Target};

impl Call<'_> {
    pub async fn forget(&self, origin: &OriginFilter) -> (Forgotten, Recorded) {
        let scope = self.scope(&REVOKE_ORIGIN).await;
        let (done, recorded) = self.world.store.forget(&scope, origin, Some(pending(&scope))).await.unwrap();
        (done, recorded.unwrap())
    }

    pub async fn would_forget(&self, origin: &OriginFilter) -> Forgotten {
        let scope = self.scope(&REVOKE_ORIGIN).await;
        let (would, recorded) = self.world.store.forget(&scope, origin, None).await.unwrap();
        assert_eq!(recorded, None);
        would
    }

    pub async fn readers(&self, origin: &OriginFilter) -> Readers {
        let scope = self.scope(&REVOKE_ORIGIN).await;
        self.world.store.readers(&scope, origin).await.unwrap()
    }
}

async fn held(world: &World) -> usize {
    let mut all = 0;
    for trust in [Trust::Quarantined, Trust::Revoked] {
        let filter = ReviewFilter { trust, limit: 100, after: None };
        all += world.operator().reviews(filter).await.reviews.len();
    }
    all
}

pub async fn what_an_origin_wrote_is_nowhere_any_more(world: &World) {
    let (eve, ann) = (world.local("eve").start().await, world.local("ann").start().await);
    let (evil, team) = (eve.named("team"), ann.named("team"));
    evil.store("hers", "poisoned words").await;
    evil.store("hers", "poisoned again").await;
    team.store("mine", "good words").await;
    evil.store("mine", "poisoned words").await;
    team.store("between", "first").await;
    evil.store("between", "poisoned").await;
    team.store("between", "third").await;
    evil.store_held("held", "poisoned").await;
    eve.store("in her session", "poisoned words").await;
    let before = world.records().await.len();
    let said = world.operator().would_forget(&of("eve")).await;
    assert_eq!(world.records().await.len(), before);
    let (done, recorded) = world.operator().forget(&of("eve")).await;
    assert_eq!((done, done.versions, done.readings), (said, 6, 0));
    assert_eq!(team.keys().await.len(), 2);
    assert_eq!(team.get("mine").await.unwrap().content, "good words", "what was there before is there again");
    assert_eq!(team.get("between").await.unwrap().content, "third");
    assert_eq!(team.get_at("between", Target::Version(2)).await, None);
    assert!(team.get("hers").await.is_none() && eve.get("in her session").await.is_none());
    assert_eq!(team.found("words", Match::Any).await, ["mine"]);
    assert!(team.found("poisoned", Match::Any).await.is_empty() && held(world).await == 0);
    // The record of it is what it says, in its place.
    let scope = world.operator().scope(&SYSTEM_STATUS).await;
    let line = world.store.lines(&scope, recorded.line.sequence - 1, 1).await.unwrap().remove(0);
    assert_eq!(line, recorded.line);
    assert_eq!(link(&recorded.previous, line.sequence, &line.body), line.hash);
    let record = world.records().await.pop().unwrap();
    assert_eq!(record.counts["versions"], 6);
    assert!(world.verified().await.is_intact());
    assert_eq!(world.operator().forget(&of("eve")).await.0, Forgotten::default());
    // Names and keys are free again, and numbers go on.
    evil.store("hers", "better").await;
    assert_eq!(team.store("between", "fourth").await.version, 4);
}

pub async fn a_principal_is_forgotten_with_what_is_its_own(world: &World) {
    let operator = world.operator();
    let (eve, ann) = (world.local("eve"), world.local("ann").start().await.named("team"));
    ann.store("key", "words").await;
    let session = eve.start().await;
    session.named("team").read("key").await;
    eve.named("team").read("key").await;
    let identity = eve.keep(new_identity(world, Some("i"))).await;
    let other = world.local("evelyn").keep(new_identity(world, Some("i"))).await;
    let done = operator.forget(&of("eve")).await.0;
    assert_eq!(done, Forgotten { identities: 1, readings: 1, ..Forgotten::default() });
    assert_eq!(eve.identity(&IdentityRef::Id(identity.id)).await, None);
    assert!(world.local("evelyn").identity(&IdentityRef::Id(other.id)).await.is_some());
    let (ci, cd) = (keep(&operator, &grant(world, "ci")).await, keep(&operator, &grant(world, "cd")).await);
    let origin = OriginFilter { principal: Some("token:ci".to_owned()), ..OriginFilter::default() };
    // Of what it has written since a time, it is not the principal that goes.
    let since = OriginFilter { since: Some(world.now()), ..origin.clone() };
    assert_eq!(operator.forget(&since).await.0, Forgotten::default());
    assert_eq!(operator.forget(&origin).await.0, Forgotten { tokens: 1, ..Forgotten::default() });
    assert!(find(world, &ci).await.is_none() && find(world, &cd).await.is_some());
}

pub async fn an_agent_is_forgotten_with_its_tasks(world: &World) {
    let (ann, bob) = (world.local("ann").start().await, world.local("bob").start().await);
    let (coder, other) = (ann.spawn("coder").await, ann.spawn("other").await);
    let bobs = bob.spawn("coder").await;
    let (task, left) = (ann.make(new_task()).await, ann.make(new_task()).await);
    ann.assign(&task, &coder).await;
    ann.assign(&left, &other).await;
    ann.for_agent("coder").store("its", "text").await;
    ann.for_agent(&coder.id.to_string()).store("its too", "text").await;
    ann.store("common", "text").await;
    let by = |agent: &str| OriginFilter { agent: Some(agent.parse::<AgentId>().unwrap()), ..of("ann") };
    let done = world.operator().forget(&by("coder")).await.0;
    assert_eq!(done, Forgotten { versions: 1, agents: 1, tasks: 1, ..Forgotten::default() });
    assert_eq!(ann.keys().await, ["common", "its too"]);
    assert_eq!((ann.task(task.id).await, ann.task(left.id).await.is_some()), (None, true));
    assert!(bob.agent(&AgentRef::Id(bobs.id)).await.is_some(), "another's of the same name");
    let id = bobs.id.to_string();
    let everywhere = OriginFilter { principal: None, ..by(&id) };
    assert_eq!(world.operator().forget(&everywhere).await.0, Forgotten { agents: 1, ..Forgotten::default() });
    assert!(world.verified().await.is_intact());
}

pub async fn who_was_shown_something_of_an_origin_is_known(world: &World) {
    let eve = world.local("eve").start().await.named("team");
    eve.store("poison", "text").await;
    let operator = world.operator();
    assert_eq!(operator.readers(&of("eve")).await, Readers::default());
    let (ann, bob) = (world.local("ann").start().await, world.local("bob").start().await);
    ann.named("team").read("poison").await;
    bob.named("team").read("poison").await;
    // Of a session from which nothing can be derived, what it has read goes with it.
    bob.named("team").store("what bob made of it", "text").await;
    world.embedded("cid").named("team").read("poison").await;
    bob.end().await;
    let readers = operator.readers(&of("eve")).await;
    assert_eq!((readers.sessions.len(), readers.ended), (1, 1), "{readers:?}");
    assert!(readers.sessions[0].1.starts_with("local:ann/"), "{readers:?}");
    assert_eq!(readers.holders, ["embedded:cid"]);
    let scope = operator.scope(&SYSTEM_STATUS).await;
    let held = async |principal: &str| world.store.sessions_of(&scope, principal).await.unwrap().len();
    assert_eq!((held("local:ann").await, held("local:an").await, held("local:bob").await), (1, 0, 0));
    operator.forget(&of("eve")).await;
    assert_eq!(operator.readers(&of("eve")).await, Readers::default());
}
