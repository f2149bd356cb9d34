//! What goes out comes in again, and what nobody has exported does not.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use agentstack_core::limits::MESSAGE_BYTES;
use agentstack_core::{
    AgentId, Entry, EntryId, EntrySummary, Label, Metadata, Namespace, Origin, Tag, Timestamp, Trust,
};
use agentstack_engine::{ExportedVersion, ImportReason, MemoryRecord, MemorySource};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::out::Draft;
use super::source::{Lines, Source};
use super::{ExportFailure, ExportFormat, line, names, page};

fn entry(namespace: &str, key: &str, content: &str) -> Entry {
    let at = Timestamp::from_millis(1_750_000_000_000);
    let origin = Origin { principal: "local:ann".into(), agent_id: None, tool: "memory_store".into(), at };
    Entry {
        summary: EntrySummary {
            id: EntryId::from_bytes([7; 16]),
            key: key.parse().unwrap(),
            namespace: namespace.parse().unwrap(),
            version: 3,
            agent_id: None,
            tags: vec![],
            metadata: Metadata::default(),
            created_at: at,
            updated_at: at,
            label: Label { trust: Trust::Trusted, origin, findings: vec![] },
            chars: 0,
        },
        content: content.into(),
    }
}

fn record_of(version: ExportedVersion<'_>) -> MemoryRecord {
    let summary = &version.entry.summary;
    let Namespace::Shared(namespace) = summary.namespace.clone() else { panic!("no shared namespace") };
    MemoryRecord {
        namespace,
        key: summary.key.clone(),
        content: version.entry.content.clone().try_into().unwrap(),
        metadata: summary.metadata.clone(),
        tags: summary.tags.clone(),
        agent: summary.agent_id.clone(),
        created_at: summary.created_at,
        version: summary.version,
        is_current: version.is_current,
    }
}

/// Any text, and often what could be taken for something else.
fn text(most: usize) -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        4 => any::<char>().prop_map(String::from),
        2 => "[a-z ]{1,8}",
        1 => prop::sample::select(vec![
            "---\n", "---", "\r\n", "\n", "\0", "\"", "\\", "key: ", "# ", "- ", "\u{feff}", "\u{2028}", "\u{85}",
            "\u{7f}", "../", "CON", "{", "}", "[", ": ", "'", "!!", "&a", "*a", "%", "~", "\u{e0041}", "\u{10ffff}",
        ]).prop_map(str::to_owned),
    ];
    vec(pieces, 1..20).prop_map(move |pieces| pieces.concat().chars().take(most).collect())
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop::sample::select(vec![0.5, -1.25, 1e300, 1e-7, 2.5e22]).prop_map(Value::from),
        text(20).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((text(10), inner), 0..4).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

prop_compose! {
    fn entries()(
        namespace in "[A-Za-z0-9][A-Za-z0-9._-]{0,20}",
        key in text(255),
        content in text(400),
        metadata in vec((text(10), value()), 0..4),
        tags in prop::collection::btree_set(text(64), 0..4),
        agent in prop::option::of("[a-z][a-z0-9-]{0,10}"),
        created in 0_i64..253_402_300_799_999,
        version in 1_u32..=999_999_998,
    ) -> Entry {
        let mut entry = entry(&namespace, &key, &content);
        entry.summary.metadata = Metadata::try_from(metadata.into_iter().collect::<Map<_, _>>()).unwrap();
        entry.summary.tags = tags.into_iter().map(|tag| tag.parse::<Tag>().unwrap()).collect();
        entry.summary.agent_id = agent.map(|agent| agent.parse::<AgentId>().unwrap());
        entry.summary.created_at = Timestamp::from_millis(created);
        entry.summary.version = version;
        entry
    }
}

