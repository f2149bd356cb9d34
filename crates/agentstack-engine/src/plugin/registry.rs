//! What is installed: install, list, show, enable, disable, remove.

use std::time::Instant;

use agentstack_access::{Caller, Scope};
use agentstack_api::ErrorBody;
use agentstack_api::command::{ListPlugins, ShowPlugin};
use agentstack_api::operations::PLUGIN_INSTALL;
use agentstack_api::view::{ListPluginsView, PluginChangedView, PluginToolView, PluginView, ShowPluginView};
use agentstack_audit::Draft;
use agentstack_core::{Namespace, PluginName};
use agentstack_guard::screen_text;
use agentstack_plugins::{
    ContentHash, Excess, FolderProblem, Granted, Grants, KeyId, Manifest, PackageFolder, Pin, Refused,
    Succession, Verified,
};
use agentstack_storage::{Pending, PluginRecord, PluginState, StorageError};
use serde_json::{Map, Value};

use super::{grants, pin};
use crate::Engine;
use crate::failure::Failure;

/// What is about to be installed, and what is there before it.
#[derive(Debug)]
pub struct Installing {
    /// What was verified.
    pub verified: Verified,
    /// How it follows what is there; `None` if nothing of that name is installed.
    pub succession: Option<Succession>,
    /// What the version before it was granted, as far as this one asks for it.
    pub carried_over: Option<Granted>,
    seen: Option<PluginRecord>,
}

