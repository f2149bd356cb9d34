//! `agentstack init`

use std::path::PathBuf;

use agentstack::{AgentStack, Options};
use serde_json::json;

use crate::{Verdict, config};

/// Makes what is not there: configuration, key and database. What is there is used as it is.
pub(crate) async fn run(file: Option<PathBuf>, as_json: bool) -> anyhow::Result<Verdict> {
    let (file, is_new) = config::find_or_make(file)?;
    // Without what serves: the program would have the compiler of plugins in it.
    let options = Options::load_or_make(Some(file.clone()), false)?;
    let database = options.database.clone();
    let had_database = database.exists();
    AgentStack::open(options).await?.close().await;
    let (file, database) = (file.display().to_string(), database.display().to_string());
    if as_json {
        println!(
            "{:#}",
            json!({ "config": file, "madeConfig": is_new, "database": database, "madeDatabase": !had_database })
        );
        return Ok(Verdict::Well);
    }
    let word = |is_new| if is_new { "Made" } else { "Using" };
    println!("{} {file}.", word(is_new));
    println!("{} {database}.", word(!had_database));
    println!("Next: agentstack doctor, then name the server to your client: agentstack-mcp --config {file}");
    Ok(Verdict::Well)
}
