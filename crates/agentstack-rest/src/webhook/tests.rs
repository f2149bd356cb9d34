//! Delivery to a server on this machine, and to those that do not want it.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Instant;

use agentstack_core::{SessionId, Timestamp};
use agentstack_engine::Rule;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::rustls::RootCertStore;

use super::*;

const PATH: &str = "/T0/path-canary?sig=query-canary";
const SECRET: &str = "secret-canary";
const QUICK: [Duration; 3] = [Duration::from_millis(1); 3];

/// The head in lower case, and the body.
type Posted = (String, Vec<u8>);

/// Takes what is posted, and answers it in turn; the last answer for ever.
struct Receiver {
    address: SocketAddr,
    posted: Arc<Mutex<Vec<Posted>>>,
}

impl Receiver {
    async fn start(answers: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let posted = Arc::new(Mutex::new(vec![]));
        let (answers, log) =
            (answers.iter().map(ToString::to_string).collect::<Vec<_>>(), Arc::clone(&posted));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = vec![];
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
                let mut body = vec![0; length.parse().unwrap()];
                stream.read_exact(&mut body).await.unwrap();
                let count = {
                    let mut log = log.lock().unwrap();
                    log.push((head, body));
                    log.len()
                };
                let answer = &answers[(count - 1).min(answers.len() - 1)];
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self { address, posted }
    }

    fn webhook(&self) -> Webhook {
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
        Webhook::over(endpoint(&format!("http://{}{PATH}", self.address)), Some(key), QUICK)
    }

    fn posted(&self) -> Vec<Posted> {
        self.posted.lock().unwrap().clone()
    }
}

fn endpoint(url: &str) -> Endpoint {
    Endpoint::trusting(WebAddress::parse_with_query(url).unwrap(), RootCertStore::empty()).unwrap()
}

fn postman(url: &str) -> Postman {
    Postman { endpoint: endpoint(url), key: None, pauses: QUICK, dropped: Arc::default() }
}

fn answer(status: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
}

fn signal(rule: Rule) -> Signal {
    Signal {
        rule,
        principal: "token:\u{202e}ann\n".to_owned(),
        session: Some("01983b2e-5c00-7000-8000-000000000001".parse::<SessionId>().unwrap()),
        observed: 7,
        threshold: 5,
        at: Timestamp::from_millis(1_800_000_000_007),
    }
}

#[tokio::test]
async fn a_signal_is_posted_with_its_signature() {
    let receiver = Receiver::start(&[&answer("204 No Content")]).await;
    let webhook = receiver.webhook();
    webhook.signal(&signal(Rule::ForeignSessionProbing));
    webhook.signal(&Signal { session: None, ..signal(Rule::ErrorRate) });
    webhook.reach().await;
    let [(head, body), (_, without)] = &receiver.posted()[..] else { panic!("two") };
    assert!(head.starts_with("post /t0/path-canary?sig=query-canary http/1.1\r\n"), "{head}");
    let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).unwrap();
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("host"), receiver.address.to_string());
    let tag = header("x-agentstack-signature").strip_prefix("sha256=").unwrap();
    let digits: Vec<char> = tag.chars().collect();
    let byte = |pair: &[char]| u8::from_str_radix(&String::from_iter(pair), 16).unwrap();
    let tag: Vec<u8> = digits.chunks(2).map(byte).collect();
    let key = |secret: &str| hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    assert!(hmac::verify(&key(SECRET), body, &tag).is_ok());
    assert!(
        hmac::verify(&key("other"), body, &tag).is_err()
            && hmac::verify(&key(SECRET), without, &tag).is_err()
    );
    let told: Value = serde_json::from_slice(body).unwrap();
    assert_eq!(
        told,
        json!({
            "rule": "foreign_session_probing",
            "explanation": Rule::ForeignSessionProbing.explanation(),
            "principal": "token:\u{202e}ann\n",
            "session": "01983b2e-5c00-7000-8000-000000000001",
            "observed": 7,
            "threshold": 5,
            "at": "2027-01-15T08:00:00.007Z",
            "version": env!("CARGO_PKG_VERSION"),
        })
    );
    let without: Value = serde_json::from_slice(without).unwrap();
    assert_eq!((&without["rule"], without.get("session")), (&json!("error_rate"), None));
}

