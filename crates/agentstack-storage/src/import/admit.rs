//! Whether an item is taken.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use agentstack_core::limits::{HELD_PER_NAMESPACE, IDENTITIES_PER_PRINCIPAL};
use agentstack_core::{EntryId, IdentityStatus, MemoryKey, Namespace, SessionId, TaskId};

use super::{ImportItem, ImportOutcome};

/// What a backend has that decides about an item.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct There {
    /// Whether what it belongs to is there: a task's and an entry's session, a version's entry. A shared namespace always
    /// is.
    pub home: bool,
    /// Whether that is there only among what is held back.
    pub home_is_held: bool,
    /// Whether something is there under its key or id; and whether that is itself.
    pub itself: Option<bool>,
    /// Whether its name is taken.
    pub name_is_taken: bool,
    /// How many of its kind its home has: identities those of its owner that are not retired.
    pub siblings: u64,
    /// How many versions of its namespace wait for an operator.
    pub held: u64,
    /// How many ancestors the task that it is a part of has, and how many parts.
    pub parent: Option<(u32, u64)>,
}

/// What becomes of an item where this is there.
#[must_use]
pub fn admit(item: &ImportItem, there: &There) -> ImportOutcome {
    match there.itself {
        Some(true) => return ImportOutcome::Already,
        Some(false) => return ImportOutcome::Conflict,
        None => {}
    }
    match item {
        ImportItem::Session(_) => ImportOutcome::Taken,
        ImportItem::Identity(identity) => {
            let is_live = identity.status != IdentityStatus::Retired;
            match () {
                () if is_live && there.name_is_taken => ImportOutcome::NameTaken,
                () if is_live && there.siblings >= u64::from(IDENTITIES_PER_PRINCIPAL) => {
                    ImportOutcome::TooMany
                }
                () => ImportOutcome::Taken,
            }
        }
        ImportItem::Task(task) => {
            let bounds = task.bounds;
            let fits = |(depth, parts): (u32, u64)| depth < bounds.depth && parts < u64::from(bounds.parts);
            match there.parent {
                _ if !there.home => ImportOutcome::Homeless,
                None if task.task.parent.is_some() => ImportOutcome::Orphan,
                _ if there.siblings >= u64::from(bounds.tasks) => ImportOutcome::TooMany,
                Some(parent) if !fits(parent) => ImportOutcome::TooMany,
                _ => ImportOutcome::Taken,
            }
        }
        ImportItem::Entry(entry) => {
            let in_session = matches!(entry.namespace, Namespace::Session(_));
            match () {
                () if !there.home => ImportOutcome::Homeless,
                () if in_session && there.siblings >= entry.entries_per_session => ImportOutcome::TooMany,
                () => kept(entry.version.held, there),
            }
        }
        ImportItem::Version(_) if !there.home && there.home_is_held => ImportOutcome::HomeHeld,
        ImportItem::Version(_) if !there.home => ImportOutcome::Homeless,
        ImportItem::Version(version) => kept(version.version.held, there),
    }
}

fn kept(is_held: bool, there: &There) -> ImportOutcome {
    match is_held {
        false => ImportOutcome::Taken,
        true if there.held >= u64::from(HELD_PER_NAMESPACE) => ImportOutcome::TooMany,
        true => ImportOutcome::Held,
    }
}

/// What an import would have taken that was only tried, so that what comes later is decided as if it were there.
#[derive(Debug, Default)]
pub struct Trial {
    sessions: HashSet<SessionId>,
    /// How many entries and tasks of sessions.
    entries: HashMap<SessionId, u64>,
    tasks: HashMap<SessionId, u64>,
    tried: HashSet<TaskId>,
    /// How many ancestors and parts of tasks of sessions.
    lineage: HashMap<(SessionId, TaskId), (u32, u64)>,
    identities: HashSet<[u8; 16]>,
    live: HashMap<String, u64>,
    names: HashSet<(String, String)>,
    /// Entries by the hashes of namespace and key: two, as no key is kept for this.
    keys: HashMap<[u64; 2], EntryId>,
    held_entries: HashSet<EntryId>,
    versions: HashSet<(EntryId, u32)>,
    held: HashMap<Namespace, u64>,
    hashers: [RandomState; 2],
}

