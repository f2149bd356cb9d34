//! The table of operations: what there is, and everything that is derived from it.
//!
//! **Invariant:** an operation that is not a row of this table does not exist, on any transport.

mod internal;
mod reply;
mod route;
mod spec;

use agentstack_access::Operation;
use serde_json::{Map, Value};

pub use self::internal::{
    AUDIT_CHECKPOINT, AUDIT_EXPORT, AUDIT_VERIFY, DB_BACKUP, DB_REKEY, DB_RESTORE, HOUSEKEEPING,
    INTERNAL_OPERATIONS, MEMORY_EMBED, MEMORY_EXPORT, MEMORY_IMPORT, METRICS_READ, PLUGIN_FETCH,
    PLUGIN_INSTALL, PLUGIN_LOAD,
};
pub use self::route::{Method, Route};
pub use self::table::{Command, OPERATIONS, Reply};
use crate::{ErrorCode, InputError};

/// A row of the table.
#[derive(Debug)]
pub struct Spec {
    /// What access needs to know of it.
    pub operation: Operation,
    /// Whether it is an MCP tool. What looks after the installation is not offered to models.
    pub is_tool: bool,
    /// Its routes, the preferred one first.
    pub routes: &'static [Route],
    /// Its name for people.
    pub title: &'static str,
    /// What it does and when to use it, for a model.
    pub description: &'static str,
    /// The errors it can have besides those that every operation can have.
    pub errors: &'static [ErrorCode],
    /// The schema of its arguments, in brief: for models, and for the rules that errors name.
    pub input_schema: fn() -> &'static Value,
    /// The schema of its answer, in brief.
    pub output_schema: fn() -> &'static Value,
    /// The schema of its arguments, in full: for programs.
    pub exact_input_schema: fn() -> &'static Value,
    /// The schema of its answer, in full.
    pub exact_output_schema: fn() -> &'static Value,
    parse: fn(Map<String, Value>) -> Result<Command, InputError>,
}

/// All that a policy decides about: the table, and what the product does besides.
#[must_use]
pub fn all_operations() -> Vec<&'static Operation> {
    OPERATIONS.iter().map(|spec| &spec.operation).chain(INTERNAL_OPERATIONS.iter().copied()).collect()
}

/// The row of the operation with this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Spec> {
    OPERATIONS.iter().copied().find(|spec| spec.operation.name == name)
}

/// Reads the arguments of a call.
///
/// # Errors
/// The first field that breaks its rule.
pub fn parse(spec: &Spec, arguments: Map<String, Value>) -> Result<Command, InputError> {
    (spec.parse)(arguments)
}

/// Where an operation is offered.
enum Surface {
    /// As a tool and over REST.
    Everywhere,
    /// Over REST and at the command line: it looks after the installation.
    Operators,
}

impl Surface {
    const fn has_tools(self) -> bool {
        matches!(self, Self::Everywhere)
    }
}

/// A schema that is made when it is first asked for.
macro_rules! schema_once {
    ($make:expr) => {
        || {
            static SCHEMA: LazyLock<Value> = LazyLock::new($make);
            &SCHEMA
        }
    };
}

macro_rules! operations {
    ($($row:ident $name:literal $effect:ident $reach:ident $surface:ident {
        $request:ident => $command:ident => $view:ident,
        routes: [$($route:expr),*],
        errors: [$($error:ident),*],
        title: $title:literal,
        description: $description:literal,
    })*) => {
        $(pub(super) static $row: Spec = Spec {
            operation: Operation { name: $name, effect: Effect::$effect, reach: Reach::$reach },
            is_tool: Surface::$surface.has_tools(),
            routes: &[$($route),*],
            title: $title,
            description: $description,
            errors: &[$(ErrorCode::$error),*],
            input_schema: schema_once!(schema::of_input::<request::$request>),
            output_schema: schema_once!(schema::of_output::<view::$view>),
            exact_input_schema: schema_once!(schema::exact_input::<request::$request>),
            exact_output_schema: schema_once!(schema::exact_output::<view::$view>),
            parse: |arguments| {
                let request: request::$request = input::read(&$row, arguments)?;
                Ok(Command::$command(command::$command::try_from(request)?))
            },
        };)*

        /// Every operation.
        pub static OPERATIONS: &[&Spec] = &[$(&$row),*];

        /// A call, every value checked.
        #[derive(Debug, Clone)]
        pub enum Command {
            $(#[doc = concat!("`", $name, "`")] $command(command::$command),)*
        }

        impl Command {
            /// What is asked for, as access sees it.
            #[must_use]
            pub fn operation(&self) -> &'static Operation {
                match self {
                    $(Self::$command(_) => &$row.operation,)*
                }
            }

            /// What the call says it is about.
            #[must_use]
            pub fn claim(&self) -> &Claim {
                match self {
                    $(Self::$command(command) => &command.claim,)*
                }
            }
        }

        /// The answer to a call.
        #[derive(Serialize)]
        #[serde(untagged)]
        pub enum Reply {
            $(#[doc = concat!("`", $name, "`")] $command(view::$view),)*
        }

        impl Reply {
            /// The operation that was asked for.
            #[must_use]
            pub fn operation(&self) -> &'static Operation {
                match self {
                    $(Self::$command(_) => &$row.operation,)*
                }
            }
        }
    };
}

// After the macros that it is written in.
mod table;
