//! Where a connection may go (S49).

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};

use agentstack_providers::{
    Anthropic, BaseUrl, ChatModel, EgressProblem, Limits, Lookup, Ollama, Outlet, ProviderError,
};
use async_trait::async_trait;

use crate::server::{Server, ok};
use crate::world::{key, once, request};

const GOOD: &str = r#"{"model":"m","message":{"content":"Hi"},"done":true,"done_reason":"stop"}"#;

/// Says what is written down for it, and remembers how often it was asked for what.
#[derive(Debug, Default)]
struct Names {
    answers: Mutex<Vec<Vec<IpAddr>>>,
    asked: Mutex<Vec<String>>,
}

impl Names {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let read = |answer: &&[&str]| answer.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(Self { answers: Mutex::new(answers.iter().rev().map(read).collect()), ..Self::default() })
    }
}

#[async_trait]
impl Lookup for Names {
    async fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.lock().unwrap().push(host.to_owned());
        self.answers.lock().unwrap().pop().ok_or_else(|| io::Error::other("no such host"))
    }
}

fn ollama(url: &str, names: &Arc<Names>, limits: Limits) -> Ollama {
    let names: Arc<dyn Lookup> = names.clone();
    Ollama::new(Outlet::with_lookup(BaseUrl::parse(url).unwrap(), limits, names))
}

#[test]
fn s49_a_base_address_is_https_or_of_this_machine_or_network() {
    for good in [
        Anthropic::BASE_URL,
        agentstack_providers::OpenAi::BASE_URL,
        Ollama::BASE_URL,
        "https://API.example.org:8443/v1/",
        "https://xn--mnchen-3ya.example/",
        "https://8.8.8.8/v1",
        "https://[2606:4700::1111]/v1",
        "http://localhost:1234",
        "https://localhost",
        "http://127.0.0.1:1",
        "http://127.8.8.8",
        "http://[::1]:8000/v1",
        "http://10.0.0.7:8000/v1",
        "http://172.16.0.1",
        "http://192.168.1.20:11434",
        "http://100.64.0.1",
        "http://[fd12:3456::1]:8000",
    ] {
        assert!(BaseUrl::parse(good).is_ok(), "{good}: {:?}", BaseUrl::parse(good));
    }
    for open in [
        "http://api.example.org",
        "http://8.8.8.8",
        "http://[2606:4700::1111]/",
        "http://localhost.example.org",
    ] {
        assert_eq!(BaseUrl::parse(open), Err(EgressProblem::NotHttps), "{open}");
    }
}

#[test]
fn s49_some_addresses_are_never_a_base_address() {
    for host in [
        "169.254.169.254",
        "169.254.0.1",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "0.0.0.0",
        "0.1.2.3",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "[::]",
        "[fe80::1]",
        "[fec0::1]",
        "[fd00:ec2::254]",
        "[fd00:ec2::23]",
        "[fd20:ce::254]",
        "[ff02::1]",
        "[2001:db8::1]",
        "[2001:0:1::1]",
        "[::7f00:1]",
        "[64:ff9b:1::1]",
        "[100::1]",
    ] {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{host}/v1");
            assert_eq!(BaseUrl::parse(&url), Err(EgressProblem::Forbidden), "{url}");
        }
    }
}

#[test]
fn s49_an_address_is_written_in_one_way() {
    for bad in [
        "",
        "https://",
        "https:///v1",
        "https:api.example.org",
        "https:/api.example.org",
        "api.example.org",
        "HTTPS://api.example.org",
        "ftp://api.example.org",
        "file:///etc/passwd",
        "unix:///run/x",
        "https://me@api.example.org",
        "https://me:secret@api.example.org",
        "https://@api.example.org",
        "https://api.example.org/?a",
        "https://api.example.org#a",
        "https://api.example.org\\@evil.example",
        "https://api.example.org:0/",
        "https://api.example.org:/",
        "https://api.example.org:99999/",
        "https://api.example.org:+443/",
        "https://api example.org/",
        " https://api.example.org",
        "https://api.example.org\t",
        "https://api.example.org./",
        "https://localhost./",
        "http://localhost.:80/",
        "https://api..example.org/%2e%2e",
        "https://%61pi.example.org",
        "https://münchen.example",
        "https://ⓛocalhost",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://127.0.1/",
        "http://127.0.0.1./",
        "http://127.0.0.01/",
        "http://0/",
        "http://0300.0250.1.1/",
        "http://3232235777/",
        "http://0xA9FEA9FE/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "https://[::ffff:8.8.8.8]/",
        "https://[64:ff9b::8.8.8.8]/",
        "http://[2002:7f00:1::]/",
        "http://[fe80::1%25eth0]/",
        "http://[::1/",
        "http://::1/",
        "http://[127.0.0.1]/",
        "http://[localhost]/",
        "https://[::1]x/",
    ] {
        let problem = BaseUrl::parse(bad).unwrap_err();
        assert_eq!(problem, EgressProblem::Url, "{bad}");
    }
    assert_eq!(BaseUrl::parse(&format!("https://a/{}", "a".repeat(3_000))), Err(EgressProblem::Url));
}

#[test]
fn a_base_address_prints_itself_without_its_path() {
    let base = BaseUrl::parse("https://gateway.example.org:8443/secret-path/v1").unwrap();
    assert_eq!(format!("{base:?} {}", base.authority()), "gateway.example.org:8443 gateway.example.org:8443");
}

