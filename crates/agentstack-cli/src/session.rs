//! `agentstack session`

use std::sync::Arc;

use agentstack::core::SessionId;
use agentstack::{AgentStack, Caller, Claim, Command as Call, ErrorCode, command};
use anyhow::anyhow;

use crate::Verdict;

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// List all live sessions.
    List,
    /// End a session: delete its memory for good.
    End {
        /// Which.
        id: SessionId,
    },
}

pub(crate) async fn run(stack: AgentStack, command: Command, as_json: bool) -> anyhow::Result<Verdict> {
    let call = match command {
        Command::List => Call::ActiveSessions(command::ActiveSessions { claim: Claim::none() }),
        Command::End { id } => Call::EndSession(command::EndSession { claim: Claim::session(id) }),
    };
    let operator = Caller::new(Arc::new(AgentStack::operator()));
    let answer = stack.engine().call(&operator, call).await;
    stack.close().await;
    match answer {
        Ok(reply) if as_json => println!("{:#}", reply.to_value()),
        Ok(agentstack::Reply::ActiveSessions(active)) => {
            for session in active.sessions {
                println!("{}  started {}  expires {}", session.id, session.started_at, session.expires_at);
            }
        }
        Ok(reply) => println!("{}", reply.to_value()),
        Err(error) if error.code() == ErrorCode::NotFound => {
            eprintln!("agentstack: there is no such session");
            return Ok(Verdict::Wrong);
        }
        Err(error) => return Err(anyhow!("{}", error.message())),
    }
    Ok(Verdict::Well)
}
