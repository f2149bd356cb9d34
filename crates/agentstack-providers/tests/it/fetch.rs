//! One request on somebody else's account: to the host of the outlet, once, with what may be sent.

use agentstack_providers::{BaseUrl, EgressProblem, Fetch, Limits, Outlet, ProviderError};

use crate::server::{Act, Server, answer, ok};

fn outlet(server: &Server, answer_bytes: usize) -> Outlet {
    Outlet::new(BaseUrl::parse(&server.url()).unwrap(), Limits { answer_bytes, ..Limits::default() })
}

fn get(url: String) -> Fetch {
    Fetch { method: "GET", url, headers: vec![], body: None }
}

#[tokio::test]
async fn what_is_asked_for_goes_out_and_whatever_comes_back_is_the_answer() {
    let teapot = answer("418 I'm a teapot", &["X-Kind: pot", "Set-Cookie: a=b"], "short and stout");
    let server =
        Server::start(vec![Act::Write(teapot), Act::Write(answer("302 Found", &["Location: /other"], ""))])
            .await;
    let outlet = outlet(&server, 1_000);
    let fetch = Fetch {
        method: "POST",
        url: format!("{}/a%20b?c=d#e", server.url()),
        headers: vec![("X-One".to_owned(), "1".to_owned()), ("X-One".to_owned(), "2".to_owned())],
        body: Some(b"tea".to_vec()),
    };
    let fetched = outlet.fetch(fetch).await.unwrap();
    assert_eq!((fetched.status, fetched.body.as_slice()), (418, &b"short and stout"[..]));
    assert!(fetched.headers.contains(&("x-kind".to_owned(), "pot".to_owned())));
    let [asked] = &server.asked()[..] else { panic!("once: whatever the status, it is not tried again") };
    assert_eq!((asked.line.as_str(), asked.body.as_str()), ("POST /a%20b?c=d HTTP/1.1", "tea"));
    let ones: Vec<_> = asked.headers.iter().filter(|(name, _)| name == "x-one").collect();
    assert_eq!(ones.len(), 2);
    let redirect = outlet.fetch(get(server.url())).await.unwrap();
    assert_eq!((redirect.status, server.asked().len()), (302, 2), "a redirect is not followed");
}

#[tokio::test]
async fn s49_it_goes_to_the_host_of_the_outlet_and_nowhere_else() {
    let server = Server::answering(ok("{}")).await;
    let outlet = outlet(&server, 1_000);
    for url in [
        "http://127.0.0.2/".to_owned(),
        "http://127.0.0.1:1/".to_owned(),
        format!("https://127.0.0.1:{}/", server.port),
        format!("http://user@127.0.0.1:{}/", server.port),
        format!("http://127.0.0.1:{}@evil.example/", server.port),
        "file:///etc/passwd".to_owned(),
    ] {
        let refused = outlet.fetch(get(url.clone())).await;
        let other = ProviderError::NotPermitted(EgressProblem::OtherHost);
        assert_eq!(refused.unwrap_err().to_string(), other.to_string(), "{url}");
    }
    assert!(outlet.fetch(get("nonsense".to_owned())).await.is_err());
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn what_is_for_the_connection_to_say_is_refused_and_answers_have_a_greatest_size() {
    let server = Server::start(vec![Act::Write(ok("12345")), Act::Write(ok("123456"))]).await;
    let outlet = outlet(&server, 5);
    let with = |name: &str, value: &str| Fetch {
        headers: vec![(name.to_owned(), value.to_owned())],
        ..get(server.url())
    };
    for (name, value) in [
        ("Host", "evil.example"),
        ("content-length", "7"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "upgrade"),
        ("Proxy-Authorization", "x"),
        ("a b", "x"),
        ("x", "a\r\nb: c"),
        ("x", &"y".repeat(20_000)),
    ] {
        let refused = outlet.fetch(with(name, value)).await;
        assert!(matches!(refused, Err(ProviderError::BadRequest { status: 0, .. })), "{name}: {refused:?}");
    }
    assert!(outlet.fetch(Fetch { method: "G E T", ..get(server.url()) }).await.is_err());
    assert!(server.asked().is_empty());
    assert_eq!(outlet.fetch(get(server.url())).await.unwrap().body, b"12345");
    let refused = outlet.fetch(get(server.url())).await;
    assert!(matches!(refused, Err(ProviderError::TooLarge { most: 5 })), "{refused:?}");
}
