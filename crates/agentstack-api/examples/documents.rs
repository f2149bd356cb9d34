//! Writes the generated documents into the folder given: `mcp-tools.json`, `openapi.json`, `operations.md`,
//! `policy.cedarschema`, and `builtin.decisions`, which is a source of agentstack-access.

use std::io::{Error, ErrorKind};
use std::path::PathBuf;

use agentstack_access::{builtin_decisions, policy_schema};
use agentstack_api::{all_operations, document};

fn main() -> std::io::Result<()> {
    let folder = std::env::args_os()
        .nth(1)
        .map(PathBuf::from)
        .ok_or_else(|| Error::new(ErrorKind::InvalidInput, "usage: documents FOLDER"))?;
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("mcp-tools.json"), document::tools_json())?;
    std::fs::write(folder.join("openapi.json"), document::openapi_json())?;
    std::fs::write(folder.join("operations.md"), document::operations_markdown())?;
    std::fs::write(folder.join("policy.cedarschema"), policy_schema(&all_operations()))?;
    std::fs::write(folder.join("builtin.decisions"), builtin_decisions(&all_operations()))
}
