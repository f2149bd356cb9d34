//! What can be said of the machine and of the configuration alone.

use agentstack_core::Timestamp;
use agentstack_rest::Certificate;
use rustix::process::{Resource, geteuid, getrlimit};

use super::{Findings, days, with_causes};
use crate::code_host::confinement;
use crate::config::{Config, IssuerKeys, Loaded, ProviderName};
use crate::policy::PolicySource;
use crate::providers::{configured, hosted};
use crate::stack::tls_files;

/// How many days before its end a certificate should have been renewed: what renews them does so a month before, or when a
/// third of their time is left.
const CERTIFICATE_DAYS: i64 = 14;

pub(super) fn of_the_system(found: &mut Findings) {
    if geteuid().is_root() {
        let reason = "this runs as root: whoever gets into it has the whole machine";
        found.warn("system.root", reason, "run it as a user of its own, as docs/packaging.md does");
    } else {
        found.ok("system.root", "this runs as an ordinary user");
    }
    if getrlimit(Resource::Core).current != Some(0) {
        found.note(
            "system.core",
            "core dumps are on: one of a crash would hold the key; `ulimit -c 0` turns them off",
        );
    }
}

pub(super) fn look(loaded: &Loaded, now: Timestamp, found: &mut Findings) {
    let config = &loaded.config;
    secrets(config, found);
    protection(config, found);
    surface(config, found);
    certificate(config, now, found);
    features(config, found);
    providers(config, found);
    outbound(config, found);
}

/// Keys belong into the environment, into files of their own or into a keyring, and not into the configuration.
fn secrets(config: &Config, found: &mut Findings) {
    // A program that gives a key is named there; that its arguments are no secrets is for its operator to know.
    let literal: Vec<&str> =
        config.literal().filter(|field| !field.to_lowercase().ends_with("command")).collect();
    if literal.is_empty() {
        found.ok("config.references", "no secret stands in the configuration");
    } else {
        let reason =
            format!("{} stands in the configuration: every copy of the file has it", literal.join(", "));
        found.fail(
            "config.references",
            reason,
            "write \"${VARIABLE}\" in its place, or apiKeyFile, apiKeyCommand or apiKeyKeyring",
        );
    }
}

fn protection(config: &Config, found: &mut Findings) {
    if config.security.encryption {
        found.ok("encryption.on", "what is kept is encrypted");
    } else {
        let reason =
            "encryption is off: whoever can read the database file, or a backup of it, can read all of it";
        found.fail(
            "encryption.on",
            reason,
            "agentstack db backup --passphrase FILE, then docs/operations.md, \"Encrypting a database\"",
        );
    }
    if config.guard.enabled {
        found.ok("guard.on", "contents are looked through for secrets, personal data and instructions");
    } else {
        found.warn(
            "guard.on",
            "nothing looks through contents: secrets are stored as they come",
            "set guard.enabled to true",
        );
    }
    if config.watch.enabled {
        found.ok("watch.on", "what is unusual raises a signal");
    } else {
        found.warn(
            "watch.on",
            "nothing watches for bursts of denials, probing or unusual exports",
            "set watch.enabled to true",
        );
    }
    let policy = config.security.policy.clone().map_or(PolicySource::Builtin, PolicySource::Folder);
    match policy.load() {
        Err(problem) => found.fail("policy.usable", with_causes(&problem), "agentstack policy check"),
        Ok(loaded) if !loaded.warnings.is_empty() => {
            let reason =
                format!("the policy can be used, but {} of its rules are odd", loaded.warnings.len());
            found.warn("policy.usable", reason, "agentstack policy check");
        }
        Ok(loaded) => found.ok("policy.usable", format!("the policy is {}", loaded.policy.version())),
    }
}

/// What can be reached from outside.
fn surface(config: &Config, found: &mut Findings) {
    let listen = config.http.listen;
    let (is_local, is_secret) = (listen.ip().is_loopback(), config.http.tls.is_some());
    if is_local {
        found.ok("surface.http", format!("HTTP is served at {listen}, for this machine alone"));
    } else if is_secret {
        found.note(
            "surface.http",
            format!("HTTP is served at {listen} with TLS: others on the network reach it"),
        );
    } else if config.http.behind_proxy {
        let reason = format!(
            "HTTP is served at {listen} without TLS: whoever is between it and the proxy reads along"
        );
        found.warn("surface.http", reason, "let it listen at a loopback address, or set http.tls");
    } else {
        let reason = format!("HTTP would be served at {listen} without TLS, and is not");
        found.fail("surface.http", reason, "set http.listen to 127.0.0.1:PORT, or http.tls");
    }
    match config.http.metrics_listen {
        Some(metrics) if !metrics.ip().is_loopback() => found.warn(
            "surface.metrics",
            format!("figures are shown at {metrics} without a token"),
            "set http.metricsListen to a loopback address",
        ),
        _ => found.ok("surface.metrics", "figures are shown to this machine or with a token only"),
    }
}

