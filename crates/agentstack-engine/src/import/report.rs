//! What an import has come to. It names rows by their numbers and holds nothing of what is in them.

use std::collections::BTreeMap;

use agentstack_storage::import::{ImportOutcome, SourceTable};
use serde::{Deserialize, Serialize};

/// How many rows a report names for each reason.
const EXAMPLES: usize = 10;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident $refused:literal $text:literal;)*) => {
        /// Why a row was not taken.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum ImportReason {
            $($(#[$doc])* $name,)*
        }

        impl ImportReason {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Whether it is a refusal: something that somebody may have wanted is not there. What is left out knowingly is
            /// none.
            #[must_use]
            pub fn is_refusal(self) -> bool {
                match self {
                    $(Self::$name => $refused,)*
                }
            }

            /// Why, in words.
            #[must_use]
            pub fn explanation(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

reasons! {
    /// The session has ended.
    EndedSession false "of a session that has ended: --with-ended-sessions takes it";
    /// There is nowhere to write resume tokens to.
    NoTokenFile false "of a session: --resume-tokens FILE takes it, and writes down how to enter it";
    /// A task of no session.
    NoSession false "a task without a session, which has no place here";
    /// The same row was imported before.
    Already false "imported before";
    /// The same is there.
    Same false "here already, with the same content";
    /// More versions than are kept.
    OldVersion false "older than the versions that are kept of an entry";
    /// The version's entry, or the session of what is in it, was not taken.
    Homeless false "its entry or its session was not taken";
    /// The version's entry is held back.
    HomeHeld false "its entry is held back until an operator has looked at it";
    /// Bytes, a fraction or broken text where a text or a number belongs.
    WrongType true "a value of the wrong type";
    /// A line of a file that is no JSON object, or a file that does not begin with what is said of its entry.
    Broken true "not in the form in which entries are exported";
    /// Text that is not UTF-8.
    Utf8 true "not UTF-8";
    /// A field that no export writes.
    Field true "a field that is not known, is missing, or is there twice";
    /// A link, or whatever else a file may be besides a file.
    NotPlain true "a link or something else that is no plain file: links are not followed";
    /// The memory of a session.
    SessionMemory true "memory of a session, which belongs to its session alone";
    /// Longer than anything that could be taken.
    TooLong true "a value that is too long";
    /// Not an id.
    Id true "an id that is none";
    /// The key.
    Key true "a key that is not 1 to 255 characters long";
    /// The namespace.
    Namespace true "a namespace that breaks the rule for names";
    /// The content.
    Content true "a content that is not 1 to 1,000,000 characters long";
    /// Not a JSON object that could be metadata.
    Metadata true "metadata that is no JSON object, or too large or too deep";
    /// A tag, or too many.
    Tags true "tags that are too many or too long";
    /// The agent.
    Agent true "the name of an agent that breaks the rule for names";
    /// The kind of agent.
    AgentType true "a kind of agent that this installation does not have";
    /// A word for a state.
    Status true "a state that is not known";
    /// A risk.
    Risk true "a risk that is not known";
    /// A time.
    Time true "a time that is none";
    /// The number of a version.
    Version true "the number of a version that is none";
    /// The text of a task.
    TaskText true "an input or output of a task that is empty or longer than 20,000 characters";
    /// What an identity can do.
    Capabilities true "capabilities that are no list of names and versions, or too many";
    /// What an identity is for, or why it was retired.
    Description true "a description or reason that is longer than 1,000 characters";
    /// The guard refuses it.
    Guard true "something that the guard does not let be kept";
    /// Its session is not in the file.
    UnknownSession true "of a session that is not in the file";
    /// Its entry is not in the file.
    UnknownEntry true "a version of an entry that is not in the file";
    /// The task that it is a part of was not taken.
    Orphan true "the task that it is a part of is not there";
    /// The caller may not write there.
    Forbidden true "a namespace that the caller may not write to";
    /// Something else is there under its key.
    Conflict true "something else is here under its key, and stays";
    /// Its name is taken.
    NameTaken true "its name is taken";
    /// There are as many as there may be.
    TooMany true "there are as many as there may be";
}

impl ImportReason {
    /// Why a store did not take something.
    pub(super) fn of(outcome: ImportOutcome) -> Option<Self> {
        match outcome {
            ImportOutcome::Taken | ImportOutcome::Held => None,
            ImportOutcome::Already => Some(Self::Already),
            ImportOutcome::Conflict => Some(Self::Conflict),
            ImportOutcome::Homeless => Some(Self::Homeless),
            ImportOutcome::HomeHeld => Some(Self::HomeHeld),
            ImportOutcome::Orphan => Some(Self::Orphan),
            ImportOutcome::NameTaken => Some(Self::NameTaken),
            ImportOutcome::TooMany => Some(Self::TooMany),
        }
    }
}

/// Rows of one table that were not taken for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeftOut {
    /// Their table, as the other product calls it.
    pub table: String,
    /// Why.
    pub reason: ImportReason,
    /// How many.
    pub count: u64,
    /// The numbers (`rowid`) of the first of them.
    pub rows: Vec<i64>,
}

/// What an import has come to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportReport {
    /// How many rows of each table were taken. Of those of `memory` and `memory_versions`, what is held back is counted too.
    pub taken: BTreeMap<String, u64>,
    /// How many of them are held back until an operator has looked at them.
    pub held: u64,
    /// What was not taken, by table and reason.
    pub not_taken: Vec<LeftOut>,
    /// Tables that nothing is taken from, and how many rows they have.
    pub other_tables: BTreeMap<String, u64>,
}

impl ImportReport {
    /// Whether something was refused.
    #[must_use]
    pub fn has_refusals(&self) -> bool {
        self.not_taken.iter().any(|left| left.reason.is_refusal())
    }

    pub(super) fn take(&mut self, table: SourceTable, is_held: bool) {
        *self.taken.entry(table.as_str().to_owned()).or_default() += 1;
        self.held += u64::from(is_held);
    }

    pub(super) fn leave(&mut self, table: SourceTable, row: i64, reason: ImportReason) {
        let known =
            self.not_taken.iter_mut().find(|left| left.table == table.as_str() && left.reason == reason);
        if let Some(known) = known {
            known.count += 1;
            if known.rows.len() < EXAMPLES {
                known.rows.push(row);
            }
            return;
        }
        self.not_taken.push(LeftOut { table: table.as_str().to_owned(), reason, count: 1, rows: vec![row] });
        let order = |left: &LeftOut| {
            (SourceTable::ALL.iter().position(|table| table.as_str() == left.table), left.reason)
        };
        self.not_taken.sort_by_key(order);
    }
}