#[tokio::test]
async fn s49_a_name_leads_to_no_address_that_is_not_of_the_internet() {
    for bad in [
        "127.0.0.1",
        "127.8.8.8",
        "::1",
        "::ffff:127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "fd00::1",
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "64:ff9b::169.254.169.254",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::8.8.8.8",
        "2002:a9fe:a9fe::1",
        "2002:808:808::1",
        "2001:0:808:808::1",
        "fe80::1",
        "100.100.100.200",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
        "192.0.2.1",
        "2001:db8::1",
        "::7f00:1",
    ] {
        let names = Names::new(&[&[bad]]);
        let problem = ollama("https://models.example", &names, once()).chat(&request()).await.unwrap_err();
        assert!(matches!(problem, ProviderError::NotPermitted(EgressProblem::Address)), "{bad}: {problem:?}");
        assert_eq!(*names.asked.lock().unwrap(), ["models.example"]);
    }
}

#[tokio::test]
async fn s49_localhost_is_this_machine_and_nothing_else() {
    for bent in [
        "8.8.8.8",
        "10.0.0.1",
        "fd00::1",
        "169.254.169.254",
        "0.0.0.0",
        "2606:4700::1111",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ] {
        let names = Names::new(&[&[bent]]);
        let problem = ollama("http://localhost:9", &names, once()).chat(&request()).await.unwrap_err();
        assert!(
            matches!(problem, ProviderError::NotPermitted(EgressProblem::Address)),
            "{bent}: {problem:?}"
        );
    }
    let server = Server::answering(ok(GOOD)).await;
    let names = Names::new(&[&["10.0.0.1", "127.0.0.1", "169.254.169.254"]]);
    let url = format!("http://localhost:{}", server.port);
    let said = ollama(&url, &names, once()).chat(&request()).await.unwrap();
    assert_eq!((said.text.as_str(), server.asked().len()), ("Hi", 1));
}

#[tokio::test]
async fn s49_a_name_is_looked_up_once_for_a_request_and_checked_each_time() {
    let server = Server::answering(ok(GOOD)).await;
    // What was checked is connected to: the second answer, which would be asked for by a second lookup, is not used.
    let names = Names::new(&[&["127.0.0.1"], &["127.0.0.2"], &["10.0.0.1"]]);
    let model = ollama(&format!("http://localhost:{}", server.port), &names, once());
    model.chat(&request()).await.unwrap();
    assert_eq!((names.asked.lock().unwrap().len(), server.asked().len()), (1, 1));
    // The next request looks it up again, and nothing listens there: the answer decides, not what was known before.
    let problem = model.chat(&request()).await.unwrap_err();
    assert!(matches!(problem, ProviderError::Connection(_)), "{problem:?}");
    let problem = model.chat(&request()).await.unwrap_err();
    assert!(matches!(problem, ProviderError::NotPermitted(EgressProblem::Address)), "{problem:?}");
    assert_eq!((names.asked.lock().unwrap().len(), server.asked().len()), (3, 1));
}

#[tokio::test]
async fn s49_a_name_that_is_bound_to_another_address_between_tries_is_refused() {
    // The first answer is of the Internet: nobody is there, or the time to connect is over. The second is not.
    let server = Server::answering(ok(GOOD)).await;
    let names = Names::new(&[&["8.8.8.8"], &["127.0.0.1"]]);
    let brief = std::time::Duration::from_millis(100);
    let limits = Limits { connect: brief, first_pause: brief / 50, ..Limits::default() };
    let problem = ollama(&format!("https://models.example:{}", server.port), &names, limits)
        .chat(&request())
        .await
        .unwrap_err();
    assert!(matches!(problem, ProviderError::NotPermitted(EgressProblem::Address)), "{problem:?}");
    assert_eq!((names.asked.lock().unwrap().len(), server.asked().len()), (2, 0));
}

#[tokio::test]
async fn a_name_that_is_not_found_is_no_connection() {
    let names = Names::new(&[]);
    let problem = ollama("https://models.example", &names, once()).chat(&request()).await.unwrap_err();
    assert!(matches!(problem, ProviderError::Connection(_)), "{problem:?}");
}

#[tokio::test]
async fn s49_an_address_is_connected_to_as_it_stands() {
    let server = Server::answering(ok(GOOD)).await;
    let names = Names::new(&[]);
    let url = format!("http://{}:{}", Ipv4Addr::LOCALHOST, server.port);
    assert_eq!(ollama(&url, &names, once()).chat(&request()).await.unwrap().text, "Hi");
    assert!(names.asked.lock().unwrap().is_empty());
    let outlet = Outlet::new(BaseUrl::parse(&url).unwrap(), once());
    assert!(Anthropic::new(outlet, key()).chat(&request()).await.is_err());
}

#[test]
fn s49_no_proxy_of_the_environment_is_used() {
    // Variables are the process's, so it is another one: another test of this file, which reaches its server by itself.
    #[expect(clippy::disallowed_methods, reason = "this process, with other variables")]
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "egress::s49_an_address_is_connected_to_as_it_stands"]).env_remove("NO_PROXY");
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        again.env(name, "http://127.0.0.1:1");
    }
    let done = again.env_remove("no_proxy").output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && said.contains("1 passed"), "{said}");
}
