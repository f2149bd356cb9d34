//! What a plugin is, before anything of it runs (S48).
//!
//! A plugin is a folder: a [`Manifest`], a WebAssembly component, and a signature over the [`ContentHash`] of all its
//! files. [`Package::read`] takes the bytes in and looks at none of them; [`verify`] is the one way from there to a
//! [`Verified`] plugin, so that nothing of a package is parsed before somebody who is trusted has signed it. What the
//! plugin asks for are [`Grants`]; what the operator let it have is [`Granted`], and its calls are the caller's own,
//! narrowed to that.
//!
//! **Invariant:** no WebAssembly, no database, no network; no file is read but those of a package.

mod folder;
mod grant;
mod hash;
mod host;
mod key;
mod limit;
mod manifest;
mod memory;
mod minisign;
mod package;
mod pin;
mod raw;
mod sandbox;
mod schema;
mod secret_key;
mod statement;
#[cfg(feature = "testing")]
pub mod testing;
mod trusted;
mod verify;
mod version;

pub use agentstack_core::plugin::{ConfigKey, PluginName, RESERVED_NAMES, ToolName};
pub use folder::{FolderProblem, PackageFolder};
pub use grant::{Excess, Granted, Grants};
pub use hash::ContentHash;
pub use host::Host;
pub use key::{KeyId, PublicKey};
pub use limit::CallLimits;
pub use manifest::{InvalidManifest, MANIFEST_BYTES, Manifest, Tool};
pub use memory::{MemoryOperation, NotGranted, Place};
pub use package::{COMPONENT, MANIFEST, Package, PackageProblem, SIGNATURE};
pub use pin::{Pin, Refused, Succession};
pub use sandbox::{
    Asked, CallLimit, CallProblem, HttpMethod, LoadedPlugin, LogLevel, PluginCall, PluginEntry, PluginHost,
    PluginRequest, PluginResponse, Refusal, Services, Unloadable, Web,
};
pub use schema::{ARGUMENTS_BYTES, InvalidSchema, Mismatch, Schema};
pub use secret_key::{SecretKey, SecretKeyProblem};
pub use statement::Statement;
pub use trusted::{InvalidKeys, TrustedKeys};
pub use verify::{Unverified, Verified, verify};
pub use version::Version;
