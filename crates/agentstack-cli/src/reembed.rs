//! `agentstack memory reembed`

use std::sync::Arc;
use std::time::Duration;

use agentstack::{AgentStack, EmbeddingStep, Reembedding};
use anyhow::anyhow;
use serde_json::json;

use crate::Verdict;
use crate::terminal::Meter;

/// How often it is looked how far another process has come.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Makes every entry wait that has no vector of the configured model, and embeds what waits. Stopped in the middle, it goes
/// on when it is started again, or when a server runs.
pub(crate) async fn run(stack: AgentStack, as_json: bool) -> anyhow::Result<Verdict> {
    let done = embed(&stack, as_json).await;
    stack.close().await;
    done
}

async fn embed(stack: &AgentStack, as_json: bool) -> anyhow::Result<Verdict> {
    let operator = Arc::new(AgentStack::operator());
    if !stack.engine().has_embedder() {
        let field = "memory.vectorSearch.enabled";
        anyhow::bail!("search by meaning is off: set `{field}` in the configuration");
    }
    let begun = stack.engine().reembed(Arc::clone(&operator)).await;
    let begun =
        begun.map_err(|error| anyhow!("{} The log says more with AGENTSTACK_LOG=warn.", error.message()))?;
    announce(&begun, as_json);
    let (mut meter, mut made) = (Meter::of_things(as_json), 0);
    loop {
        let pause = match stack.engine().embed_some().await {
            EmbeddingStep::Done(some) => {
                made += some;
                meter.at("vectors", made, begun.waiting);
                continue;
            }
            EmbeddingStep::Idle => break,
            EmbeddingStep::Elsewhere => LOOK_EVERY,
            EmbeddingStep::Later(pause) => {
                let told = format!("the provider does not answer; again in {} s", pause.as_secs());
                meter.at(told, made, begun.waiting);
                pause
            }
        };
        tokio::time::sleep(pause).await;
        let figures = stack.engine().embedding_figures(Arc::clone(&operator)).await;
        let figures = figures.map_err(|error| anyhow!("{}", error.message()))?;
        made = begun.waiting.saturating_sub(figures.waiting);
        meter.at("vectors", made, begun.waiting);
    }
    drop(meter);
    let figures = stack.engine().embedding_figures(operator).await;
    let figures = figures.map_err(|error| anyhow!("{}", error.message()))?;
    let vectors = figures.models.iter().find(|of| of.model == begun.model).map_or(0, |of| of.vectors);
    if as_json {
        let done = json!({
            "model": begun.model.name,
            "dimension": begun.model.dimension,
            "embedded": begun.waiting.saturating_sub(figures.failed),
            "vectors": vectors,
            "failed": figures.failed,
            "declined": figures.declined,
        });
        println!("{done:#}");
    } else {
        println!("{vectors} entries have a vector of {}.", begun.model);
        if figures.failed > 0 {
            println!("Of {} the provider made none; they are found by their words.", figures.failed);
        }
        if figures.declined > 0 {
            println!("{} are to have none.", figures.declined);
        }
    }
    Ok(if figures.failed == 0 { Verdict::Well } else { Verdict::Wrong })
}

fn announce(begun: &Reembedding, as_json: bool) {
    if as_json {
        return;
    }
    for of in begun.before.models.iter().filter(|of| of.model != begun.model) {
        println!("{} vectors of {} are replaced.", of.vectors, of.model);
    }
    println!("{} entries wait for a vector of {}.", begun.waiting, begun.model);
}
