//! What `gh` is confined to, where the kernel can: Landlock on Linux.
//!
//! It reads programs, libraries and certificates, reads and writes the folder that is its own and that of its
//! configuration, and connects to the ports of HTTPS and DNS. It sees neither the database nor any key, and signals nobody
//! but what it has started.
//!
//! Source: <https://docs.kernel.org/userspace-api/landlock.html>.

use std::path::PathBuf;

/// How far `gh` is confined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confinement {
    /// To its files and its ports.
    Full,
    /// As far as this kernel can: an older one knows files only.
    Partial,
    /// Not at all: the system cannot.
    Impossible,
    /// Not at all: the configuration says so.
    Off,
}

impl Confinement {
    /// What an operator is told.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "on: gh is confined to its files and to HTTPS",
            Self::Partial => "partial: this kernel confines gh less than a newer one would",
            Self::Impossible => "off: this system cannot confine gh",
            Self::Off => "off: `github.sandbox` is false",
        }
    }
}

/// What is permitted.
#[derive(Debug, Clone)]
pub(super) struct Sandbox {
    /// What may be read and run besides what every program needs.
    pub(super) runs: Vec<PathBuf>,
    /// The folders that may be changed.
    pub(super) changes: Vec<PathBuf>,
}

#[cfg(target_os = "linux")]
mod landlocked {
    use landlock::{
        ABI, Access, AccessFs, AccessNet, NetPort, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
        RulesetStatus, Scope, path_beneath_rules,
    };

    use super::{Confinement, Sandbox};

    /// What the rules are written for; an older kernel holds what it knows of them.
    const RULES: ABI = ABI::V6;
    /// HTTPS, and DNS where an answer is too long for a datagram.
    const PORTS: [u16; 2] = [443, 53];

    /// Programs, libraries, certificates, how names are resolved. Not all of `/etc`: keys may lie there.
    const READ: [&str; 27] = [
        "/usr",
        "/bin",
        "/sbin",
        "/lib",
        "/lib32",
        "/lib64",
        "/nix/store",
        "/home/linuxbrew/.linuxbrew",
        "/etc/alternatives",
        "/etc/ca-certificates",
        "/etc/crypto-policies",
        "/etc/gai.conf",
        "/etc/host.conf",
        "/etc/hosts",
        "/etc/ld.so.cache",
        "/etc/ld.so.conf",
        "/etc/ld.so.conf.d",
        "/etc/localtime",
        "/etc/nsswitch.conf",
        "/etc/pki",
        "/etc/resolv.conf",
        "/etc/services",
        "/etc/ssl",
        "/etc/static/ssl",
        "/run/NetworkManager",
        "/run/resolvconf",
        "/run/systemd/resolve",
    ];
    const DEVICES: [&str; 3] = ["/dev/null", "/dev/urandom", "/dev/random"];

    impl Sandbox {
        /// Confines the thread, for good, and what it starts.
        pub(crate) fn enter(&self) -> Confinement {
            match self.restrict() {
                Ok(RulesetStatus::FullyEnforced) => Confinement::Full,
                Ok(RulesetStatus::PartiallyEnforced) => Confinement::Partial,
                Ok(RulesetStatus::NotEnforced) | Err(_) => Confinement::Impossible,
            }
        }

        fn restrict(&self) -> Result<RulesetStatus, RulesetError> {
            let (read, all) = (AccessFs::from_read(RULES), AccessFs::from_all(RULES));
            let device = AccessFs::ReadFile | AccessFs::WriteFile;
            // A path that is not there is left out.
            let rules = Ruleset::default()
                .handle_access(all)?
                .handle_access(AccessNet::from_all(RULES))?
                .scope(Scope::from_all(RULES))?
                .create()?
                .add_rules(path_beneath_rules(READ, read))?
                .add_rules(path_beneath_rules(&self.runs, read))?
                .add_rules(path_beneath_rules(DEVICES, device))?
                .add_rules(path_beneath_rules(&self.changes, all))?;
            let ports = PORTS.map(|port| Ok::<_, RulesetError>(NetPort::new(port, AccessNet::ConnectTcp)));
            Ok(rules.add_rules(ports)?.restrict_self()?.ruleset)
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl Sandbox {
    #[expect(clippy::unused_self, reason = "there is nothing to enter here")]
    pub(super) fn enter(&self) -> Confinement {
        Confinement::Impossible
    }
}

impl Sandbox {
    /// How far this system can confine anything: tried out on a thread that ends then.
    pub(super) fn probe(self) -> Confinement {
        let tried =
            std::thread::Builder::new().spawn(move || self.enter()).map(std::thread::JoinHandle::join);
        tried.ok().and_then(Result::ok).unwrap_or(Confinement::Impossible)
    }
}