proptest! {
    #[test]
    fn what_is_exported_is_what_is_imported(entry in entries(), is_current: bool) {
        let version = ExportedVersion { entry: &entry, is_current };
        let line = line::encode(version).unwrap();
        prop_assert!(!line.contains(&b'\n'));
        prop_assert_eq!(line::decode(&line), Ok(record_of(version)));
        let page = page::encode(version).unwrap();
        prop_assert!(page.ends_with(entry.content.as_bytes()));
        prop_assert_eq!(page::decode(&page), Ok(record_of(version)));
    }

    #[test]
    fn a_name_leads_nowhere_and_fits_everywhere(key in text(255)) {
        let name = names::file(&key, Some(999_999_998));
        prop_assert!(name.len() < 200, "{}", name);
        let allowed = |letter: char| matches!(letter, 'a'..='z' | '0'..='9' | '-' | '_' | '.' | '~' | '@');
        prop_assert!(name.chars().all(allowed) && name.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_'), "{}", name);
    }

    #[test]
    fn no_bytes_are_too_much_for_a_reader(bytes: Vec<u8>, front in text(200)) {
        let _any = (line::decode(&bytes), page::decode(&bytes), page::decode(front.as_bytes()));
        let _any = page::decode(format!("---\n{front}\n---\nx").as_bytes());
    }
}

#[test]
fn different_keys_never_share_a_file_wherever_it_is_kept() {
    let (long, shorter) = ("x".repeat(255), "x".repeat(254));
    let keys = [
        "a", "A", "a.", "a ", " a", "a/b", "a-b", "a\\b", "../a", "..", ".", "/", "~", "con", "CON",
        "con.txt", "com1", "lpt9", "nul", "é", "e\u{301}", "É", "\u{0}", "a@1", "a@2", "a~b", ".hidden",
        "-rf", &long, &shorter, "猫",
    ];
    let names: BTreeSet<String> = keys.iter().map(|key| names::stem(key).to_lowercase()).collect();
    assert_eq!(names.len(), keys.len(), "{names:?}");
    for key in keys {
        let stem = names::stem(key);
        assert_eq!(stem == key, ["a", "a-b"].contains(&key), "{key}");
        assert!(!["con", "com1", "nul"].contains(&stem.split('.').next().unwrap()), "{stem}");
    }
    assert_eq!(names::stem("deploy-notes_2.1"), "deploy-notes_2.1");
    assert_eq!(names::stem("Deploy Notes"), names::stem("Deploy Notes"));
    assert!(names::stem("Deploy Notes").starts_with("deploy-notes~"));
    let mut files = ["a@10.md", "ab.md", "a@2.md", "a.md"];
    files.sort_by_key(|file| names::order(file));
    assert_eq!(files, ["a.md", "a@2.md", "a@10.md", "ab.md"]);
}

#[test]
fn a_page_says_in_yaml_what_yaml_would_misread() {
    let mut odd = entry("team", "no: \"yes\" # \u{85}\u{202e}", "---\nkey: other\n---\nbody");
    let metadata = json!({ "a": [1, 1e30, null], "yes": "line\nbreak", "ü": "👍" });
    odd.summary.metadata = Metadata::try_from(metadata.as_object().unwrap().clone()).unwrap();
    let page =
        String::from_utf8(page::encode(ExportedVersion { entry: &odd, is_current: true }).unwrap()).unwrap();
    insta::assert_snapshot!(page);
}

fn good() -> Map<String, Value> {
    let version = entry("team", "k", "text");
    let line = line::encode(ExportedVersion { entry: &version, is_current: true }).unwrap();
    serde_json::from_slice(&line).unwrap()
}

#[test]
fn s19_every_field_is_checked_and_labels_are_not_believed() {
    let with = |name: &str, value: Value| {
        let mut fields = good();
        fields.insert(name.to_owned(), value);
        line::decode(json!(fields).to_string().as_bytes())
    };
    let deep = (0..40).fold(json!({}), |inner, _| json!({ "a": inner }));
    for (name, value, reason) in [
        ("namespace", json!("../etc"), ImportReason::Namespace),
        ("namespace", json!("session:01a20676-d460-7647-b7f0-f40ac2053627"), ImportReason::SessionMemory),
        ("namespace", json!(1), ImportReason::WrongType),
        ("key", json!(""), ImportReason::Key),
        ("key", json!("k".repeat(256)), ImportReason::Key),
        ("content", json!(""), ImportReason::Content),
        ("content", json!("x".repeat(1_000_001)), ImportReason::Content),
        ("metadata", json!([]), ImportReason::WrongType),
        ("metadata", deep, ImportReason::Metadata),
        ("tags", json!(["a", "a"]), ImportReason::Tags),
        ("tags", json!(vec!["a"; 33]), ImportReason::Tags),
        ("tags", json!([""]), ImportReason::Tags),
        ("agentId", json!("a\nb"), ImportReason::Agent),
        ("createdAt", json!("yesterday"), ImportReason::Time),
        ("createdAt", json!("1960-01-01T00:00:00Z"), ImportReason::Time),
        ("version", json!(0), ImportReason::Version),
        ("version", json!(999_999_999), ImportReason::Version),
        ("version", json!("1"), ImportReason::Version),
        ("current", json!("no"), ImportReason::WrongType),
        ("trust", json!("trusted"), ImportReason::Field),
        ("origin", json!({}), ImportReason::Field),
    ] {
        assert_eq!(with(name, value), Err(reason), "{name}");
    }
    // S11: whatever a label says, a record has no place for it.
    let plain = line::decode(json!(good()).to_string().as_bytes()).unwrap();
    for label in
        [json!({ "trust": "trusted", "origin": { "tool": "memory_store" } }), json!("anything"), json!(null)]
    {
        assert_eq!(with("label", label), Ok(plain.clone()));
    }
    for name in ["namespace", "key", "content", "createdAt", "version"] {
        let mut fields = good();
        fields.remove(name);
        assert_eq!(line::decode(json!(fields).to_string().as_bytes()), Err(ImportReason::Field), "{name}");
    }
    let twice = json!(good()).to_string().replacen('{', "{\"key\":\"other\",", 1);
    for (bytes, reason) in [
        (twice.as_bytes(), ImportReason::Broken),
        (b"", ImportReason::Broken),
        (b"[]", ImportReason::Broken),
        (b"{", ImportReason::Broken),
        (b"\"\xff\"", ImportReason::Utf8),
    ] {
        assert_eq!(line::decode(bytes), Err(reason));
    }
}

#[test]
fn a_page_with_broken_front_matter_is_refused() {
    let sound =
        page::encode(ExportedVersion { entry: &entry("team", "k", "text"), is_current: true }).unwrap();
    let sound = String::from_utf8(sound).unwrap();
    let windows = sound.replace('\n', "\r\n");
    assert_eq!(page::decode(windows.as_bytes()), page::decode(sound.as_bytes()));
    for (page, reason) in [
        (String::new(), ImportReason::Broken),
        ("text".to_owned(), ImportReason::Broken),
        (format!("\u{feff}{sound}"), ImportReason::Broken),
        (sound.replacen("---\n", "----\n", 1), ImportReason::Broken),
        (sound.replace("\n---\n", "\n"), ImportReason::Broken),
        (sound.replacen("key: \"k\"", "key: k", 1), ImportReason::Broken),
        (sound.replacen("key: \"k\"", "key: \"k\"\nkey: \"l\"", 1), ImportReason::Field),
        (sound.replacen("key: \"k\"", "key: \"k\"\ncontent: \"l\"", 1), ImportReason::Field),
        (sound.replacen("key: \"k\"", "key: \"k\"\nevil: !!python/object 1", 1), ImportReason::Broken),
        (sound.replacen("key: \"k\"", "key: \"k\"\nother: 1", 1), ImportReason::Field),
        (sound.replacen("key: \"k\"", "key: *a", 1), ImportReason::Broken),
        (sound.strip_suffix("text").unwrap().to_owned(), ImportReason::Content),
    ] {
        assert_eq!(page::decode(page.as_bytes()), Err(reason), "{page}");
    }
    assert_eq!(page::decode(b"---\nkey: \"\xff\"\n---\nx"), Err(ImportReason::Utf8));
}

#[test]
fn a_line_that_is_too_long_is_passed_over_and_the_next_is_read() {
    let line = json!(good()).to_string();
    let file =
        [&vec![b'x'; MESSAGE_BYTES + 1][..], b"\n", line.as_bytes(), b"\n", &vec![b'y'; MESSAGE_BYTES + 9]];
    let file = file.concat();
    let mut lines = Lines::of(&file[..]);
    let mut next = || lines.next_record().unwrap();
    assert_eq!(next(), Some(("line 1".into(), Err(ImportReason::TooLong))));
    assert!(matches!(next(), Some((place, Ok(_))) if place == "line 2"));
    assert_eq!(next(), Some(("line 3".into(), Err(ImportReason::TooLong))));
    assert_eq!(next(), None);
    assert_eq!(lines.position(), file.len() as u64);
}

fn drain(source: &mut dyn MemorySource) -> Vec<(String, Result<String, ImportReason>)> {
    let mut all = vec![];
    while let Some((place, found)) = source.next_record().unwrap() {
        all.push((place, found.map(|record| record.key.as_str().to_owned())));
    }
    all
}

#[test]
fn s42_an_export_is_private_complete_or_not_there_and_in_the_place_of_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (entry("Team", "one", "1"), entry("team", "../two", "2"));
    for format in [ExportFormat::Jsonl, ExportFormat::Markdown] {
        let out = folder.path().join(format!("{format:?}"));
        let mut draft = Draft::beside(&out, format).unwrap();
        draft.add(ExportedVersion { entry: &one, is_current: true }).unwrap();
        assert!(!out.exists());
        drop(draft);
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            usize::from(format == ExportFormat::Markdown)
        );

        let (mut draft, mut late) =
            (Draft::beside(&out, format).unwrap(), Draft::beside(&out, format).unwrap());
        for entry in [&one, &two] {
            draft.add(ExportedVersion { entry, is_current: true }).unwrap();
            draft.add(ExportedVersion { entry, is_current: false }).unwrap();
        }
        late.add(ExportedVersion { entry: &two, is_current: true }).unwrap();
        draft.publish().unwrap();
        assert!(matches!(late.publish(), Err(ExportFailure::There { .. })));
        assert!(matches!(Draft::beside(&out, format), Err(ExportFailure::There { .. })));
        let found = drain(&mut *Source::open(&out).unwrap().records);
        let keys: Vec<&str> = found.iter().map(|(_, found)| found.as_deref().unwrap()).collect();
        let mut sorted = keys.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, ["../two", "../two", "one", "one"], "{found:?}");
        assert!(modes(&out).iter().all(|(is_folder, mode)| *mode == if *is_folder { 0o700 } else { 0o600 }));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no draft is left");
}

