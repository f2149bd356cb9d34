//! `agentstack token`

use agentstack::core::limits::TOKEN_AGE_MAX_SECONDS;
use agentstack::{AgentStack, Reply, Role};
use anyhow::anyhow;
use serde_json::{Value, json};

use crate::Verdict;
use crate::operator::{Refused, call};

const DAY_SECONDS: u32 = 24 * 60 * 60;

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Make a token for a program and print it: the one time that it is shown.
    Create(Create),
    /// List the tokens there are and what each is good for.
    List,
    /// Revoke a token: it is unknown from the next call on, in every process.
    Revoke {
        /// Its id, as `token list` shows it.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        id: Option<String>,
        /// All that there are, or all of a subject.
        #[arg(long)]
        all: bool,
        /// Whose, with --all.
        #[arg(long, value_name = "NAME", requires = "all")]
        subject: Option<String>,
    },
}

#[derive(clap::Args)]
pub(crate) struct Create {
    /// Who will show it. Sessions belong to the subject: a new token of the same one takes over.
    #[arg(long, value_name = "NAME")]
    subject: String,
    /// Its role in the policy: operator, developer, viewer or agent.
    #[arg(long)]
    role: Role,
    /// The one agent it speaks for.
    #[arg(long, value_name = "ID")]
    agent: Option<String>,
    /// An operation it is good for; may be given several times [default: all that the role may do].
    #[arg(long = "operation", value_name = "NAME")]
    operations: Option<Vec<String>>,
    /// A shared namespace it reaches; may be given several times [default: all that the role may].
    #[arg(long = "namespace", value_name = "NAME")]
    namespaces: Option<Vec<String>>,
    /// After how many days it ends by itself [default: never].
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=i64::from(TOKEN_AGE_MAX_SECONDS / DAY_SECONDS)))]
    expires_in_days: Option<u32>,
}

impl Create {
    fn arguments(self) -> Value {
        json!({
            "subject": self.subject,
            "role": self.role.as_str(),
            "agentId": self.agent,
            "operations": self.operations,
            "namespaces": self.namespaces,
            "expiresInSeconds": self.expires_in_days.map(|days| days * DAY_SECONDS),
        })
    }
}

pub(crate) async fn run(stack: AgentStack, command: Command, as_json: bool) -> anyhow::Result<Verdict> {
    let done = match command {
        Command::Create(create) => call(&stack, "token_create", create.arguments()).await,
        Command::List => list(&stack).await,
        Command::Revoke { id: Some(id), .. } => call(&stack, "token_revoke", json!({ "id": id })).await,
        Command::Revoke { subject, .. } => {
            let revoked = revoke_all(&stack, subject.as_deref()).await;
            stack.close().await;
            return tell_revoked(revoked, as_json);
        }
    };
    stack.close().await;
    match done {
        Ok(reply) if as_json => println!("{:#}", reply.to_value()),
        Ok(Reply::CreateToken(made)) => {
            eprintln!("Token {} of {}. Keep it: it is not shown again.", made.token.id, made.token.subject);
            println!("{}", made.secret.reveal());
        }
        Ok(Reply::ListTokens(tokens)) => {
            for token in tokens.tokens {
                let limits = json!({ "operations": token.operations, "namespaces": token.namespaces });
                let until =
                    token.expires_at.map_or_else(|| "no end".to_owned(), |end| format!("until {end}"));
                let agent = token.agent_id.map_or_else(String::new, |agent| format!("  agent {agent}"));
                println!("{}  {}  {}{agent}  {until}  {limits}", token.id, token.role, token.subject);
            }
        }
        Ok(_) => println!("Revoked."),
        Err(Refused::Absent) => {
            eprintln!("agentstack: there is no such token");
            return Ok(Verdict::Wrong);
        }
        Err(Refused::Other(error)) => return Err(error),
    }
    Ok(Verdict::Well)
}

/// Revokes the tokens of a subject, or all.
async fn revoke_all(stack: &AgentStack, subject: Option<&str>) -> Result<u64, Refused> {
    let Reply::ListTokens(listed) = list(stack).await? else {
        return Err(Refused::Other(anyhow!("an answer to another question")));
    };
    let mut revoked = 0;
    for token in listed.tokens.iter().filter(|token| subject.is_none_or(|it| it == token.subject.as_str())) {
        match call(stack, "token_revoke", json!({ "id": token.id })).await {
            Ok(_) => revoked += 1,
            // Somebody was faster.
            Err(Refused::Absent) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(revoked)
}

fn tell_revoked(revoked: Result<u64, Refused>, as_json: bool) -> anyhow::Result<Verdict> {
    match revoked {
        Ok(revoked) if as_json => println!("{:#}", json!({ "revoked": revoked })),
        Ok(revoked) => println!("{revoked} tokens are revoked."),
        Err(Refused::Absent) => {}
        Err(Refused::Other(error)) => return Err(error),
    }
    Ok(Verdict::Well)
}

/// All pages as one.
async fn list(stack: &AgentStack) -> Result<Reply, Refused> {
    let mut all = None;
    let mut arguments = json!({ "limit": 100 });
    loop {
        let Reply::ListTokens(mut page) = call(stack, "token_list", arguments).await? else {
            return Err(Refused::Other(anyhow!("an answer to another question")));
        };
        let next = page.next_cursor.take();
        let listed = match all.take() {
            None => page,
            Some(agentstack::view::ListTokensView { mut tokens, .. }) => {
                tokens.append(&mut page.tokens);
                agentstack::view::ListTokensView { count: tokens.len(), tokens, next_cursor: None }
            }
        };
        let Some(next) = next else { return Ok(Reply::ListTokens(listed)) };
        arguments = json!({ "limit": 100, "cursor": next });
        all = Some(listed);
    }
}
