//! Tests of TLS, with authorities of their own.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::*;
use crate::{ChatModel, ChatRequest, Message, Ollama, ProviderError};

const ANSWER: &str = r#"{"model":"m","message":{"content":"Hi"},"done":true,"done_reason":"stop"}"#;

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
            let mut asked = [0; 4096];
            let length = stream.read(&mut asked).await.unwrap();
            assert!(asked[..length].starts_with(b"POST /api/chat HTTP/1.1\r\n"));
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", ANSWER.len());
            stream.write_all(format!("{head}{ANSWER}").as_bytes()).await.unwrap();
        }
    });
    (port, certificate)
}

/// The way out to this address, which believes these.
fn trusting(base: BaseUrl, limits: Limits, roots: RootCertStore) -> Outlet {
    let outlet = Outlet::new(base, limits);
    let client = OnceCell::new_with(Some(outlet.make(roots).unwrap()));
    Outlet { client: Arc::new(client), ..outlet }
}

async fn ask(port: u16, trusted: Option<&CertificateDer<'static>>) -> Result<String, ProviderError> {
    let base = BaseUrl::parse(&format!("https://localhost:{port}")).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(trusted.cloned());
    let limits = Limits { tries: 1, ..Limits::default() };
    let outlet = trusting(base, limits, roots);
    let messages = vec![Message::user("Hello")];
    let request =
        ChatRequest { model: "m".to_owned(), system: None, messages, max_tokens: 1, temperature: None };
    Ok(Ollama::new(outlet).chat(&request).await?.text)
}

#[tokio::test]
async fn a_server_is_believed_by_its_certificate_and_name() {
    let (port, certificate) = server("localhost").await;
    assert_eq!(ask(port, Some(&certificate)).await.unwrap(), "Hi");
    assert!(matches!(ask(port, None).await, Err(ProviderError::Connection(_))));
    let (port, other) = server("other.example").await;
    assert!(matches!(ask(port, Some(&other)).await, Err(ProviderError::Connection(_))));
}

#[test]
fn only_the_client_that_is_made_here_is_used() {
    let base = BaseUrl::parse("https://localhost").unwrap();
    assert!(base.is_host("localhost") && !base.is_host("other.example"));
    let shown = format!("{:?}", trusting(base, Limits::default(), RootCertStore::empty()));
    assert!(shown.starts_with("Outlet { base: localhost, limits: Limits {"), "{shown}");
}

#[tokio::test]
async fn nothing_is_made_before_the_first_request_and_then_it_is_made_once() {
    let outlet = Outlet::new(BaseUrl::parse("https://localhost").unwrap(), Limits::default());
    let clone = outlet.clone();
    assert!(outlet.client.get().is_none());
    let made = outlet.client().await.unwrap();
    assert!(std::ptr::eq(made, clone.client().await.unwrap()));
}