/// The test vector of RFC 4231, section 4.3.
#[test]
fn a_signature_is_hmac_sha256_in_hexadecimal() {
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"Jefe");
    let expected = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    assert_eq!(signature(&key, b"what do ya want for nothing?"), expected);
}

#[tokio::test]
async fn what_fails_on_their_side_is_tried_again_and_given_up_after_four_times() {
    let receiver = Receiver::start(&[&answer("500 X"), "", &answer("503 X"), &answer("200 OK")]).await;
    let webhook = receiver.webhook();
    webhook.signal(&signal(Rule::DenialBurst));
    webhook.reach().await;
    let posted = receiver.posted();
    assert_eq!(posted.len(), 4, "an answer that breaks off is tried again too");
    assert!(posted.iter().all(|(_, body)| *body == posted[0].1));

    let receiver = Receiver::start(&[&answer("500 X")]).await;
    let webhook = receiver.webhook();
    webhook.signal(&signal(Rule::DenialBurst));
    webhook.signal(&signal(Rule::ErrorRate));
    webhook.reach().await;
    assert_eq!(receiver.posted().len(), 8, "four times each");
}

#[tokio::test]
async fn s49_a_redirect_is_not_followed_and_what_is_refused_is_not_tried_again() {
    let other = Receiver::start(&[&answer("200 OK")]).await;
    let redirect = |status: &str| {
        format!(
            "HTTP/1.1 {status}\r\nLocation: http://{}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            other.address
        )
    };
    for answer in
        [redirect("302 Found"), redirect("307 X"), redirect("308 X"), answer("401 X"), answer("404 X")]
    {
        let receiver = Receiver::start(&[&answer]).await;
        let webhook = receiver.webhook();
        webhook.signal(&signal(Rule::DenialBurst));
        webhook.reach().await;
        assert_eq!(receiver.posted().len(), 1, "{answer}");
    }
    assert!(other.posted().is_empty());
}

#[tokio::test]
async fn s49_a_name_that_leads_to_this_machine_or_nowhere_is_not_connected_to() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    for host in ["127.1", "2130706433", "169.254.169.254", "0.0.0.0"] {
        let postman = postman(&format!("https://{host}:{port}{PATH}"));
        let problem = postman.deliver(&signal(Rule::DenialBurst)).await.unwrap_err();
        let refused =
            matches!(problem, Undelivered::Outbound(OutboundProblem::Address | OutboundProblem::Lookup(_)));
        assert!(refused, "{host}: {problem}");
    }
    let none = listener.accept().map(|_| ()).unwrap_err();
    assert_eq!(none.kind(), std::io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn s33_a_server_that_does_not_answer_holds_nobody_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let webhook = Webhook::over(endpoint(&format!("http://{address}/")), None, QUICK);
    webhook.signal(&signal(Rule::DenialBurst));
    // Taken out of the queue, and on its way to somebody who says nothing.
    let (_silent, _) = listener.accept().await.unwrap();
    let begun = Instant::now();
    for _ in 0..10_000 {
        webhook.signal(&signal(Rule::ErrorRate));
    }
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_eq!(webhook.dropped.load(Ordering::Relaxed), 10_000 - 256);
}

#[tokio::test]
async fn s40_neither_the_path_nor_the_secret_is_in_what_is_logged() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gone = Receiver::start(&[&answer("410 Gone")]).await;
    let urls = [
        format!("http://{unused}{PATH}"),
        format!("http://{}{PATH}", gone.address),
        format!("https://127.1{PATH}"),
        format!("https://localhost:{}{PATH}", unused.port()),
    ];
    for url in urls {
        let settings =
            WebhookSettings { url: Secret::new(url.clone()), secret: Some(Secret::new(SECRET.to_owned())) };
        let postman = postman(&url);
        let problem = postman.deliver(&signal(Rule::DenialBurst)).await.unwrap_err();
        let said = format!("{} {problem:?} {settings:?} {}", chain(&problem), postman.endpoint.authority());
        assert!(!said.contains("canary"), "{said}");
    }
    assert!(matches!(
        Webhook::start(&WebhookSettings {
            url: Secret::new("http://10.0.0.1/canary".to_owned()),
            secret: None
        }),
        Err(WebhookProblem::Address)
    ));
    assert!(!WebhookProblem::Address.to_string().contains("canary"));
}
