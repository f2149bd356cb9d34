//! TLS with the certificate of the configuration.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use agentstack_core::Timestamp;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};
use x509_cert::der::Decode;

use crate::TlsFiles;

/// Why there is no TLS. Holds nothing of the key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsProblem {
    /// A file is not PEM, or cannot be read.
    #[error("{} holds no {what} in PEM form", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
        /// Why.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// The key is open to others than its owner and group.
    #[error("{} can be read by everybody, or written by its group: make it 0640 or 0600", path.display())]
    Open {
        /// Which.
        path: PathBuf,
    },
    /// The two do not go together, or are of a kind that is not supported.
    #[error("the certificate and its key cannot be used")]
    Unusable(#[source] rustls::Error),
    /// When it ends cannot be read.
    #[error("{} does not say when it ends", path.display())]
    Endless {
        /// Which.
        path: PathBuf,
    },
}

/// The certificate that is shown to clients, and its key.
#[derive(Clone)]
pub struct Certificate {
    files: TlsFiles,
    acceptor: Arc<RwLock<TlsAcceptor>>,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Certificate {
    pub(crate) fn read(files: TlsFiles) -> Result<Self, TlsProblem> {
        let acceptor = Arc::new(RwLock::new(acceptor(&files)?));
        Ok(Self { files, acceptor })
    }

    /// Reads both files again, for connections that begin from now on: a certificate is renewed some weeks before it
    /// expires.
    ///
    /// # Errors
    /// When they cannot be used. Then the ones before stay.
    pub fn reload(&self) -> Result<(), TlsProblem> {
        let acceptor = acceptor(&self.files)?;
        *self.acceptor.write().unwrap_or_else(PoisonError::into_inner) = acceptor;
        Ok(())
    }

    /// When the certificate of these files ends, if they can be used.
    ///
    /// # Errors
    /// When they cannot.
    pub fn end(files: &TlsFiles) -> Result<Timestamp, TlsProblem> {
        acceptor(files)?;
        let endless = || TlsProblem::Endless { path: files.certificate.clone() };
        let chain = chain(files)?;
        let own =
            chain.first().and_then(|own| x509_cert::Certificate::from_der(own).ok()).ok_or_else(endless)?;
        let end = own.tbs_certificate().validity().not_after.to_unix_duration();
        i64::try_from(end.as_millis()).map(Timestamp::from_millis).map_err(|_| endless())
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn no_pem(path: &Path, what: &'static str) -> impl FnOnce(rustls::pki_types::pem::Error) -> TlsProblem {
    let path = path.to_owned();
    move |source| TlsProblem::File { path, what, source }
}

/// The certificate, and then those that vouch for it.
fn chain(files: &TlsFiles) -> Result<Vec<CertificateDer<'static>>, TlsProblem> {
    CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(no_pem(&files.certificate, "certificate"))
}

/// TLS 1.2 and 1.3 with these files.
fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, TlsProblem> {
    let chain = chain(files)?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(no_pem(&files.key, "private key"))?;
    // What renews certificates often lets a group read them (S42).
    if std::fs::metadata(&files.key).is_ok_and(|key| key.mode() & 0o027 != 0) {
        return Err(TlsProblem::Open { path: files.key.clone() });
    }
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsProblem::Unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(TlsProblem::Unusable)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
