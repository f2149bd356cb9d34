//! Plugins: what is installed, what is offered, what a call can reach, and what is recorded of it. What runs here is not
//! WebAssembly but a script with the same questions to ask; the sandbox has tests of its own.

mod calls;
mod registry;

use std::path::Path;
use std::sync::{Arc, LazyLock};

use agentstack_access::{Caller, Principal};
use agentstack_core::Secret;
use agentstack_engine::{InstallProblem, PluginConfig, Plugins, Settings};
use agentstack_plugins::testing::{Everywhere, Scripts};
pub(crate) use agentstack_plugins::testing::{manifest, package};
use agentstack_plugins::{Grants, Package, PackageFolder, SecretKey, TrustedKeys, Verified, verify};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::World;

/// The signer of the tests.
pub(crate) static KEY: LazyLock<SecretKey> = LazyLock::new(|| SecretKey::generate().unwrap());
/// Another one.
static OTHER: LazyLock<SecretKey> = LazyLock::new(|| SecretKey::generate().unwrap());
pub(crate) fn trusting(keys: &[&SecretKey], revoked: &[&SecretKey]) -> TrustedKeys {
    let texts = |keys: &[&SecretKey]| -> Vec<String> {
        keys.iter().map(|key| key.public_key().unwrap().to_string()).collect()
    };
    TrustedKeys::parse(&texts(keys), &texts(revoked)).unwrap()
}

pub(crate) fn verified(package: Package) -> Verified {
    verify(package, &trusting(&[&KEY, &OTHER], &[])).unwrap()
}

/// What runs scripts whose packages are in this folder.
pub(crate) fn plugins(folder: &Path) -> Plugins {
    let secret = |text: &str| Secret::new(text.to_owned());
    let config: PluginConfig =
        [("greeter".parse().unwrap(), [("apiKey".parse().unwrap(), secret("the key of a host"))].into())]
            .into();
    Plugins {
        host: Arc::new(Scripts::default()),
        packages: PackageFolder::new(folder.to_owned()),
        keys: Arc::new(trusting(&[&KEY, &OTHER], &[])),
        web: Arc::new(Everywhere::default()),
        config: Arc::new(config),
    }
}

/// Installs a version with all that it asks for.
pub(crate) async fn install(
    world: &World,
    plugins: &Plugins,
    package: Package,
) -> Result<(), InstallProblem> {
    let grants = package.unverified_manifest().unwrap().requests().clone();
    install_with(world, plugins, package, grants).await
}

async fn install_with(
    world: &World,
    plugins: &Plugins,
    package: Package,
    grants: Grants,
) -> Result<(), InstallProblem> {
    let operator = Caller::new(Arc::new(Principal::operator("root")));
    let plan = world.engine.plan_plugin(&operator, verified(package)).await?;
    world.engine.install_plugin(&operator, &plugins.packages, plan, grants).await
}

/// A world with a plugin of its own, and what runs it.
struct Workshop {
    world: World,
    plugins: Plugins,
    web: Arc<Everywhere>,
    scripts: Arc<Scripts>,
    folder: TempDir,
}

impl Workshop {
    /// Nothing is installed in it.
    fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (web, scripts) = (Arc::new(Everywhere::default()), Arc::new(Scripts::default()));
        let plugins = Plugins {
            web: Arc::clone(&web) as _,
            host: Arc::clone(&scripts) as _,
            ..plugins(&folder.path().join("plugins"))
        };
        let world = World::with_settings(Settings {
            plugins: Some(plugins.clone()),
            watch: None,
            ..Settings::default()
        });
        Self { world, plugins, web, scripts, folder }
    }

    /// The plugin is installed with all that it asks for.
    async fn open() -> Self {
        let workshop = Self::empty();
        workshop.install("1.0.0").await.unwrap();
        workshop
    }

    async fn install(&self, version: &str) -> Result<(), InstallProblem> {
        install(&self.world, &self.plugins, package(&manifest(version), b"script", &KEY)).await
    }

    /// Another process over the same database, with other keys.
    fn beside(&self, keys: TrustedKeys) -> World {
        let plugins = Plugins { keys: Arc::new(keys), ..self.plugins.clone() };
        self.world.beside(Settings { plugins: Some(plugins), watch: None, ..Settings::default() })
    }

    /// The folder of the package that is installed.
    fn place(&self) -> std::path::PathBuf {
        let name = self.folder.path().join("plugins/greeter");
        std::fs::read_dir(name).unwrap().next().unwrap().unwrap().path()
    }
}

/// The arguments of a call.
fn run(arguments: &Value) -> Value {
    json!({ "plugin": "greeter", "tool": "run", "arguments": arguments })
}
