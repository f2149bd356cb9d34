//! Every fault that `doctor` is there to find, planted one at a time.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use agentstack::core::{Clock, SystemClock};
use agentstack::doctor::{Finding, Severity, examine};
use serde_json::{Value, json};

use crate::Workplace;
use crate::plugin::Mcp;

const DATABASE: &str = "data/aistack.db";
/// The user's own file: one that merely lies in the current folder may not say everything.
const CONFIG: &str = "home/agentstack/config.json";
const KEY: &str = "home/agentstack/agentstack.key";
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Changes the configuration file; the paths in it are whole ones, so that it can be read from anywhere.
fn configure(at: &Path, change: impl FnOnce(&mut Value)) {
    let file = at.join(CONFIG);
    let mut config: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    config["memory"]["path"] = json!(at.join(DATABASE));
    config["security"]["keySource"] = json!({ "file": at.join(KEY) });
    change(&mut config);
    fs::write(&file, config.to_string()).unwrap();
    mode(&file, 0o600);
}

fn set(at: &Path, section: &str, field: &str, value: Value) {
    configure(at, |config| config[section][field] = value);
}

fn policy(at: &Path, rule: &str) -> PathBuf {
    let folder = at.join("policy");
    fs::create_dir(&folder).unwrap();
    mode(&folder, 0o755);
    fs::write(folder.join("rules.cedar"), rule).unwrap();
    mode(&folder.join("rules.cedar"), 0o644);
    set(at, "security", "policy", json!(folder));
    folder
}

/// A database that is not encrypted, with a log.
fn plain(at: &Path, workplace: &Workplace) {
    fs::remove_dir_all(at.join("data")).unwrap();
    set(at, "security", "encryption", json!(false));
    Mcp::start(workplace).close();
    workplace.expect(&["session", "list"], 0);
}

/// A file that was left two hours ago.
fn left(at: &Path, name: &str) {
    let file = fs::File::create(at.join(name)).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_hours(2)).unwrap();
    mode(&at.join(name), 0o600);
}

/// Serves HTTP with a certificate that ends so many days from now.
fn certificate(at: &Path, days: u64) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut wanted = rcgen::CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
    wanted.not_after = (SystemTime::now() + Duration::from_hours(24 * days)).into();
    fs::write(at.join("cert.pem"), wanted.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(at.join("cert.key"), key.serialize_pem()).unwrap();
    mode(&at.join("cert.key"), 0o640);
    let files = json!({ "certificate": at.join("cert.pem"), "key": at.join("cert.key") });
    set(at, "http", "tls", files);
}