/// Why a plugin is not installed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallProblem {
    /// It does not follow what is there, or was there.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Its words, which reach models, hold what the guard keeps from them.
    #[error("{place} holds what looks like `{kind}`: models would read it, so the plugin is not installed")]
    Unfit {
        /// Where.
        place: String,
        /// What it looks like.
        kind: String,
    },
    /// More was to be granted than it asks for.
    #[error(transparent)]
    Excess(#[from] Excess),
    /// The package cannot be kept.
    #[error(transparent)]
    Folder(#[from] FolderProblem),
    /// The store, the policy or the audit log.
    #[error("{}", .0.message())]
    Call(Box<ErrorBody>),
    /// The registry has changed since it was looked at.
    #[error("the plugin was installed, changed or removed by somebody else meanwhile: look again")]
    Changed,
    /// The thread that wrote the package did not come back.
    #[error("the package was not written to the end")]
    Interrupted,
}

impl From<ErrorBody> for InstallProblem {
    fn from(error: ErrorBody) -> Self {
        Self::Call(Box::new(error))
    }
}

impl Engine {
    /// Looks at what a verified plugin would replace, and at its words. Nothing is changed.
    ///
    /// # Errors
    /// When it cannot be installed, or the caller may not.
    pub async fn plan_plugin(
        &self,
        caller: &Caller,
        verified: Verified,
    ) -> Result<Installing, InstallProblem> {
        let scope = self.authorize_unclaimed(caller, &PLUGIN_INSTALL).await?;
        self.look_at_words(verified.manifest())?;
        let seen = self.store().plugin(&scope, verified.manifest().name()).await;
        let seen = seen.map_err(|error| self.call_problem(caller, error))?;
        let before = seen.as_ref().map(pin).transpose().map_err(|error| self.call_problem(caller, error))?;
        let is_there = seen.as_ref().is_some_and(|seen| seen.state != PluginState::Removed);
        let succession = before.map(|before| {
            let next = verified.pin();
            // What was removed has granted nothing that could be inherited; that versions only rise holds all the same.
            let before = if is_there { before } else { Pin { signer: next.signer, ..before } };
            before.succeeded_by(&next)
        });
        let succession = succession.transpose()?.filter(|_| is_there);
        let before = seen.as_ref().filter(|_| is_there).map(grants).transpose();
        let before = before.map_err(|error| self.call_problem(caller, error))?;
        let carried_over =
            before.map(|before| Granted::carried_over(&before, verified.manifest().requests()));
        Ok(Installing { verified, succession, carried_over, seen })
    }

    /// Installs what was planned, with these grants: it is enabled, unless the version before it was disabled. What was
    /// there is replaced.
    ///
    /// # Errors
    /// When it is not installed. Then what was there is there.
    pub async fn install_plugin(
        &self,
        caller: &Caller,
        packages: &PackageFolder,
        plan: Installing,
        chosen: Grants,
    ) -> Result<(), InstallProblem> {
        let begun = Instant::now();
        let scope = self.authorize_unclaimed(caller, &PLUGIN_INSTALL).await?;
        let Installing { verified, seen, .. } = plan;
        let granted = Granted::new(verified.manifest().requests(), chosen)?;
        let Pin { name, version, hash, signer } = verified.pin();
        let is_disabled = seen.as_ref().is_some_and(|seen| seen.state == PluginState::Disabled);
        let next = PluginRecord {
            name: name.clone(),
            version: version.to_string(),
            hash: *hash.as_bytes(),
            signer: *signer.as_bytes(),
            grants: serde_json::to_string(granted.grants()).unwrap_or_else(|_| "{}".to_owned()),
            state: if is_disabled { PluginState::Disabled } else { PluginState::Enabled },
            installed_at: scope.at(),
            loaded_at: None,
        };
        let keep = packages.clone();
        let kept =
            tokio::task::spawn_blocking(move || keep.keep(verified.manifest().name(), verified.package()));
        kept.await.map_err(|_| InstallProblem::Interrupted)??;
        let draft = self.about_plugin(self.draft(caller, scope.operation().name, None), &name);
        let pending = Pending::new(draft, begun);
        let changed = self.store().change_plugin(&scope, seen.as_ref(), next, pending.clone()).await;
        match changed {
            Ok(()) => {}
            Err(StorageError::Changed) => return Err(InstallProblem::Changed),
            Err(error) => return Err(self.fail(pending, &Failure::from(error)).await.into()),
        }
        self.tell(&pending.close(agentstack_audit::Outcome::Ok, vec![]));
        if let Some(before) = seen.filter(|before| before.hash != *hash.as_bytes()) {
            self.loaded_plugins().forget(before.hash);
            // Nothing loads it any more; what cannot be removed is only in the way.
            let _ = packages.remove(&name, ContentHash::from_bytes(before.hash));
        }
        Ok(())
    }

    /// The words of a manifest reach every model that lists tools: what shared memory would hold back or change is not
    /// installed.
    fn look_at_words(&self, manifest: &Manifest) -> Result<(), InstallProblem> {
        let own = ("the description".to_owned(), manifest.description().to_owned());
        let tools = manifest.tools().iter().flat_map(|tool| {
            let place = |what| format!("the {what} of `{}`", tool.name());
            [
                (place("description"), tool.description().to_owned()),
                (place("input schema"), texts(tool.input().document())),
                (place("output schema"), texts(tool.output().document())),
            ]
        });
        let namespace = Namespace::Shared(self.authorizer().default_namespace().clone());
        for (place, text) in std::iter::once(own).chain(tools) {
            let looked = screen_text(&self.settings().guard, &namespace, &text);
            let kind = match looked {
                Ok(looked) if !looked.quarantine && looked.text.is_none() => continue,
                Ok(looked) => looked
                    .findings
                    .iter()
                    .map(|finding| finding.kind.to_string())
                    .collect::<Vec<_>>()
                    .join(", "),
                Err(refused) => refused.kind.word().to_string(),
            };
            return Err(InstallProblem::Unfit { place, kind });
        }
        Ok(())
    }

    fn call_problem(&self, caller: &Caller, error: StorageError) -> InstallProblem {
        Failure::from(error).body(caller.request, &self.settings().redactor).into()
    }

    pub(crate) async fn list_plugins(
        &self,
        scope: &Scope,
        _: &ListPlugins,
    ) -> Result<ListPluginsView, Failure> {
        let records = self.store().plugins(scope).await?;
        let there = records.iter().filter(|record| record.state != PluginState::Removed);
        let plugins = there.map(view).collect::<Result<Vec<_>, _>>()?;
        Ok(ListPluginsView { count: plugins.len(), plugins })
    }

    pub(crate) async fn show_plugin(
        &self,
        scope: &Scope,
        ask: &ShowPlugin,
    ) -> Result<ShowPluginView, Failure> {
        let record = self.store().plugin(scope, &ask.plugin).await?;
        let record = record.filter(|record| record.state != PluginState::Removed).ok_or(Failure::Absent)?;
        let plugin = view(&record)?;
        let shown = |problem: &str| ShowPluginView {
            plugin: plugin.clone(),
            description: None,
            tools: vec![],
            problem: Some(problem.to_owned()),
        };
        let Some(plugins) = &self.settings().plugins else {
            return Ok(shown("plugins are off: `plugins.enabled` is false"));
        };
        match self.manifest_of(plugins, &record, scope.request()).await {
            Ok(entry) => {
                let Some(manifest) = entry.manifest() else { return Err(Failure::Absent) };
                let description = Some(manifest.description().to_owned());
                let tools = manifest.tools().iter().map(|tool| PluginToolView {
                    name: manifest.name().offered(tool.name()),
                    tool: tool.name().clone(),
                    description: tool.description().to_owned(),
                    input_schema: object(tool.input().document()),
                    output_schema: object(tool.output().document()),
                });
                Ok(ShowPluginView { description, tools: tools.collect(), problem: None, plugin })
            }
            // Its own words could be anything of the machine: paths are for whoever looks after it.
            Err(Failure::PluginNotLoaded(_)) if !scope.principal().is_operator() => {
                Ok(shown("it cannot be loaded"))
            }
            Err(Failure::PluginNotLoaded(problem)) => Ok(shown(&problem.to_string())),
            Err(failure) => Err(failure),
        }
    }

    /// Brings a plugin into another state. The change is recorded; that there was none is not an error.
    pub(crate) async fn change_plugin(
        &self,
        scope: &Scope,
        name: &PluginName,
        to: PluginState,
        pending: Pending,
    ) -> Result<(PluginChangedView, bool), Failure> {
        let seen = self.store().plugin(scope, name).await?;
        let seen = seen.filter(|seen| seen.state != PluginState::Removed).ok_or(Failure::Absent)?;
        if seen.state == to {
            return Ok((PluginChangedView { success: true, changed: false }, false));
        }
        let removed = to == PluginState::Removed;
        let grants = if removed { "{}".to_owned() } else { seen.grants.clone() };
        let next = PluginRecord { state: to, grants, ..seen.clone() };
        let hash = seen.hash;
        self.store().change_plugin(scope, Some(&seen), next, pending).await?;
        if removed {
            self.loaded_plugins().forget(hash);
            if let Some(plugins) = &self.settings().plugins {
                let _ = plugins.packages.remove(name, ContentHash::from_bytes(hash));
            }
        }
        Ok((PluginChangedView { success: true, changed: true }, true))
    }

    /// A record that is about a plugin.
    pub(crate) fn about_plugin(&self, draft: Draft, name: &PluginName) -> Draft {
        Draft { resource: Some(self.hash_of_plugin(name)), ..draft }
    }
}

fn view(record: &PluginRecord) -> Result<PluginView, Failure> {
    let grants = serde_json::from_str(&record.grants)
        .map_err(|_| StorageError::damaged("what a plugin was granted"))?;
    Ok(PluginView {
        name: record.name.clone(),
        version: record.version.clone(),
        state: record.state.as_str(),
        hash: ContentHash::from_bytes(record.hash).to_string(),
        signer: KeyId::from_bytes(record.signer).to_string(),
        grants,
        installed_at: record.installed_at,
        loaded_at: record.loaded_at,
    })
}

fn object(schema: &Value) -> Map<String, Value> {
    schema.as_object().cloned().unwrap_or_default()
}

/// All texts of a schema, one a line: names of properties too.
fn texts(value: &Value) -> String {
    let mut lines = vec![];
    gather(value, &mut lines);
    lines.join("\n")
}

fn gather<'a>(value: &'a Value, lines: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => lines.push(text),
        Value::Array(items) => items.iter().for_each(|item| gather(item, lines)),
        Value::Object(members) => {
            for (name, member) in members {
                lines.push(name);
                gather(member, lines);
            }
        }
        _ => {}
    }
}
