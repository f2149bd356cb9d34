//! Rows as domain types, and back.

use std::str::FromStr;

use agentstack_core::{
    AgentId, EntryId, EntrySummary, Label, Metadata, Namespace, Origin, SessionId, Timestamp, Trust, Version,
};
use agentstack_storage::{Session, StorageError};
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row, Sqlite, Type};

use crate::error::storage;
use crate::facts::Known;
use crate::veil::Veil;

/// The columns that [`summary`] reads, of `entries e` and `namespaces n`, in its order.
macro_rules! summary_columns {
    () => {
        "e.uuid, n.name, n.secret, e.version, e.created_at, e.updated_at, e.trust, e.origin_principal, \
         e.origin_tool, e.chars, e.facts"
    };
}
pub(crate) use summary_columns;

/// How many columns that are.
pub(crate) const SUMMARY_COLUMNS: usize = 11;

/// Reads the columns of a row one after the other.
pub(crate) struct Columns<'r> {
    row: &'r SqliteRow,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(crate) fn from(row: &'r SqliteRow, next: usize) -> Self {
        Self { row, next }
    }

    pub(crate) fn take<T: Decode<'r, Sqlite> + Type<Sqlite>>(&mut self) -> Result<T, StorageError> {
        let value = self.row.try_get(self.next).map_err(storage)?;
        self.next += 1;
        Ok(value)
    }

    pub(crate) fn parsed<T>(
        &mut self,
        what: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, StorageError> {
        parse(self.take()?).ok_or_else(|| StorageError::damaged(what))
    }

    pub(crate) fn agent(&mut self) -> Result<Option<AgentId>, StorageError> {
        let text: Option<&str> = self.take()?;
        text.map(|text| text.parse().map_err(|_| StorageError::damaged("an agent's id"))).transpose()
    }

    pub(crate) fn time(&mut self) -> Result<Timestamp, StorageError> {
        Ok(Timestamp::from_millis(self.take()?))
    }

    pub(crate) fn metadata(&mut self) -> Result<Metadata, StorageError> {
        self.parsed("a metadata object", parse_metadata)
    }

    /// An id, made of its 16 bytes.
    pub(crate) fn id<T>(&mut self, of: impl Fn([u8; 16]) -> T) -> Result<T, StorageError> {
        uuid(self.take()?).map(of)
    }

    pub(crate) fn optional_id<T>(&mut self, of: impl Fn([u8; 16]) -> T) -> Result<Option<T>, StorageError> {
        self.take::<Option<&[u8]>>()?.map(uuid).transpose().map(|bytes| bytes.map(of))
    }

    /// A word or a name, made of its text.
    pub(crate) fn word<T: FromStr>(&mut self, what: &'static str) -> Result<T, StorageError> {
        self.parsed(what, |text| text.parse().ok())
    }

    /// A text that is kept under a namespace's secret.
    pub(crate) fn covered<T>(
        &mut self,
        what: &'static str,
        veil: &Veil,
        parse: impl Fn(String) -> Option<T>,
    ) -> Result<T, StorageError> {
        let text = veil.uncover(self.take()?).and_then(parse);
        text.ok_or_else(|| StorageError::damaged(what))
    }

    pub(crate) fn trust(&mut self) -> Result<Trust, StorageError> {
        self.word("an entry's trust")
    }
}

/// A metadata object, from its JSON.
pub(crate) fn parse_metadata(text: &str) -> Option<Metadata> {
    Metadata::try_from(serde_json::from_str::<serde_json::Map<_, _>>(text).ok()?).ok()
}

/// The 16 bytes of an id.
pub(crate) fn uuid(bytes: &[u8]) -> Result<[u8; 16], StorageError> {
    bytes.try_into().map_err(|_| StorageError::damaged("an id"))
}

/// A number that is never negative.
pub(crate) fn count(number: i64) -> Result<u64, StorageError> {
    u64::try_from(number).map_err(|_| StorageError::damaged("a count"))
}

/// A version or a length.
pub(crate) fn small(number: i64) -> Result<u32, StorageError> {
    u32::try_from(number).map_err(|_| StorageError::damaged("a number"))
}

/// The columns of [`summary_columns`], from the `at`th of the row on, and what the content is kept under.
pub(crate) fn summary(row: &SqliteRow, at: usize) -> Result<(EntrySummary, Veil), StorageError> {
    let mut columns = Columns::from(row, at);
    let id = columns.id(EntryId::from_bytes)?;
    let namespace = columns.parsed("a namespace", |text| text.parse::<Namespace>().ok())?;
    let veil = Veil::new(columns.take()?);
    let version = small(columns.take()?)?;
    let created_at = columns.time()?;
    let updated_at = columns.time()?;
    let trust = columns.trust()?;
    let (principal, tool) = (columns.take()?, columns.take()?);
    let chars = small(columns.take()?)?;
    let facts = Known::uncover(&veil, columns.take()?)?;
    let origin = Origin { principal, agent_id: facts.origin_agent, tool, at: updated_at };
    let summary = EntrySummary {
        id,
        key: facts.key,
        namespace,
        version,
        agent_id: facts.agent,
        tags: facts.tags,
        metadata: facts.metadata,
        created_at,
        updated_at,
        label: Label { trust, origin, findings: facts.findings },
        chars,
    };
    Ok((summary, veil))
}

/// The entry's id, the namespace's secret, version, `stored_at`, trust, principal and tool of the origin, facts, content.
pub(crate) fn version(row: &SqliteRow) -> Result<Version, StorageError> {
    version_and_wish(row).map(|(version, _)| version)
}

/// The same, and whether it is to have no vector.
pub(crate) fn version_and_wish(row: &SqliteRow) -> Result<(Version, bool), StorageError> {
    let mut columns = Columns::from(row, 0);
    let entry = columns.id(EntryId::from_bytes)?;
    let veil = Veil::new(columns.take()?);
    let version = small(columns.take()?)?;
    let stored_at = columns.time()?;
    let trust = columns.trust()?;
    let (principal, tool) = (columns.take()?, columns.take()?);
    let facts = Known::uncover(&veil, columns.take()?)?;
    let content = columns.covered("a content", &veil, Some)?;
    let origin = Origin { principal, agent_id: facts.origin_agent, tool, at: stored_at };
    let label = Label { trust, origin, findings: facts.findings };
    let (tags, metadata, agent_id) = (facts.tags, facts.metadata, facts.agent);
    let declined = facts.declined;
    Ok((Version { entry, version, content, tags, metadata, agent_id, stored_at, label }, declined))
}

/// id, `started_at`, the earlier of both ends, the namespace's secret, and what is kept under it.
pub(crate) fn session(row: &SqliteRow, at: usize) -> Result<Session, StorageError> {
    let mut columns = Columns::from(row, at);
    let id = SessionId::from_bytes(uuid(columns.take()?)?);
    let started_at = columns.time()?;
    let expires_at = columns.time()?;
    let veil = Veil::new(columns.take()?);
    let metadata = columns.covered("a metadata object", &veil, |text| parse_metadata(&text))?;
    Ok(Session { id, started_at, expires_at, metadata })
}

/// A metadata object as it is kept.
pub(crate) fn metadata_json(metadata: &Metadata) -> String {
    serde_json::to_string(metadata.as_object()).unwrap_or_else(|_| "{}".into())
}
