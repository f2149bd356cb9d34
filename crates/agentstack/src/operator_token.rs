//! The operator's first token: whoever starts the server has to be able to call it, and nobody else.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use agentstack_access::{Caller, Claim, Limits, Role};
use agentstack_api::command::{CreateToken, ListTokens};
use agentstack_api::{Command, ErrorBody, Reply};
use agentstack_core::TokenId;
use agentstack_storage_sqlite::{FileProblem, create_private_folder, private_file};

use crate::AgentStack;

/// Why there is no first token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenProblem {
    /// The store did not keep it.
    #[error("the operator's first token could not be made: {}", .0.message())]
    Refused(ErrorBody),
    /// The file.
    #[error("the operator's first token could not be kept")]
    File(#[from] FileProblem),
    /// Nobody knows where to put it.
    #[error("there is no folder for the operator's first token: set HOME or XDG_CONFIG_HOME")]
    NoFolder,
}

impl AgentStack {
    /// Makes a token for the operator if there is no token at all, and puts it into a file of its own, mode 0600, in
    /// `folder`. Returns where. The token itself is shown nowhere else.
    ///
    /// # Errors
    /// When it cannot be made or kept. Then there is none.
    pub async fn make_first_token(&self, folder: Option<&Path>) -> Result<Option<PathBuf>, TokenProblem> {
        let operator = || Caller::new(Arc::new(Self::operator()));
        let any = Command::ListTokens(ListTokens { claim: Claim::none(), limit: 1, before: None });
        match self.engine().call(&operator(), any).await.map_err(TokenProblem::Refused)? {
            Reply::ListTokens(tokens) if tokens.count == 0 => {}
            _ => return Ok(None),
        }
        let folder = folder.ok_or(TokenProblem::NoFolder)?;
        create_private_folder(folder)?;
        // The file first: a token that nobody has must not be left behind.
        let path = folder.join(format!("operator-{}.token", TokenId::generate()));
        let mut file = private_file(&path, true)?;
        let made = self.engine().call(&operator(), Command::CreateToken(for_operator())).await;
        let kept = match made {
            Ok(Reply::CreateToken(view)) => keep(&mut file, view.secret.reveal(), folder)
                .map_err(|source| TokenProblem::File(FileProblem::Io { path: path.clone(), source })),
            Ok(_) => Ok(()),
            Err(error) => Err(TokenProblem::Refused(error)),
        };
        if let Err(problem) = kept {
            let _ = std::fs::remove_file(&path);
            return Err(problem);
        }
        Ok(Some(path))
    }
}

fn for_operator() -> CreateToken {
    #[expect(clippy::expect_used, reason = "a constant that the tests have parsed")]
    let subject = "operator".parse().expect("`operator` is a name");
    CreateToken {
        claim: Claim::none(),
        subject,
        role: Role::Operator,
        agent: None,
        limits: Limits::default(),
        expires_in_seconds: None,
    }
}

fn keep(file: &mut File, token: &str, folder: &Path) -> std::io::Result<()> {
    file.write_all(token.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    File::open(folder)?.sync_all()
}
