//! The server with models: one that speaks as Ollama does, on this machine.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::Home;

/// A request as it came: the first line, the other lines of its head, and what it says.
struct Asked {
    line: String,
    head: String,
    body: Value,
}

/// Answers chats with one sentence and embeds a text as how often it has each of three letters. Tells of what it was asked.
fn ollama() -> (u16, mpsc::Receiver<Asked>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // Whoever asked may have ended before it had said all.
            let Some((mut reader, asked)) = read(stream) else { continue };
            // Whoever asked may be gone.
            let _ = reader.get_mut().write_all(answer(&asked).as_bytes());
            let _ = tell.send(asked);
        }
    });
    (port, told)
}

fn read(stream: TcpStream) -> Option<(BufReader<TcpStream>, Asked)> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut head, mut length) = (String::new(), String::new(), 0);
    reader.read_line(&mut line).ok()?;
    loop {
        let mut next = String::new();
        if reader.read_line(&mut next).ok()? <= 2 {
            break;
        }
        if let Some(value) = next.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        head.push_str(&next);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body = serde_json::from_slice(&body).ok()?;
    Some((reader, Asked { line, head, body }))
}

fn answer(asked: &Asked) -> String {
    let model = &asked.body["model"];
    let text = if asked.line.contains("/api/embed") {
        let vector = |text: &Value| {
            let text = text.as_str().unwrap();
            ["a", "b", "c"]
                .map(|letter| f64::from(u32::try_from(text.matches(letter).count()).unwrap()) + 0.1)
        };
        let vectors: Vec<[f64; 3]> = asked.body["input"].as_array().unwrap().iter().map(vector).collect();
        json!({ "model": model, "embeddings": vectors, "prompt_eval_count": 3 }).to_string()
    } else {
        let piece = |text: &str| json!({ "model": model, "message": { "role": "assistant", "content": text }, "done": false });
        let end = json!({
            "model": model, "message": { "role": "assistant", "content": "" }, "done": true, "done_reason": "stop",
            "prompt_eval_count": 12, "eval_count": 5,
        });
        format!("{}\n{}\n{end}\n", piece("It is "), piece("blue."))
    };
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{text}", text.len())
}

fn home(port: u16) -> Home {
    let home = Home::new();
    let config = json!({
        "memory": { "vectorSearch": { "enabled": true, "provider": "ollama", "model": "letters" } },
        "providers": {
            "default": "ollama",
            "ollama": { "baseUrl": format!("http://127.0.0.1:{port}"), "model": "small", "maxRetries": 0 },
        },
    });
    std::fs::write(home.path("config/agentstack/config.json"), config.to_string()).unwrap();
    home
}

#[test]
fn an_agent_is_run_by_the_model_of_the_configuration_and_its_answer_is_kept_unverified() {
    let (port, told) = ollama();
    let home = home(port);
    let mut server = home.start(&[]);
    let (session, _) = server.session();
    server.ok(
        "memory_store",
        json!({ "sessionId": session, "key": "sky", "content": "the sky colour is asked for" }),
    );
    let agent = server.ok("agent_spawn", json!({ "sessionId": session, "type": "coder" }));
    let asked = json!({
        "sessionId": session, "id": agent["agent"]["id"], "prompt": "Which colour?", "recall": "sky colour",
        "storeAs": "answer",
    });
    let ran = server.ok("agent_run", asked);
    assert_eq!(
        (&ran["response"], &ran["provider"], &ran["tokens"]["output"]),
        (&json!("It is blue."), &json!("ollama"), &json!(5))
    );
    assert_eq!((&ran["label"]["trust"], &ran["recalled"]), (&json!("unverified"), &json!(1)));
    let kept = server.ok("memory_get", json!({ "sessionId": session, "key": "answer" }));
    assert_eq!(kept["entry"]["content"], "It is blue.");
    assert_eq!(kept["entry"]["label"]["origin"]["tool"], "agent_run");
    let chat = told.iter().find(|asked| asked.line.contains("/api/chat")).unwrap();
    // S26: nothing of the caller's goes out but what is to be asked.
    let sent = format!("{}{}{}", chat.line, chat.head, chat.body);
    assert!(sent.contains("Which colour?") && sent.contains("the sky colour is asked for"), "{sent}");
    assert!(!sent.contains(&session) && !sent.to_ascii_lowercase().contains("authorization"), "{sent}");
    server.close();
    assert!(home.audit().is_intact());
}

#[test]
fn what_waits_for_a_vector_gets_it_after_a_kill() {
    let home = home(1);
    let mut server = home.start(&[]);
    let (session, _) = server.session();
    for (key, content) in [("one", "aaa"), ("two", "bbb")] {
        // A shared entry outlives the process that stored it.
        let entry = json!({ "sessionId": session, "key": key, "content": content, "namespace": "team" });
        server.ok("memory_store", entry);
    }
    // Nobody answers at that address.
    let found = server.ok("memory_search", json!({ "query": "aaa" }));
    assert_eq!((&found["searchedBy"], &found["count"]), (&json!("text"), &json!(1)), "{found}");
    server.signal(rustix::process::Signal::KILL);
    server.wait();

    let (port, _told) = ollama();
    let config = std::fs::read_to_string(home.path("config/agentstack/config.json")).unwrap();
    let config = config.replace("127.0.0.1:1\"", &format!("127.0.0.1:{port}\""));
    std::fs::write(home.path("config/agentstack/config.json"), config).unwrap();
    let mut server = home.start(&[]);
    let begun = Instant::now();
    loop {
        let found = server.ok("memory_search", json!({ "query": "a", "mode": "semantic" }));
        if found["notEmbedded"] == 0 {
            assert_eq!(found["results"][0]["key"], "one");
            break;
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "{found}");
    }
    server.close();
}