impl Trial {
    /// What would be there, besides what is.
    #[must_use]
    pub fn overlay(&self, item: &ImportItem, mut there: There) -> There {
        match item {
            ImportItem::Session(session) => there.be(self.sessions.contains(&session.id).then_some(true)),
            ImportItem::Identity(identity) => {
                there.be(self.identities.contains(identity.id.as_bytes()).then_some(true));
                let name = identity.display_name.as_ref();
                let name = name.map(|name| (identity.owner.clone(), name.to_string()));
                there.name_is_taken |= name.is_some_and(|name| self.names.contains(&name));
                there.siblings += self.live.get(&identity.owner).copied().unwrap_or_default();
            }
            ImportItem::Task(task) => {
                there.be(self.tried.contains(&task.task.id).then_some(true));
                there.home |= self.sessions.contains(&task.session);
                there.siblings += self.tasks.get(&task.session).copied().unwrap_or_default();
                let tried =
                    task.task.parent.and_then(|parent| self.lineage.get(&(task.session, parent))).copied();
                // Of a parent that is there, the parts that were tried are counted under its id, too.
                there.parent = match (there.parent, tried) {
                    (Some((depth, parts)), Some((_, more))) => Some((depth, parts + more)),
                    (is, tried) => is.or(tried),
                };
            }
            ImportItem::Entry(entry) => {
                let known = self.keys.get(&self.hash(&entry.namespace, &entry.version.key));
                there.be(known.map(|known| *known == entry.id));
                if let Namespace::Session(session) = &entry.namespace {
                    there.home |= self.sessions.contains(session);
                    there.siblings += self.entries.get(session).copied().unwrap_or_default();
                }
                there.held += self.held.get(&entry.namespace).copied().unwrap_or_default();
            }
            ImportItem::Version(version) => {
                let number = (version.entry, version.version.number);
                there.be(self.versions.contains(&number).then_some(true));
                let known = self.keys.get(&self.hash(&version.namespace, &version.version.key));
                let is_tried = known == Some(&version.entry);
                let is_held = self.held_entries.contains(&version.entry);
                there.home |= is_tried && !is_held;
                there.home_is_held |= is_tried && is_held;
                there.held += self.held.get(&version.namespace).copied().unwrap_or_default();
            }
        }
        there
    }

    /// Notes what became of an item where this was there.
    pub fn note(&mut self, item: &ImportItem, there: &There, outcome: ImportOutcome) {
        if !outcome.is_taken() {
            return;
        }
        match item {
            ImportItem::Session(session) => drop(self.sessions.insert(session.id)),
            ImportItem::Identity(identity) => {
                self.identities.insert(*identity.id.as_bytes());
                if identity.status != IdentityStatus::Retired {
                    *self.live.entry(identity.owner.clone()).or_default() += 1;
                    let name = identity.display_name.as_ref();
                    self.names.extend(name.map(|name| (identity.owner.clone(), name.to_string())));
                }
            }
            ImportItem::Task(task) => {
                *self.tasks.entry(task.session).or_default() += 1;
                let depth = there.parent.map_or(0, |(depth, _)| depth + 1);
                self.tried.insert(task.task.id);
                self.lineage.entry((task.session, task.task.id)).or_insert((depth, 0));
                if let Some(parent) = task.task.parent {
                    self.lineage.entry((task.session, parent)).or_default().1 += 1;
                }
            }
            ImportItem::Entry(entry) => {
                let hash = self.hash(&entry.namespace, &entry.version.key);
                self.keys.insert(hash, entry.id);
                self.versions.insert((entry.id, entry.version.number));
                if outcome == ImportOutcome::Held {
                    self.held_entries.insert(entry.id);
                    *self.held.entry(entry.namespace.clone()).or_default() += 1;
                } else if let Namespace::Session(session) = &entry.namespace {
                    *self.entries.entry(*session).or_default() += 1;
                }
            }
            ImportItem::Version(version) => {
                self.versions.insert((version.entry, version.version.number));
                if outcome == ImportOutcome::Held {
                    *self.held.entry(version.namespace.clone()).or_default() += 1;
                }
            }
        }
    }

    fn hash(&self, namespace: &Namespace, key: &MemoryKey) -> [u64; 2] {
        self.hashers.each_ref().map(|hasher| hasher.hash_one((namespace, key.as_str())))
    }
}

impl There {
    fn be(&mut self, itself: Option<bool>) {
        self.itself = self.itself.or(itself);
    }
}
