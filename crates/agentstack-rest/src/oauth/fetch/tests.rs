//! Tests of fetching over TLS, and of files.

use std::os::unix::fs::PermissionsExt;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::*;

/// An issuer behind TLS, by this name. Returns its port and its certificate.
async fn issuer(name: &str) -> (u16, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let certificate = CertificateDer::from(made.cert.der().to_vec());
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut asked = [0; 1024];
            let length = stream.read(&mut asked).await.unwrap();
            assert!(asked[..length].starts_with(b"GET /jwks HTTP/1.1\r\n"));
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"keys\":[]}";
            stream.write_all(answer).await.unwrap();
        }
    });
    (port, certificate)
}

async fn load(port: u16, trusted: Option<&CertificateDer<'static>>) -> Result<Found, FetchProblem> {
    let address = WebAddress::parse(&format!("https://localhost:{port}/jwks")).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(trusted.cloned());
    Source::web(address, || roots).unwrap().load(None).await
}

#[tokio::test]
async fn an_issuer_is_believed_by_its_certificate_and_name() {
    let (port, certificate) = issuer("localhost").await;
    assert!(matches!(load(port, Some(&certificate)).await, Ok(Found::New(..))));
    assert!(matches!(load(port, None).await, Err(FetchProblem::Connect(_))));
    let (port, other) = issuer("other.example").await;
    assert!(matches!(load(port, Some(&other)).await, Err(FetchProblem::Connect(_))));
}

#[tokio::test]
async fn s49_an_address_that_is_not_allowed_is_not_connected_to() {
    // Ways to write this machine that are not its name: the operating system knows them, we do not go there.
    for host in ["127.1", "2130706433", "0x7f000001", "169.254.169.254", "0.0.0.0"] {
        let address = WebAddress::parse(&format!("https://{host}/jwks")).unwrap();
        let source = Source::web(address, RootCertStore::empty).unwrap();
        let problem = source.load(None).await.unwrap_err();
        assert!(matches!(problem, FetchProblem::Address | FetchProblem::Lookup(_)), "{host}: {problem}");
    }
}

#[test]
fn a_file_that_others_can_write_to_decides_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    assert!(matches!(read(&path, None), Err(FetchProblem::File(_))));
    std::fs::write(&path, r#"{"keys":[]}"#).unwrap();
    for (mode, good) in [(0o600, true), (0o644, true), (0o664, false), (0o646, false)] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(read(&path, None).is_ok(), good, "{mode:o}");
    }
    assert!(matches!(read(folder.path(), None), Err(FetchProblem::NotOurs)));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let Ok(Found::New(_, stamp)) = read(&path, None) else { panic!("keys") };
    assert!(matches!(read(&path, stamp), Ok(Found::Same)));
    std::fs::write(&path, r#"{"keys":[ ]}"#).unwrap();
    assert!(matches!(read(&path, stamp), Ok(Found::New(..))));
}

#[tokio::test]
async fn s33_of_an_answer_without_an_end_no_more_than_the_limit_is_taken() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = WebAddress::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let source = Source::web(address, RootCertStore::empty).unwrap();
    let load = tokio::spawn(async move { source.load(None).await });
    let (mut stream, _) = listener.accept().await.unwrap();
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n").await.unwrap();
    let mut sent = 0;
    while sent < 64 && stream.write_all(&vec![b' '; 1 << 20]).await.is_ok() {
        sent += 1;
    }
    let problem = load.await.unwrap().unwrap_err();
    assert!(matches!(problem, FetchProblem::Body(_)), "{problem}");
    assert!(sent < 16, "{sent} MiB were taken");
}

#[test]
fn s42_a_pipe_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
    assert!(matches!(read(&path, None), Err(FetchProblem::NotOurs)));
}
