//! Rows as domain types, and back.

use std::str::FromStr;

use agentstack_core::{
    AgentId, EntryId, EntrySummary, Label, MemoryKey, Metadata, Namespace, Origin, SessionId, Tag, Timestamp,
    Trust, Version,
};
use agentstack_storage::{Session, StorageError};
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row, Sqlite, Type};

use crate::error::storage;
use crate::index::Veil;

/// The columns that [`summary`] reads, of `entries e` and `namespaces n`, in its order.
macro_rules! summary_columns {
    () => {
        "e.uuid, e.key, n.name, e.version, e.agent, e.tags, e.metadata, e.created_at, e.updated_at, \
         e.trust, e.origin_principal, e.origin_agent, e.origin_tool, e.chars"
    };
}
pub(crate) use summary_columns;

/// How many columns that are.
pub(crate) const SUMMARY_COLUMNS: usize = 14;

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

    fn tags(&mut self) -> Result<Vec<Tag>, StorageError> {
        self.parsed("an entry's tags", |text| {
            let tags: Vec<String> = serde_json::from_str(text).ok()?;
            tags.into_iter().map(|tag| Tag::try_from(tag).ok()).collect()
        })
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
        veil: Veil,
        parse: impl Fn(String) -> Option<T>,
    ) -> Result<T, StorageError> {
        let text = veil.uncover(self.take()?).and_then(parse);
        text.ok_or_else(|| StorageError::damaged(what))
    }

    /// The four columns of a label; the time is that of its version.
    fn label(&mut self, at: Timestamp) -> Result<Label, StorageError> {
        let trust = self.parsed("an entry's trust", |text| match text {
            "trusted" => Some(Trust::Trusted),
            "unverified" => Some(Trust::Unverified),
            _ => None,
        })?;
        let principal = self.take()?;
        let agent_id = self.agent()?;
        Ok(Label { trust, origin: Origin { principal, agent_id, tool: self.take()?, at } })
    }
}

/// A metadata object, from its JSON.
pub(crate) fn parse_metadata(text: &str) -> Option<Metadata> {
    Metadata::try_from(serde_json::from_str::<serde_json::Map<_, _>>(text).ok()?).ok()
}

/// The word under which a trust is kept.
pub(crate) fn trust_word(trust: Trust) -> &'static str {
    match trust {
        Trust::Trusted => "trusted",
        Trust::Unverified => "unverified",
    }
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

/// The columns of [`summary_columns`], from the `at`th of the row on.
pub(crate) fn summary(row: &SqliteRow, at: usize) -> Result<EntrySummary, StorageError> {
    let mut columns = Columns::from(row, at);
    let id = EntryId::from_bytes(uuid(columns.take()?)?);
    let key = columns.parsed("a key", |text| text.parse::<MemoryKey>().ok())?;
    let namespace = columns.parsed("a namespace", |text| text.parse::<Namespace>().ok())?;
    let version = small(columns.take()?)?;
    let agent_id = columns.agent()?;
    let tags = columns.tags()?;
    let metadata = columns.metadata()?;
    let created_at = columns.time()?;
    let updated_at = columns.time()?;
    let label = columns.label(updated_at)?;
    let chars = small(columns.take()?)?;
    Ok(EntrySummary {
        id,
        key,
        namespace,
        version,
        agent_id,
        tags,
        metadata,
        created_at,
        updated_at,
        label,
        chars,
    })
}

/// version, `stored_at`, agent, tags, metadata, trust, origin (3), content.
pub(crate) fn version(row: &SqliteRow) -> Result<Version, StorageError> {
    let mut columns = Columns::from(row, 0);
    let version = small(columns.take()?)?;
    let stored_at = columns.time()?;
    let agent_id = columns.agent()?;
    let tags = columns.tags()?;
    let metadata = columns.metadata()?;
    let label = columns.label(stored_at)?;
    Ok(Version { version, content: columns.take()?, tags, metadata, agent_id, stored_at, label })
}

/// id, `started_at`, the earlier of both ends, metadata.
pub(crate) fn session(row: &SqliteRow, at: usize) -> Result<Session, StorageError> {
    let mut columns = Columns::from(row, at);
    let id = SessionId::from_bytes(uuid(columns.take()?)?);
    let started_at = columns.time()?;
    let expires_at = columns.time()?;
    Ok(Session { id, started_at, expires_at, metadata: columns.metadata()? })
}

/// Tags as they are kept: a JSON array.
pub(crate) fn tags_json(tags: &[Tag]) -> String {
    serde_json::to_string(tags).unwrap_or_else(|_| "[]".into())
}

/// A metadata object as it is kept.
pub(crate) fn metadata_json(metadata: &Metadata) -> String {
    serde_json::to_string(metadata.as_object()).unwrap_or_else(|_| "{}".into())
}
