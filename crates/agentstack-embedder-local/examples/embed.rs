//! Prints the vector of each line of standard input as a JSON array.
//!
//! `cargo run --release -p agentstack-embedder-local --example embed -- FOLDER < lines`
#![expect(clippy::print_stdout, reason = "it is what it is for")]

use std::io::BufRead as _;

use agentstack_embedder_local::LocalModel;
use agentstack_providers::{EmbedRequest, Embedder as _};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("name the folder of a model")?;
    let model = LocalModel::open(folder);
    for line in std::io::stdin().lock().lines() {
        let request = EmbedRequest { model: String::new(), texts: vec![line?] };
        for vector in model.embed(&request).await?.vectors {
            println!("{}", serde_json::to_string(&vector)?);
        }
    }
    Ok(())
}
