//! From a package to a plugin that may be loaded.

use crate::minisign::Signature;
use crate::trusted::Standing;
use crate::{ContentHash, InvalidManifest, KeyId, Manifest, Package, Pin, PublicKey, Statement, TrustedKeys};

/// A plugin that a trusted key has signed, as it is. [`verify`] is the only way to one.
#[derive(Debug)]
pub struct Verified {
    manifest: Manifest,
    package: Package,
    signer: KeyId,
}

impl Verified {
    /// What the plugin says of itself.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The hash of its package: under which what was compiled of it can be kept.
    #[must_use]
    pub fn hash(&self) -> ContentHash {
        self.package.hash()
    }

    /// Whose signature it bears.
    #[must_use]
    pub fn signer(&self) -> KeyId {
        self.signer
    }

    /// The WebAssembly component: the very bytes that the signature covers.
    #[must_use]
    pub fn component(&self) -> &[u8] {
        self.package.component()
    }

    /// The package.
    #[must_use]
    pub fn package(&self) -> &Package {
        &self.package
    }

    /// What the plugin says of itself, once its files are not needed any more.
    #[must_use]
    pub fn into_manifest(self) -> Manifest {
        self.manifest
    }

    /// What is written down when it is installed.
    #[must_use]
    pub fn pin(&self) -> Pin {
        Pin {
            name: self.manifest.name().clone(),
            version: self.manifest.version().clone(),
            hash: self.hash(),
            signer: self.signer,
        }
    }

    /// Checks that it is what was installed; each time it is loaded.
    ///
    /// # Errors
    /// When it is anything else, however well signed.
    pub fn matches(&self, pin: &Pin) -> Result<(), Unverified> {
        if self.pin() == *pin { Ok(()) } else { Err(Unverified::NotPinned) }
    }
}

/// Verifies a package. Nothing in it is parsed before its signature was found good: only then is the manifest read.
///
/// # Errors
/// The first reason why it cannot be trusted.
pub fn verify(package: Package, keys: &TrustedKeys) -> Result<Verified, Unverified> {
    let text = package.signature().ok_or(Unverified::Unsigned)?;
    let signature = Signature::parse(text).ok_or(Unverified::Malformed)?;
    let signer = signature.key;
    let key = trusted(keys, signer)?;
    if !key.proves(signature.trusted_comment.as_bytes(), &signature) {
        return Err(Unverified::Forged);
    }
    let statement: Statement = signature.trusted_comment.parse().map_err(|_| Unverified::NotOfAPlugin)?;
    if statement.hash != package.hash() {
        return Err(Unverified::Altered);
    }
    let manifest = package.unverified_manifest()?;
    if *manifest.name() != statement.name || *manifest.version() != statement.version {
        return Err(Unverified::OtherName);
    }
    Ok(Verified { manifest, package, signer })
}

fn trusted(keys: &TrustedKeys, signer: KeyId) -> Result<&PublicKey, Unverified> {
    match keys.standing(signer) {
        Standing::Trusted(key) => Ok(key),
        Standing::Revoked => Err(Unverified::Revoked(signer)),
        Standing::Unknown => Err(Unverified::UnknownKey(signer)),
    }
}

/// Why a package is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unverified {
    /// There is no signature.
    #[error("the plugin is not signed")]
    Unsigned,
    /// The signature is not one.
    #[error("the signature is not a minisign signature over a hash of what it signs")]
    Malformed,
    /// The key it names is not among the trusted ones.
    #[error("the plugin is signed with the key {0}, which is not trusted")]
    UnknownKey(KeyId),
    /// The key it names is trusted no more.
    #[error("the plugin is signed with the key {0}, which was revoked")]
    Revoked(KeyId),
    /// The key it names has not made it.
    #[error("the signature is not that of the key it names")]
    Forged,
    /// A good signature, of something else.
    #[error("the signature is not that of a plugin")]
    NotOfAPlugin,
    /// The files are not those that were signed.
    #[error("the plugin is not what was signed: a file was changed, added or removed")]
    Altered,
    /// The manifest is not good, though it was signed.
    #[error(transparent)]
    Manifest(#[from] InvalidManifest),
    /// The signature is of a plugin of another name or version.
    #[error("the signature names another plugin or version than the manifest")]
    OtherName,
    /// It is not what was installed.
    #[error("the plugin is not the one that was installed")]
    NotPinned,
}