/// What is planted, in which check it is found, how bad it is, and how many days later it is looked at.
type Case = (&'static str, Severity, i64, fn(&Path, &Workplace));

use Severity::{Failure, Warning};

const CASES: &[Case] = &[
    ("config.usable", Failure, 0, |at, _| configure(at, |config| config["nonsense"] = json!(1))),
    ("config.usable", Failure, 0, |at, _| {
        set(at, "providers", "openai", json!({ "apiKey": "sk-canary-0123456789" }));
        mode(&at.join(CONFIG), 0o644);
    }),
    ("config.references", Failure, 0, |at, _| {
        set(at, "providers", "openai", json!({ "apiKey": "sk-canary-0123456789" }));
    }),
    ("config.references", Failure, 0, |at, _| {
        set(at, "github", "token", json!("ghp_canary0123456789canary0123456789canar"));
    }),
    ("encryption.on", Failure, 0, |at, workplace| plain(at, workplace)),
    ("guard.on", Warning, 0, |at, _| set(at, "guard", "enabled", json!(false))),
    ("watch.on", Warning, 0, |at, _| set(at, "watch", "enabled", json!(false))),
    ("policy.usable", Failure, 0, |at, _| drop(policy(at, "permit (principal, action, nonsense);"))),
    ("policy.usable", Failure, 0, |at, _| mode(&policy(at, "permit (principal, action, resource);"), 0o777)),
    ("surface.http", Warning, 0, |at, _| {
        configure(at, |config| {
            config["http"] =
                json!({ "listen": "0.0.0.0:3001", "behindProxy": true, "allowedHosts": ["a.example"] });
        });
    }),
    ("surface.http", Failure, 0, |at, _| set(at, "http", "listen", json!("0.0.0.0:3001"))),
    ("surface.certificate", Warning, 0, |at, _| certificate(at, 5)),
    ("surface.certificate", Failure, 61, |at, _| certificate(at, 60)),
    ("surface.certificate", Failure, 0, |at, _| {
        certificate(at, 60);
        mode(&at.join("cert.key"), 0o644);
    }),
    ("github.use", Warning, 0, |at, _| set(at, "github", "enabled", json!(true))),
    ("github.use", Failure, 0, |at, _| {
        configure(at, |config| {
            config["github"] =
                json!({ "enabled": true, "repositories": ["octo-org/*"], "program": "/nowhere/gh" });
        });
    }),
    ("github.confined", Warning, 0, |at, _| {
        configure(at, |config| {
            config["github"] = json!({ "enabled": true, "repositories": ["octo-org/*"], "sandbox": false });
        });
    }),
    ("key.there", Failure, 0, |at, _| fs::remove_file(at.join(KEY)).unwrap()),
    ("key.there", Failure, 0, |at, _| fs::write(at.join(KEY), "no key").unwrap()),
    ("key.private", Failure, 0, |at, _| mode(&at.join(KEY), 0o644)),
    ("key.private", Failure, 0, |at, _| {
        fs::rename(at.join(KEY), at.join("elsewhere")).unwrap();
        symlink(at.join("elsewhere"), at.join(KEY)).unwrap();
    }),
    ("key.folder", Failure, 0, |at, _| mode(at.join(KEY).parent().unwrap(), 0o777)),
    ("key.apart", Failure, 0, |at, _| {
        fs::copy(at.join(KEY), at.join("data/key")).unwrap();
        configure(at, |config| config["security"]["keySource"] = json!({ "file": at.join("data/key") }));
    }),
    ("key.age", Warning, 400, |_, _| {}),
    ("key.left-over", Warning, 0, |at, _| {
        fs::copy(at.join(KEY), at.join("home/agentstack/agentstack.key.next")).unwrap();
    }),
    ("key.left-over", Warning, 0, |at, _| {
        left(at, "home/agentstack/.0123456789abcdef.new");
    }),
    ("key.left-over", Failure, 0, |at, _| left(at, "home/agentstack/agentstack.key.replaced")),
    ("key.folder", Failure, 0, |at, _| {
        // As /tmp is.
        mode(at.join(KEY).parent().unwrap(), 0o1777);
    }),
    ("providers.usable", Failure, 0, |at, _| {
        set(at, "providers", "openai", json!({ "apiKeyFile": at.join("nowhere") }));
    }),
    ("providers.usable", Failure, 0, |at, _| set(at, "providers", "default", json!("anthropic"))),
    ("config.references", Failure, 0, |at, _| {
        set(at, "plugins", "settings", json!({ "notes": { "token": "canary-0123456789" } }));
    }),
    ("provider.key", Failure, 0, |at, _| {
        fs::write(at.join("provider"), "sk-canary-0123456789").unwrap();
        mode(&at.join("provider"), 0o644);
        set(at, "providers", "openai", json!({ "apiKeyFile": at.join("provider") }));
    }),
    ("provider.age", Warning, 120, |at, _| {
        fs::write(at.join("provider"), "sk-canary-0123456789").unwrap();
        mode(&at.join("provider"), 0o600);
        set(at, "providers", "openai", json!({ "apiKeyFile": at.join("provider") }));
    }),
    ("token.private", Failure, 0, |at, _| {
        fs::write(at.join("home/agentstack/operator-1.token"), "ast_").unwrap();
        mode(&at.join("home/agentstack/operator-1.token"), 0o644);
    }),
    ("token.age", Warning, 120, |_, workplace| {
        workplace.expect(&["token", "create", "--subject", "ci", "--role", "agent"], 0);
    }),
    ("database.private", Failure, 0, |at, _| mode(&at.join(DATABASE), 0o644)),
    ("database.private", Failure, 0, |at, _| {
        fs::rename(at.join(DATABASE), at.join("elsewhere")).unwrap();
        symlink(at.join("elsewhere"), at.join(DATABASE)).unwrap();
    }),
    ("database.folder", Failure, 0, |at, _| mode(&at.join("data"), 0o777)),
    ("database.left-over", Warning, 0, |at, _| {
        left(at, "data/aistack.db.0123456789abcdef.new");
    }),
    ("database.left-over", Warning, 0, |at, _| left(at, "data/aistack.db.0123456789abcdef.new-wal")),
    ("database.opens", Failure, 0, |at, _| fs::write(at.join(KEY), "3c".repeat(32)).unwrap()),
    ("database.opens", Failure, 0, |at, workplace| {
        plain(at, workplace);
        set(at, "security", "encryption", json!(true));
    }),
    ("database.sound", Failure, 0, |at, _| {
        // The last page, which nothing reads at a start.
        let mut bytes = fs::read(at.join(DATABASE)).unwrap();
        let place = bytes.len() - 2_000;
        bytes[place] ^= 1;
        fs::write(at.join(DATABASE), bytes).unwrap();
    }),
    ("audit.intact", Failure, 0, |at, workplace| {
        plain(at, workplace);
        let bytes = fs::read(at.join(DATABASE)).unwrap();
        let (from, to) = (b"\"operation\":\"session_active\"", b"\"operation\":\"session_status\"");
        let place = bytes.windows(from.len()).position(|window| window == from).unwrap();
        let mut changed = bytes;
        changed[place..place + to.len()].copy_from_slice(to);
        fs::write(at.join(DATABASE), changed).unwrap();
    }),
    ("audit.checkpoint", Warning, 30, |_, _| {}),
    ("backup.age", Warning, 30, |_, _| {}),
    ("system.clock", Failure, -1, |_, _| {}),
    ("signals.lately", Warning, 0, |at, workplace| {
        configure(at, |config| config["watch"] = json!({ "thresholds": { "foreignSessionProbing": 2 } }));
        let mut mcp = Mcp::start(workplace);
        for _ in 0..6 {
            let foreign = "01983b2e-5c00-7000-8000-000000000001";
            mcp.call("session_status", &json!({ "sessionId": foreign }));
        }
        mcp.close();
    }),
    ("plugins.use", Warning, 0, |at, _| set(at, "plugins", "enabled", json!(true))),
];

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        let target = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            copy(&file.path(), &target);
        } else {
            fs::copy(file.path(), &target).unwrap();
        }
    }
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
}

