//! Which of the tables there are, and whether they are those of a version that is known.

use std::collections::BTreeSet;
use std::path::Path;

use agentstack_storage::import::{SourceTable, SourceTotals};
use sqlx::sqlite::SqliteConnection;

use super::{ReferenceFileProblem, problem};

/// `AGST` in ASCII: what marks our own databases.
const OURS: i64 = 0x4147_5354;

/// A table as versions 1.0 to 1.6 have it: what every version has, and what came later.
struct Known {
    table: SourceTable,
    always: &'static [&'static str],
    later: &'static [&'static str],
    /// Whether every version has it.
    is_first: bool,
}

const KNOWN: [Known; 5] = [
    Known {
        table: SourceTable::Sessions,
        always: &["id", "status", "started_at", "ended_at", "metadata"],
        later: &[],
        is_first: true,
    },
    Known {
        table: SourceTable::Identities,
        always: &[
            "agent_id",
            "agent_type",
            "status",
            "capabilities",
            "version",
            "display_name",
            "description",
            "metadata",
            "created_at",
            "last_active_at",
            "retired_at",
            "retirement_reason",
            "created_by",
            "updated_at",
        ],
        later: &[],
        is_first: false,
    },
    Known {
        table: SourceTable::Tasks,
        always: &[
            "id",
            "session_id",
            "agent_type",
            "status",
            "input",
            "output",
            "created_at",
            "completed_at",
        ],
        later: &["risk_level", "parent_task_id", "depth", "consensus_checkpoint_id"],
        is_first: true,
    },
    Known {
        table: SourceTable::Memory,
        always: &["id", "key", "namespace", "content", "embedding", "metadata", "created_at", "updated_at"],
        later: &["agent_id"],
        is_first: true,
    },
    Known {
        table: SourceTable::MemoryVersions,
        always: &["id", "memory_id", "version", "key", "namespace", "content", "metadata", "created_at"],
        later: &["agent_id"],
        is_first: false,
    },
];

/// The tags of entries: two tables, that are there together or not at all.
const TAGS: [(&str, &[&str]); 2] =
    [("tags", &["id", "name", "created_at"]), ("memory_tags", &["memory_id", "tag_id", "created_at"])];

/// Tables that nothing is taken from, with the question how many rows they have.
macro_rules! others {
    ($($name:literal)*) => {
        [$(($name, concat!("SELECT count(*) FROM ", $name)),)*]
    };
}

const OTHERS: [(&str, &str); 20] = others! {
    "active_agents" "agent_deliverable_checkpoints" "agent_identity_audit" "agent_resource_metrics"
    "consensus_checkpoint_events" "consensus_checkpoints" "drift_detection_events" "memory_relationships" "plugins"
    "project_tasks" "projects" "refresh_tokens" "resource_exhaustion_events" "review_loops" "specifications"
    "task_embeddings" "task_relationships" "users" "workflows" "workflow_runs"
};

/// What there is.
#[derive(Debug)]
pub(super) struct Shape {
    tables: BTreeSet<SourceTable>,
    /// Whether entries and versions name agents.
    pub(super) has_agents: bool,
    /// Whether tasks have risks and parents.
    pub(super) has_parents: bool,
    pub(super) has_tags: bool,
    others: Vec<(&'static str, &'static str)>,
}

impl Shape {
    /// Looks at the schema. Only ordinary tables count: what a view, a virtual table or a generated column says is
    /// whatever somebody has written there.
    pub(super) async fn of(
        connection: &mut SqliteConnection,
        path: &Path,
    ) -> Result<Self, ReferenceFileProblem> {
        marks(connection, path).await?;
        let schema = Schema::read(connection).await.map_err(|source| problem(path, source))?;
        let foreign = |why| ReferenceFileProblem::Foreign { path: path.to_owned(), why };
        let newer = |why| ReferenceFileProblem::Newer { path: path.to_owned(), why };
        let mut tables = BTreeSet::new();
        for known in &KNOWN {
            let name = known.table.as_str();
            let Some(columns) = schema.columns(connection, path, name).await? else {
                if known.is_first {
                    return Err(foreign(format!("it has no table `{name}`")));
                }
                continue;
            };
            if let Some(missing) = known.always.iter().find(|column| !columns.contains(**column)) {
                return Err(foreign(format!("its table `{name}` has no column `{missing}`")));
            }
            let all: BTreeSet<&str> = known.always.iter().chain(known.later).copied().collect();
            if columns.iter().any(|column| !all.contains(column.as_str())) {
                return Err(newer(format!("its table `{name}` has columns that are not known")));
            }
            tables.insert(known.table);
        }
        let has =
            |columns: Option<BTreeSet<String>>, column: &str| columns.is_some_and(|all| all.contains(column));
        let has_agents = has(schema.columns(connection, path, "memory").await?, "agent_id");
        let parents = schema.columns(connection, path, "tasks").await?;
        let has_parents = has(parents.clone(), "parent_task_id") && has(parents, "risk_level");
        let mut has_tags = true;
        for (name, wanted) in TAGS {
            let columns = schema.columns(connection, path, name).await?;
            has_tags &= columns.is_some_and(|columns| wanted.iter().all(|column| columns.contains(*column)));
        }
        let others = OTHERS.into_iter().filter(|(name, _)| schema.tables.contains(*name)).collect();
        Ok(Self { tables, has_agents, has_parents, has_tags, others })
    }