/// What HTTP is served with.
fn certificate(config: &Config, now: Timestamp, found: &mut Findings) {
    let Some(tls) = &config.http.tls else { return };
    let path = tls.certificate.display();
    let renew = "renew it, and have agentstack-rest read it again: kill -HUP";
    match Certificate::end(&tls_files(tls)) {
        Err(problem) => {
            found.fail(
                "surface.certificate",
                with_causes(&problem),
                "put right http.tls.certificate and http.tls.key",
            );
        }
        Ok(end) if end < now => {
            found.fail("surface.certificate", format!("{path} has ended on {end}"), renew);
        }
        Ok(end) if days(now, end) < CERTIFICATE_DAYS => {
            found.warn("surface.certificate", format!("{path} ends on {end}"), renew);
        }
        Ok(end) => found.ok("surface.certificate", format!("{path} is good until {end}")),
    }
}

/// What is on and not used is only there to be attacked.
fn features(config: &Config, found: &mut Findings) {
    if !config.github.enabled {
        found.ok("github.use", "GitHub is off");
        return;
    }
    if config.github.repositories.is_empty() {
        let reason = "GitHub is on, and no repository is permitted: nothing can come of it";
        found.warn("github.use", reason, "set github.enabled to false, or name github.repositories");
        return;
    }
    match confinement(config) {
        Err(problem) => {
            found.fail("github.use", with_causes(&problem), "agentstack config check");
        }
        Ok(None) => {
            found.warn("github.use", "GitHub is on, and egress is off", "set github.enabled to false");
        }
        Ok(Some((has_program, confinement))) => {
            if has_program {
                found.ok("github.use", "GitHub is on, and `gh` is there");
            } else {
                found.fail(
                    "github.use",
                    "GitHub is on, and there is no program `gh`",
                    "install gh, or set github.enabled to false",
                );
            }
            match confinement {
                agentstack_github::Confinement::Full => {
                    found.ok("github.confined", "`gh` is confined to its files and ports");
                }
                other => found.warn(
                    "github.confined",
                    format!("`gh` is not confined as far as it could be: {}", other.as_str()),
                    "set github.sandbox to true, on a kernel with Landlock",
                ),
            }
        }
    }
}

/// Whether what is asked for of providers can be had: a server does not start otherwise.
fn providers(config: &Config, found: &mut Findings) {
    match configured(config) {
        Ok(_) => found.ok("providers.usable", "what is configured of providers can be used"),
        Err(problem) => {
            found.fail(
                "providers.usable",
                with_causes(&problem),
                "put right what it names: docs/providers.md",
            );
        }
    }
}

fn outbound(config: &Config, found: &mut Findings) {
    if !config.egress.enabled {
        found.ok("outbound.hosts", "nobody is connected to: egress is off");
        return;
    }
    let (mut hosts, search) = (vec![], &config.memory.vector_search);
    for name in ProviderName::ALL {
        let provider = config.providers.of(name);
        let embeds = search.enabled && hosted(search.provider) == Some(name);
        let is_used = config.providers.default == Some(name) || config.providers.names(name) || embeds;
        if !is_used {
            continue;
        }
        let url = provider.base_url.clone().unwrap_or_else(|| name.as_str().to_owned());
        let local = ["http://127.", "http://localhost", "http://[::1]"].iter().any(|it| url.starts_with(it));
        if url.starts_with("http://") && !local {
            let reason = format!(
                "{} is asked without TLS: its key and all texts can be read on the way",
                name.as_str()
            );
            found.fail("outbound.tls", reason, "set its baseUrl to an https:// address");
        }
        hosts.push(url);
    }
    if config.github.enabled {
        hosts.push(config.github.host.clone());
    }
    if config.watch.enabled && config.watch.webhook.is_some() {
        hosts.push("the webhook of watch.webhook".to_owned());
    }
    if let Some(IssuerKeys::Uri(uri)) = config.http.oauth.as_ref().map(|oauth| &oauth.keys) {
        hosts.push(uri.clone());
    }
    if hosts.is_empty() {
        found.ok("outbound.hosts", "nobody is connected to but the hosts that plugins were granted");
    } else {
        found.note("outbound.hosts", format!("connected to: {}", hosts.join(", ")));
    }
}
