//! What the product does by itself, or for operators besides the table.

use agentstack_access::{Effect, Operation, Reach};

/// What the product does besides, which no request asks for by name. A policy knows these too.
pub static INTERNAL_OPERATIONS: &[&Operation] = &[
    &AUDIT_VERIFY,
    &AUDIT_CHECKPOINT,
    &AUDIT_EXPORT,
    &DB_BACKUP,
    &DB_REKEY,
    &DB_RESTORE,
    &HOUSEKEEPING,
    &MEMORY_EMBED,
    &MEMORY_EXPORT,
    &MEMORY_IMPORT,
    &METRICS_READ,
    &PLUGIN_INSTALL,
    &PLUGIN_LOAD,
    &PLUGIN_FETCH,
];

/// Reading the whole audit log, to prove it.
pub static AUDIT_VERIFY: Operation =
    Operation { name: "audit_verify", effect: Effect::Read, reach: Reach::Principal };
/// Signing the audit log.
pub static AUDIT_CHECKPOINT: Operation =
    Operation { name: "audit_checkpoint", effect: Effect::Write, reach: Reach::Principal };
/// Taking records of the audit log out of it, as many as there are.
pub static AUDIT_EXPORT: Operation =
    Operation { name: "audit_export", effect: Effect::Read, reach: Reach::Principal };
/// Copying the whole database.
pub static DB_BACKUP: Operation =
    Operation { name: "db_backup", effect: Effect::Read, reach: Reach::Principal };
/// Giving the database another key.
pub static DB_REKEY: Operation =
    Operation { name: "db_rekey", effect: Effect::Write, reach: Reach::Principal };
/// Putting a backup in the place of a database.
pub static DB_RESTORE: Operation =
    Operation { name: "db_restore", effect: Effect::Write, reach: Reach::Principal };
/// What time demands.
pub static HOUSEKEEPING: Operation =
    Operation { name: "housekeeping", effect: Effect::Write, reach: Reach::Principal };

/// Making vectors of entries: their texts go to the embedder.
pub static MEMORY_EMBED: Operation =
    Operation { name: "embedding", effect: Effect::Write, reach: Reach::Principal };

/// Taking shared memory out of the product, as much as there is. What is permitted on a namespace is taken out of it.
pub static MEMORY_EXPORT: Operation =
    Operation { name: "memory_export", effect: Effect::Read, reach: Reach::Namespaces };

/// Taking over what another product or another installation has kept, into whatever namespace and for whomever.
pub static MEMORY_IMPORT: Operation =
    Operation { name: "memory_import", effect: Effect::Write, reach: Reach::Principal };

/// Installing a plugin, which is done by hand at the machine.
pub static PLUGIN_INSTALL: Operation =
    Operation { name: "plugin_install", effect: Effect::Write, reach: Reach::Principal };
/// Loading a plugin, because it is called or because its tools are listed.
pub static PLUGIN_LOAD: Operation =
    Operation { name: "plugin_load", effect: Effect::Read, reach: Reach::Principal };
/// What a plugin asks of a host.
pub static PLUGIN_FETCH: Operation =
    Operation { name: "plugin_fetch", effect: Effect::Write, reach: Reach::Session };

/// Reading the figures of the whole installation.
pub static METRICS_READ: Operation =
    Operation { name: "metrics:read", effect: Effect::Read, reach: Reach::Principal };
