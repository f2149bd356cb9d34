//! What a policy speaks of, in Cedar's terms: the question of one call as principal, action, resource and the three
//! entities behind them.
//!
//! A session has no id here and a session's namespace has no number: a rule can tell own from foreign and shared from
//! not, and nothing that would make it depend on which session it is.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use agentstack_core::{AgentId, Namespace};
use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression,
};

use crate::{Operation, Principal, Resource, Role};

/// The type of a caller.
pub(super) const USER: &str = "User";
/// The type of what a caller is in.
pub(super) const ROLE: &str = "Role";
/// The type of operations and of their groups.
pub(super) const ACTION: &str = "Action";
/// The type of the installation itself.
pub(super) const SERVICE: &str = "Service";
/// The type of sessions.
pub(super) const SESSION: &str = "Session";
/// The type of what memory is kept in.
pub(super) const NAMESPACE: &str = "Namespace";

/// The one service there is.
pub(super) const THE_SERVICE: &str = "agentstack";
/// The namespace of a session, as a policy sees it. No shared one can have this name: it has a colon.
pub(super) const OWN_NAMESPACE: &str = "session:own";

/// A caller as a policy sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject<'a> {
    /// Its name, which says what its credential is: `token:ci`, `local:uid-1000`, `embedded:planner`.
    pub name: &'a str,
    /// Its role.
    pub role: Role,
    /// The agent that it is bound to.
    pub agent: Option<&'a AgentId>,
}

impl<'a> From<&'a Principal> for Subject<'a> {
    fn from(principal: &'a Principal) -> Self {
        Self { name: principal.name(), role: principal.role(), agent: principal.agent() }
    }
}

/// Why a question could not be put.
#[derive(Debug)]
pub(super) struct Unaskable(String);

impl Unaskable {
    fn new(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }
}

impl fmt::Display for Unaskable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The names of the types, read once.
struct Types {
    user: EntityTypeName,
    role: EntityTypeName,
    action: EntityTypeName,
    service: EntityTypeName,
    session: EntityTypeName,
    namespace: EntityTypeName,
}

impl Types {
    fn get() -> Result<&'static Self, Unaskable> {
        static TYPES: LazyLock<Result<Types, String>> = LazyLock::new(|| {
            let named = |name| EntityTypeName::from_str(name).map_err(|error| error.to_string());
            Ok(Types {
                user: named(USER)?,
                role: named(ROLE)?,
                action: named(ACTION)?,
                service: named(SERVICE)?,
                session: named(SESSION)?,
                namespace: named(NAMESPACE)?,
            })
        });
        TYPES.as_ref().map_err(Unaskable::new)
    }
}

fn uid(of: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(of.clone(), EntityId::new(id))
}

fn entity<const N: usize>(
    uid: EntityUid,
    attributes: [(&str, RestrictedExpression); N],
    parents: HashSet<EntityUid>,
) -> Result<Entity, Unaskable> {
    let attributes: HashMap<String, RestrictedExpression> =
        attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Entity::new(uid, attributes, parents).map_err(Unaskable::new)
}

/// A question as Cedar takes it.
pub(super) fn question(
    subject: Subject<'_>,
    operation: &Operation,
    resource: Resource<'_>,
) -> Result<(Request, Entities), Unaskable> {
    let types = Types::get()?;
    let (user, resource) = (user(types, subject)?, thing(types, resource)?);
    let action = uid(&types.action, operation.name);
    let groups = operation.groups().map(|group| uid(&types.action, group)).collect();
    let request = Request::new(user.uid(), action.clone(), resource.uid(), Context::empty(), None)
        .map_err(Unaskable::new)?;
    let action = Entity::new_no_attrs(action, groups);
    let entities = Entities::from_entities([user, action, resource], None).map_err(Unaskable::new)?;
    Ok((request, entities))
}

fn user(types: &Types, subject: Subject<'_>) -> Result<Entity, Unaskable> {
    let mut attributes = HashMap::from([
        ("name".to_owned(), RestrictedExpression::new_string(subject.name.to_owned())),
        ("role".to_owned(), RestrictedExpression::new_string(subject.role.as_str().to_owned())),
    ]);
    if let Some(agent) = subject.agent {
        attributes.insert("agent".to_owned(), RestrictedExpression::new_string(agent.to_string()));
    }
    let roles = HashSet::from([uid(&types.role, subject.role.as_str())]);
    Entity::new(uid(&types.user, subject.name), attributes, roles).map_err(Unaskable::new)
}

fn thing(types: &Types, resource: Resource<'_>) -> Result<Entity, Unaskable> {
    let session = |id, held| {
        let held = [("held", RestrictedExpression::new_bool(held))];
        entity(uid(&types.session, id), held, HashSet::new())
    };
    match resource {
        Resource::Service => Ok(Entity::new_no_attrs(uid(&types.service, THE_SERVICE), HashSet::new())),
        Resource::Session(_) => session("own", true),
        Resource::ForeignSession(_) => session("foreign", false),
        Resource::Namespace(namespace) => {
            let (name, shared) = match namespace {
                Namespace::Session(_) => (OWN_NAMESPACE, false),
                Namespace::Shared(name) => (name.as_str(), true),
            };
            let attributes = [
                ("name", RestrictedExpression::new_string(name.to_owned())),
                ("shared", RestrictedExpression::new_bool(shared)),
            ];
            entity(uid(&types.namespace, name), attributes, HashSet::new())
        }
    }
}
