//! TLS, and the refusal to go without it beyond this machine.

use std::sync::Arc;

use agentstack_rest::{HttpSettings, ServeError, TlsFiles};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::client::Asked;
use crate::world::{World, settings};

#[tokio::test]
async fn s24_with_a_certificate_requests_come_through_tls_and_no_other_way() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let files = TlsFiles { certificate: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    let world = World::with(HttpSettings { tls: Some(files), ..settings() }, None).await;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(made.cert.der().to_vec())).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(world.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
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
async fn s24_beyond_this_machine_it_is_tls_or_a_proxy_or_nothing() {
    let open = |listen: &str| HttpSettings::new(listen.parse().unwrap());
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        assert!(!open(listen).is_guarded(), "{listen}");
        assert!(HttpSettings { behind_proxy: true, ..open(listen) }.is_guarded());
    }
    assert!(open("127.0.0.1:0").is_guarded() && open("[::1]:0").is_guarded());
    let world = World::new().await;
    let bind = |settings| agentstack_rest::Server::bind(settings, Arc::clone(&world.engine), Arc::default());
    assert!(matches!(bind(open("0.0.0.0:0")).await, Err(ServeError::Unguarded { .. })));
    let metrics = HttpSettings { metrics_listen: Some("0.0.0.0:0".parse().unwrap()), ..settings() };
    assert!(matches!(bind(metrics).await, Err(ServeError::OpenMetrics { .. })));
    let missing = TlsFiles { certificate: "/nowhere/cert.pem".into(), key: "/nowhere/key.pem".into() };
    assert!(matches!(bind(HttpSettings { tls: Some(missing), ..settings() }).await, Err(ServeError::Tls(_))));
}