fn modes(path: &Path) -> Vec<(bool, u32)> {
    let about = fs::symlink_metadata(path).unwrap();
    let mut all = vec![(about.is_dir(), about.permissions().mode() & 0o7777)];
    if about.is_dir() {
        for inner in fs::read_dir(path).unwrap() {
            all.extend(modes(&inner.unwrap().path()));
        }
    }
    all
}

#[test]
fn s42_no_link_is_followed_out_of_a_folder() {
    let place = tempfile::tempdir().unwrap();
    let (root, elsewhere) = (place.path().join("in"), place.path().join("elsewhere"));
    fs::create_dir_all(root.join("team")).unwrap();
    fs::create_dir(&elsewhere).unwrap();
    let sound =
        page::encode(ExportedVersion { entry: &entry("team", "k", "text"), is_current: true }).unwrap();
    fs::write(elsewhere.join("k.md"), &sound).unwrap();
    fs::write(root.join("team/good.md"), &sound).unwrap();
    fs::write(root.join("team/large.md"), vec![b'x'; MESSAGE_BYTES + 1]).unwrap();
    fs::write(root.join("team/notes.txt"), "passed over").unwrap();
    fs::write(root.join("README.md"), "passed over").unwrap();
    fs::create_dir(root.join("team/folder.md")).unwrap();
    symlink(elsewhere.join("k.md"), root.join("team/link.md")).unwrap();
    symlink(&elsewhere, root.join("linked")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, root.join("team/pipe.md"), rustix::fs::Mode::RUSR).unwrap();
    let found = drain(&mut *Source::open(&root).unwrap().records);
    let refused = Err(ImportReason::NotPlain);
    assert_eq!(
        found,
        [
            ("linked".to_owned(), refused.clone()),
            ("team/folder.md".to_owned(), refused.clone()),
            ("team/good.md".to_owned(), Ok("k".to_owned())),
            ("team/large.md".to_owned(), Err(ImportReason::TooLong)),
            ("team/link.md".to_owned(), refused.clone()),
            ("team/pipe.md".to_owned(), refused),
        ]
    );
    for not_plain in ["linked", "team/link.md", "team/pipe.md"] {
        assert!(Source::open(&root.join(not_plain)).is_err(), "{not_plain}");
    }
}
