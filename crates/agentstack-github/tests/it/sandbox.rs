//! What `gh` is confined to, where this system can.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use agentstack_github::{CodeHost, Confinement};

use crate::answers;
use crate::world::{Fake, printed, repository};

/// Runs a piece of shell as `gh`, and returns what it has written to the file `out`.
async fn run(sandbox: bool, shell: &str) -> (Confinement, String) {
    let mut fake = Fake::new(&format!(
        "{{ {shell}\n}} > \"$GH_CONFIG_DIR/out\" 2>&1\n/bin/cat \"$GH_CONFIG_DIR/answer\""
    ));
    fake.lay("answer", &printed("200 OK", "", answers::REPOSITORY));
    fake.settings.sandbox = sandbox;
    let gh = fake.gh();
    gh.repository(&repository()).await.unwrap();
    (gh.confinement(), fake.wrote("out"))
}

#[tokio::test]
async fn s47_where_the_kernel_can_gh_sees_its_own_files_only() {
    let elsewhere = tempfile::tempdir().unwrap();
    fs::set_permissions(elsewhere.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let secret = elsewhere.path().join("key");
    fs::write(&secret, "canary of a key").unwrap();
    let path = secret.display();
    let shell = format!(
        "/bin/cat {path}; echo changed > {path}; /bin/ls / /etc /proc/self; /bin/cat /etc/passwd; \
         echo x > \"$HOME/mine\" && /bin/cat \"$HOME/mine\"; /bin/cat /etc/hosts > /dev/null && echo resolves"
    );
    let (confinement, out) = run(true, &shell).await;
    if confinement == Confinement::Impossible {
        // Said so to the operator; nothing else can be shown here.
        return;
    }
    assert!(!out.contains("canary") && fs::read_to_string(&secret).unwrap() == "canary of a key", "{out}");
    assert!(out.matches("Permission denied").count() >= 5, "{out}");
    assert!(out.contains("\nx\n") && out.contains("resolves"), "what it needs it has: {out}");
    // The same without: this is what the sandbox keeps from it.
    let (confinement, out) = run(false, &format!("/bin/cat {path}")).await;
    assert_eq!((confinement, out.as_str()), (Confinement::Off, "canary of a key"));
}

#[tokio::test]
async fn s47_where_the_kernel_can_gh_connects_to_https_only() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect = format!("/bin/bash -c 'echo > /dev/tcp/127.0.0.1/{port} && echo connected'");
    let (confinement, out) = run(true, &connect).await;
    if confinement != Confinement::Full || !std::path::Path::new("/bin/bash").exists() {
        return;
    }
    assert!(!out.contains("connected") && out.contains("Permission denied"), "{out}");
    // Nobody listens at this port, but it may be tried.
    let (_, out) = run(true, "/bin/bash -c 'echo > /dev/tcp/127.0.0.1/443'").await;
    assert!(!out.contains("Permission denied"), "{out}");
    let (_, out) = run(false, &connect).await;
    assert!(out.contains("connected"), "{out}");
}

#[tokio::test]
async fn only_gh_is_confined_and_not_the_process_that_asks_it() {
    let (confinement, _) = run(true, ":").await;
    assert!(matches!(confinement, Confinement::Full | Confinement::Partial | Confinement::Impossible));
    let elsewhere = tempfile::tempdir().unwrap();
    // On whatever thread.
    let tasks: Vec<_> = (0..8)
        .map(|index| {
            let file = elsewhere.path().join(index.to_string());
            tokio::task::spawn_blocking(move || fs::write(file, "x").is_ok())
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap());
    }
}
