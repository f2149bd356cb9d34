//! Tests of the connector, over TLS and against those who mean no good.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::*;

/// A server behind TLS, by this name. Returns its port and its certificate.
async fn server(name: &str) -> (u16, CertificateDer<'static>) {
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

async fn get(endpoint: &Endpoint) -> Result<Bytes, OutboundProblem> {
    let request = Request::get(endpoint.target()).body(Full::default());
    endpoint.send(request).await?.read(1 << 20).await
}

async fn load(port: u16, trusted: Option<&CertificateDer<'static>>) -> Result<Bytes, OutboundProblem> {
    let address = WebAddress::parse(&format!("https://localhost:{port}/jwks")).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(trusted.cloned());
    get(&Endpoint::trusting(address, roots).unwrap()).await
}

#[tokio::test]
async fn a_server_is_believed_by_its_certificate_and_name() {
    let (port, certificate) = server("localhost").await;
    assert!(matches!(load(port, Some(&certificate)).await.as_deref(), Ok(b"{\"keys\":[]}")));
    assert!(matches!(load(port, None).await, Err(OutboundProblem::Connect(_))));
    let (port, other) = server("other.example").await;
    assert!(matches!(load(port, Some(&other)).await, Err(OutboundProblem::Connect(_))));
}

#[tokio::test]
async fn s49_an_address_that_is_not_allowed_is_not_connected_to() {
    // Ways to write this machine that are not its name: the operating system knows them, we do not go there.
    for host in ["127.1", "2130706433", "0x7f000001", "169.254.169.254", "0.0.0.0"] {
        let address = WebAddress::parse(&format!("https://{host}/jwks")).unwrap();
        let endpoint = Endpoint::trusting(address, RootCertStore::empty()).unwrap();
        let problem = get(&endpoint).await.unwrap_err();
        assert!(
            matches!(problem, OutboundProblem::Address | OutboundProblem::Lookup(_)),
            "{host}: {problem}"
        );
    }
}

#[tokio::test]
async fn s33_of_an_answer_without_an_end_no_more_than_the_limit_is_taken() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = WebAddress::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let endpoint = Endpoint::trusting(address, RootCertStore::empty()).unwrap();
    let load = tokio::spawn(async move { get(&endpoint).await });
    let (mut stream, _) = listener.accept().await.unwrap();
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n").await.unwrap();
    let mut sent = 0;
    while sent < 64 && stream.write_all(&vec![b' '; 1 << 20]).await.is_ok() {
        sent += 1;
    }
    let problem = load.await.unwrap().unwrap_err();
    assert!(matches!(problem, OutboundProblem::Body { .. }), "{problem}");
    assert!(sent < 16, "{sent} MiB were taken");
}
