//! The picture of the crates in the README and in docs/architecture.md, from `layers.toml`.

use anyhow::Result;

use crate::codegen::{Wanted, markers};
use crate::layers::{Layers, mermaid, table};
use crate::workspace;

const README: &str = "README.md";
const ARCHITECTURE: &str = "docs/architecture.md";

pub(super) fn wanted() -> Result<Vec<Wanted>> {
    let layers = Layers::load()?;
    let picture = mermaid(&layers);
    let with_table = format!("{picture}\n\n{}", table(&layers));
    Ok(vec![part(README, &picture)?, part(ARCHITECTURE, &with_table)?])
}

fn part(path: &str, body: &str) -> Result<Wanted> {
    let text = markers::fill(path, &workspace::read(path)?, "crates", body)?;
    Ok(Wanted::text(path, text))
}