/// What is wrong: check and severity.
fn wrong(findings: &[(String, String)]) -> Vec<(&str, &str)> {
    let bad = findings.iter().filter(|(check, severity)| {
        check != "system.root" && (severity == "failure" || severity == "warning")
    });
    bad.map(|(check, severity)| (check.as_str(), severity.as_str())).collect()
}

/// What the program finds.
fn diagnosed(workplace: &Workplace) -> (Option<i32>, Vec<(String, String)>) {
    let output = workplace.run(&["--json", "doctor"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |finding: &Value, field: &str| finding[field].as_str().unwrap().to_owned();
    let findings = told["findings"].as_array().unwrap().iter();
    (output.status.code(), findings.map(|it| (text(it, "check"), text(it, "severity"))).collect())
}

/// What would be found some days from now.
fn diagnosed_at(workplace: &Workplace, days: i64) -> Vec<(String, String)> {
    let file = workplace.path().join(CONFIG);
    let now = SystemClock.now().plus_millis(days * DAY_MS);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let found: Vec<Finding> = runtime.block_on(examine(Some(file), now));
    let word = |severity: Severity| json!(severity).as_str().unwrap().to_owned();
    found.iter().map(|finding| (finding.check.to_owned(), word(finding.severity))).collect()
}

#[test]
fn each_planted_fault_is_found_and_a_fresh_installation_has_none() {
    let template = Workplace::new();
    template.expect(&["quickstart"], 0);
    fs::rename(template.path().join("aistack.config.json"), template.path().join(CONFIG)).unwrap();
    configure(template.path(), |_| {});
    let (code, fresh) = diagnosed(&template);
    assert_eq!((code, wrong(&fresh)), (Some(0), vec![]));
    assert!(fresh.len() > 25, "{fresh:?}");
    for (number, (check, severity, days, plant)) in CASES.iter().enumerate() {
        let workplace = Workplace::new();
        copy(template.path(), workplace.path());
        configure(workplace.path(), |_| {});
        plant(workplace.path(), &workplace);
        let found = if *days == 0 {
            let (code, found) = diagnosed(&workplace);
            assert_eq!(code, Some(i32::from(wrong(&found).iter().any(|(_, word)| *word == "failure"))));
            found
        } else {
            diagnosed_at(&workplace, *days)
        };
        let expected = (*check, if *severity == Failure { "failure" } else { "warning" });
        assert!(wrong(&found).contains(&expected), "case {number}: {expected:?} in {:?}", wrong(&found));
    }
}

#[test]
fn a_certificate_that_is_good_for_two_months_is_well() {
    let workplace = Workplace::new();
    workplace.expect(&["quickstart"], 0);
    fs::rename(workplace.path().join("aistack.config.json"), workplace.path().join(CONFIG)).unwrap();
    certificate(workplace.path(), 60);
    let (code, found) = diagnosed(&workplace);
    assert_eq!((code, wrong(&found)), (Some(0), vec![]));
    assert!(found.contains(&("surface.certificate".to_owned(), "ok".to_owned())), "{found:?}");
}

#[test]
fn what_is_safe_to_is_mended() {
    let workplace = Workplace::new();
    workplace.expect(&["quickstart"], 0);
    let at = workplace.path();
    mode(&at.join(DATABASE), 0o666);
    mode(&at.join("data"), 0o777);
    mode(&at.join(KEY), 0o644);
    left(at, "home/agentstack/.0123456789abcdef.new");
    left(at, "data/aistack.db.0123456789abcdef.new");
    // Of a restore that was killed when its draft had got the name of the database.
    fs::hard_link(at.join(DATABASE), at.join("data/aistack.db.00112233445566ff.new")).unwrap();
    // Somebody may be making this one.
    let fresh = at.join("data/aistack.db.fedcba9876543210.new");
    fs::write(&fresh, "").unwrap();
    workplace.expect(&["doctor"], 1);
    let said = workplace.expect(&["doctor", "--fix"], 0);
    assert!(said.contains("6 things were mended."), "{said}");
    assert!(fresh.exists());
    assert_eq!(wrong(&diagnosed(&workplace).1), vec![]);
    assert!(!workplace.expect(&["doctor", "--verbose"], 0).contains("5a5a"));
}
