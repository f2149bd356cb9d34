//! TLS with the certificate of the configuration.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

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
    /// The two do not go together, or are of a kind that is not supported.
    #[error("the certificate and its key cannot be used")]
    Unusable(#[source] rustls::Error),
}

/// TLS 1.2 and 1.3 with these files.
pub(crate) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, TlsProblem> {
    let problem = |path: &Path, what| {
        let path = path.to_owned();
        move |source| TlsProblem::File { path, what, source }
    };
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(problem(&files.certificate, "certificate"))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(problem(&files.key, "private key"))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsProblem::Unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(TlsProblem::Unusable)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
