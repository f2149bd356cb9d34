//! TLS, and the refusal to go without it beyond this machine.

use std::fs::Permissions;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use agentstack_rest::{HttpSettings, ServeError, Server, TlsFiles, TlsProblem};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::client::Asked;
use crate::world::{World, settings};

/// A certificate for `localhost` in new files, or in those of the one before.
fn certificate(files: &TlsFiles) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    std::fs::set_permissions(&files.key, Permissions::from_mode(0o640)).unwrap();
    made.cert.der().to_vec().into()
}

fn files(folder: &TempDir) -> TlsFiles {
    TlsFiles { certificate: folder.path().join("cert.pem"), key: folder.path().join("key.pem") }
}

/// A connection to who shows this certificate.
async fn connect(address: SocketAddr, trusted: CertificateDer<'static>) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

#[tokio::test]
async fn s24_with_a_certificate_requests_come_through_tls_and_no_other_way() {
    let folder = tempfile::tempdir().unwrap();
    let trusted = certificate(&files(&folder));
    let world = World::with(HttpSettings { tls: Some(files(&folder)), ..settings() }, None).await;
    let mut stream = connect(world.address, trusted).await.unwrap();
    let token = world.token("ann", "developer").await;
    Asked::get("/api/v1/system/status").token(&token).on(&mut stream).await.ok();
    // In plain text there is nobody there.
    let mut plain = TcpStream::connect(world.address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut plain, &Asked::get("/health/live").bytes()).await.unwrap();
    let mut rest = vec![];
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut plain, &mut rest).await;
    assert!(!rest.starts_with(b"HTTP"), "{rest:?}");
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_once_it_is_read_and_a_bad_one_never() {
    let folder = tempfile::tempdir().unwrap();
    let old = certificate(&files(&folder));
    let world = World::new().await;
    let tls = HttpSettings { tls: Some(files(&folder)), ..settings() };
    let server = Server::bind(tls, Arc::clone(&world.engine), Arc::default()).await.unwrap();
    let (address, shown) = (server.address().unwrap(), server.certificate().unwrap());
    tokio::spawn(server.serve(std::future::pending()));
    let mut open = connect(address, old.clone()).await.unwrap();
    let new = certificate(&files(&folder));
    assert!(connect(address, new.clone()).await.is_err(), "it was not read yet");
    shown.reload().unwrap();
    connect(address, new.clone()).await.unwrap();
    assert!(connect(address, old).await.is_err());
    Asked::get("/health/live").on(&mut open).await.ok();
    std::fs::write(&files(&folder).certificate, "none").unwrap();
    assert!(shown.reload().is_err());
    connect(address, new).await.unwrap();
}

#[tokio::test]
async fn s42_a_key_that_everybody_can_read_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    certificate(&files(&folder));
    let world = World::new().await;
    for mode in [0o644, 0o660, 0o604] {
        std::fs::set_permissions(files(&folder).key, Permissions::from_mode(mode)).unwrap();
        let tls = HttpSettings { tls: Some(files(&folder)), ..settings() };
        let bound = Server::bind(tls, Arc::clone(&world.engine), Arc::default()).await;
        assert!(matches!(bound, Err(ServeError::Tls(TlsProblem::Open { .. }))), "{mode:o}: {bound:?}");
    }
}

#[tokio::test]
async fn s24_beyond_this_machine_it_is_tls_or_a_proxy_or_nothing() {
    let open = |listen: &str| HttpSettings::new(listen.parse().unwrap());
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        assert!(!open(listen).is_guarded(), "{listen}");
        assert!(HttpSettings { behind_proxy: true, ..open(listen) }.is_guarded());
    }
    assert!(open("127.0.0.1:0").is_guarded() && open("[::1]:0").is_guarded());
    let world = World::new().await;
    let bind = |settings| Server::bind(settings, Arc::clone(&world.engine), Arc::default());
    assert!(matches!(bind(open("0.0.0.0:0")).await, Err(ServeError::Unguarded { .. })));
    let metrics = HttpSettings { metrics_listen: Some("0.0.0.0:0".parse().unwrap()), ..settings() };
    assert!(matches!(bind(metrics).await, Err(ServeError::OpenMetrics { .. })));
    let missing = TlsFiles { certificate: "/nowhere/cert.pem".into(), key: "/nowhere/key.pem".into() };
    assert!(matches!(bind(HttpSettings { tls: Some(missing), ..settings() }).await, Err(ServeError::Tls(_))));
}