    pub(super) fn has(&self, table: SourceTable) -> bool {
        self.tables.contains(&table)
    }

    pub(super) async fn totals(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<SourceTotals, sqlx::Error> {
        let mut totals = SourceTotals::default();
        for table in &self.tables {
            let sql = match table {
                SourceTable::Sessions => "SELECT count(*) FROM sessions",
                SourceTable::Identities => "SELECT count(*) FROM agent_identities",
                SourceTable::Tasks => "SELECT count(*) FROM tasks",
                SourceTable::Memory => "SELECT count(*) FROM memory",
                SourceTable::MemoryVersions => "SELECT count(*) FROM memory_versions",
            };
            totals.rows.push((*table, count(connection, sql).await?));
        }
        for (name, sql) in &self.others {
            let rows = count(connection, sql).await?;
            if rows > 0 {
                totals.others.push((name, rows));
            }
        }
        Ok(totals)
    }
}

async fn count(connection: &mut SqliteConnection, sql: &'static str) -> Result<u64, sqlx::Error> {
    let count: i64 = sqlx::query_scalar(sql).fetch_one(connection).await?;
    Ok(u64::try_from(count).unwrap_or_default())
}

/// Refuses what says of itself that it is something else.
async fn marks(connection: &mut SqliteConnection, path: &Path) -> Result<(), ReferenceFileProblem> {
    let sql = "SELECT application_id, user_version, encoding \
         FROM pragma_application_id, pragma_user_version, pragma_encoding";
    let row = sqlx::query_as::<_, (i64, i64, String)>(sql).fetch_one(connection).await;
    let (application, version, encoding) = row.map_err(|source| problem(path, source))?;
    let path = path.to_owned();
    match (application, version) {
        (OURS, _) => Err(ReferenceFileProblem::Ours { path }),
        (0, 0) if encoding == "UTF-8" => Ok(()),
        (0, 0) => Err(ReferenceFileProblem::Foreign { path, why: "its texts are not UTF-8".to_owned() }),
        // No version up to 1.6 numbers its schema.
        (0, version) => {
            Err(ReferenceFileProblem::Newer { path, why: format!("its schema has the number {version}") })
        }
        _ => Err(ReferenceFileProblem::Foreign { path, why: "it is marked as another program's".to_owned() }),
    }
}

/// What the schema says there is.
struct Schema {
    /// Ordinary tables.
    tables: BTreeSet<String>,
    /// Views, virtual tables and whatever else can be read like a table.
    pretended: BTreeSet<String>,
}

impl Schema {
    async fn read(connection: &mut SqliteConnection) -> Result<Self, sqlx::Error> {
        // A name that is longer than any that is asked for need not be read. Names of tables know no case.
        let sql = "SELECT lower(name), type = 'table' AND rootpage > 0 FROM sqlite_schema \
             WHERE type IN ('table', 'view') AND octet_length(name) < 64 LIMIT 10000";
        let rows: Vec<(String, bool)> = sqlx::query_as(sql).fetch_all(connection).await?;
        let of = |wanted| rows.iter().filter(|row| row.1 == wanted).map(|row| row.0.clone()).collect();
        Ok(Self { tables: of(true), pretended: of(false) })
    }

    /// The columns of a table, if it is there.
    async fn columns(
        &self,
        connection: &mut SqliteConnection,
        path: &Path,
        name: &'static str,
    ) -> Result<Option<BTreeSet<String>>, ReferenceFileProblem> {
        let foreign = |why| ReferenceFileProblem::Foreign { path: path.to_owned(), why };
        if self.pretended.contains(name) {
            return Err(foreign(format!("its `{name}` is not a table")));
        }
        if !self.tables.contains(name) {
            return Ok(None);
        }
        let sql = "SELECT lower(name), hidden FROM pragma_table_xinfo($1) LIMIT 1000";
        let columns = sqlx::query_as::<_, (String, i64)>(sql).bind(name).fetch_all(connection).await;
        let columns = columns.map_err(|source| problem(path, source))?;
        if columns
            .iter()
            .any(|(name, hidden)| *hidden != 0 || matches!(name.as_str(), "rowid" | "_rowid_" | "oid"))
        {
            return Err(foreign(format!("its table `{name}` has columns that are computed or hidden")));
        }
        Ok(Some(columns.into_iter().map(|(name, _)| name).collect()))
    }
}
