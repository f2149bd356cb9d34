//! The host of code of a configuration.

use std::sync::Arc;

use agentstack_engine::CodeHosting;
use agentstack_github::{AllowedRepositories, Confinement, GhCli, GhProblem, GhSettings};

use crate::config::Config;

/// Whether the program is there, and how far it would be confined; if the configuration turns it on.
pub(crate) fn confinement(config: &Config) -> Result<Option<(bool, Confinement)>, GhProblem> {
    let Some(gh) = gh(config)? else { return Ok(None) };
    Ok(Some((gh.has_program(), gh.confinement())))
}

/// The host of code, if the configuration turns it on. `gh` need not be there yet, and is not run.
pub(crate) fn code_host(config: &Config) -> Result<Option<CodeHosting>, GhProblem> {
    let Some(gh) = gh(config)? else { return Ok(None) };
    if !matches!(gh.confinement(), Confinement::Full | Confinement::Off) {
        tracing::warn!(sandbox = gh.confinement().as_str(), "gh is not confined as far as it could be");
    }
    let patterns = config.github.repositories.iter().filter_map(|pattern| pattern.parse().ok()).collect();
    Ok(Some(CodeHosting { host: Arc::new(gh), allowed: AllowedRepositories::new(patterns) }))
}

fn gh(config: &Config) -> Result<Option<GhCli>, GhProblem> {
    let section = &config.github;
    if !section.enabled || !config.egress.enabled {
        return Ok(None);
    }
    let around = &section.around;
    // With a token it needs no login of the user's, and is given none.
    let users = around.config_directory.clone().filter(|_| section.token.is_none());
    let settings = GhSettings {
        program: section.program.clone(),
        search: around.search.clone(),
        // Both were checked when the configuration was read.
        host: section.host.parse().unwrap_or_default(),
        token: section.token.clone(),
        config_directory: section.config_directory.clone().or(users),
        session_bus: around.session_bus.clone(),
        sandbox: section.sandbox,
        ..GhSettings::default()
    };
    Ok(Some(GhCli::new(settings)?))
}
