//! Searching: what is found, in which order, and that nobody else's entries matter (S05, S31).

use agentstack_core::{Hit, MatchType, Namespace};

use super::world::{Call, World, search, tags};
use crate::Search;
use crate::model::SEARCHED_CHARS;
use crate::text::Match;

/// Queries, each with the keys that it finds.
type Queries<'a> = &'a [(&'a str, &'a [&'a str])];

pub async fn any_all_phrase_and_prefix_find_what_they_say(world: &World) {
    let ann = world.local("ann").start().await;
    ann.store("fox", "The quick brown foxes jump over the lazy dog").await;
    ann.store("dog", "Dogs are lazy, and brown").await;
    ann.store("cat", "Universities have cats").await;
    let table: [(Match, Queries<'_>); 4] = [
        (Match::Any, &[("fox cat", &["cat", "fox"]), ("jumping", &["fox"]), ("bro", &[]), ("whale", &[])]),
        (Match::All, &[("lazy brown", &["dog", "fox"]), ("lazy fox", &["fox"]), ("lazy cat", &[])]),
        (
            Match::Phrase,
            &[
                ("quick brown", &["fox"]),
                ("brown quick", &[]),
                ("lazy dog", &["fox"]),
                ("cat", &["cat"]),
                ("lazy and", &["dog"]),
            ],
        ),
        (
            Match::Prefix,
            &[("bro", &["dog", "fox"]), ("universi", &["cat"]), ("foxe", &["fox"]), ("rown", &[])],
        ),
    ];
    for (how, queries) in table {
        for (query, expected) in queries {
            let mut found = ann.found(query, how).await;
            found.sort();
            assert_eq!(found, *expected, "{how:?} {query:?}");
        }
    }
    let phrase = "the quick brown foxes jump over the lazy dog";
    assert_eq!(ann.found(phrase, Match::Phrase).await, ["fox"]);
}

pub async fn words_of_many_scripts_are_found(world: &World) {
    let ann = world.local("ann").start().await;
    let table = [
        ("東京都庁に行く", &["東京", "都庁", "京都", "庁"][..]),
        ("great 👍🏽 work", &["👍", "👍🏿", "work"]),
        ("see fooBar in src/main.rs", &["foo_bar", "foobar", "FOO", "main.rs", "src/main.rs"]),
        ("café crème Straße", &["cafe", "CREME", "strasse"]),
        ("Привет ΟΔΟΣ हिन्दी", &["привет", "οδος", "हिन्दी"]),
        ("error E0425 at v1.2.3", &["e0425", "v1.2.3"]),
        ("don't use C++", &["dont", "c++"]),
    ];
    for (number, (content, _)) in table.iter().enumerate() {
        ann.store(&format!("entry {number}"), content).await;
    }
    for (number, (content, queries)) in table.iter().enumerate() {
        for query in *queries {
            let found = ann.found(query, Match::Any).await;
            assert!(found.contains(&format!("entry {number}")), "{query:?} finds {content:?}: {found:?}");
        }
    }
    assert!(ann.found("大阪", Match::Any).await.is_empty());
    assert_eq!(ann.found("東京都庁", Match::Phrase).await, ["entry 0"]);
    assert!(ann.found("都庁東京", Match::Phrase).await.is_empty());
}

pub async fn a_plain_question_is_answered_best_first(world: &World) {
    let ann = world.local("ann").start().await;
    ann.store("menu", "What we had for lunch: soup, and what we will have: bread").await;
    ann.store("db", "We decided to use PostgreSQL for the deployment of the billing service").await;
    ann.store("ci", "The deployment of the site runs nightly").await;
    let found = ann.found("What did we decide about the deployment?", Match::Any).await;
    assert_eq!(found, ["db", "ci"]);
}

pub async fn a_key_counts_more_than_a_content(world: &World) {
    let ann = world.local("ann").start().await;
    ann.store("deployment", "how it is done here").await;
    ann.store("notes", "the deployment is done").await;
    assert_eq!(ann.found("deployment", Match::Any).await, ["deployment", "notes"]);
}

pub async fn equals_are_newest_first(world: &World) {
    let ann = world.local("ann").start().await;
    for (key, place) in
        [("x1", ann.clone()), ("x2", ann.named("b")), ("x3", ann.clone()), ("x4", ann.named("a"))]
    {
        place.store(key, "same words").await;
    }
    assert_eq!(ann.with_shared().found("same", Match::Any).await, ["x4", "x3", "x2", "x1"]);
    // An update makes a new version, not a new entry.
    ann.store("x1", "same words").await;
    assert_eq!(ann.found("same", Match::Any).await, ["x3", "x1"]);
}

pub async fn results_are_cut_by_limit_offset_and_threshold(world: &World) {
    let ann = world.local("ann").start().await;
    for number in 1..=9 {
        ann.store(&number.to_string(), &"word ".repeat(number)).await;
    }
    let all = ann.search(search("word", Match::Any)).await;
    assert_eq!((all.hits.len(), all.more), (9, false));
    assert!(all.hits.is_sorted_by(|a, b| a.score >= b.score));
    assert!(
        all.hits.iter().all(|hit| hit.score > 0.0 && hit.score <= 1.0 && hit.match_type == MatchType::Text)
    );
    for (offset, limit) in [(0, 4), (4, 4), (8, 4), (9, 4), (50, 4), (0, 9), (5, 4)] {
        let page = ann.search(Search { limit, offset, ..search("word", Match::Any) }).await;
        let expected: Vec<Hit> =
            all.hits.iter().skip(offset as usize).take(limit as usize).cloned().collect();
        assert_eq!(page.hits, expected);
        assert_eq!(page.more, offset + limit < 9, "{offset} {limit}");
    }
    let threshold = all.hits[3].score;
    let best = ann.search(Search { threshold, ..search("word", Match::Any) }).await;
    assert!(best.hits.iter().all(|hit| hit.score >= threshold));
    assert_eq!(best.hits.len(), all.hits.iter().filter(|hit| hit.score >= threshold).count());
    assert!(ann.search(Search { threshold: 1.1, ..search("word", Match::Any) }).await.hits.is_empty());
}

pub async fn results_must_have_the_tags(world: &World) {
    let ann = world.local("ann").start().await;
    ann.store_tagged("both", "word", &["x", "y"]).await;
    ann.store_tagged("one", "word", &["x"]).await;
    ann.store("none", "word").await;
    for (wanted, count) in [(&["x"][..], 2), (&["x", "y"], 1), (&["z"], 0), (&[], 3)] {
        let found = ann.search(Search { tags: tags(wanted), ..search("word", Match::Any) }).await;
        assert_eq!(found.hits.len(), count, "{wanted:?}");
    }
}

pub async fn a_search_takes_in_shared_namespaces_and_names_them(world: &World) {
    let (ann, bob) = (world.local("ann").start().await, world.local("bob").start().await);
    ann.store("own", "word").await;
    ann.named("team").store("shared", "word").await;
    bob.store("foreign", "word").await;
    assert_eq!(ann.found("word", Match::Any).await, ["own"]);
    let hits = ann.with_shared().search(search("word", Match::Any)).await.hits;
    let named: Vec<_> = hits.iter().map(|hit| &hit.entry.summary.namespace).collect();
    assert_eq!(
        named,
        [&Namespace::Shared("team".parse().unwrap()), &Namespace::Session(ann.session.unwrap())]
    );
    assert_eq!(ann.named("team").found("word", Match::Any).await, ["shared"]);
    assert_eq!(world.local("cid").with_shared().found("word", Match::Any).await, ["shared"]);
    assert!(ann.named("other").found("word", Match::Any).await.is_empty());
}

pub async fn s31_any_string_is_a_legal_query(world: &World) {
    let ann = world.local("ann").start().await;
    ann.store("key", "foo and bar near column").await;
    let long = "word ".repeat(200);
    let dense = "東京都".repeat(333);
    let texts = [
        "\"",
        "'",
        "foo AND",
        "NEAR(foo bar, 5)",
        "foo*",
        "-foo",
        "{head body} : foo",
        "body:foo",
        "^foo",
        "(",
        "\0",
        "foo\"bar",
        "1·foo",
        "·",
        "%",
        "_",
        "\\",
        "''; DROP TABLE entries; --",
        "",
        " ",
        "\u{202e}foo",
        &long,
        &dense,
        "head : \"foo\"",
        "a+b",
        "…",
        "foo\u{0}bar",
        "\u{10FFFF}",
        "[1,2]",
        "\u{e0041}",
    ];
    for how in [Match::Any, Match::All, Match::Phrase, Match::Prefix] {
        for text in texts {
            let found = ann.search(search(text, how)).await;
            assert!(found.hits.len() <= 1);
        }
        assert_eq!(ann.found("\"foo\"", how).await, ["key"]);
    }
}

pub async fn long_contents_are_cut_in_results(world: &World) {
    let ann = world.local("ann").start().await;
    let most = SEARCHED_CHARS as usize;
    for (key, length) in [("under", most - 1), ("at", most), ("over", most + 1), ("much", 2 * most)] {
        // With a NUL near the beginning, and characters of four bytes.
        let content: String = "word \0 👍 ".chars().chain(std::iter::repeat('👍')).take(length).collect();
        ann.store(key, &content).await;
        let found = ann.search(search(key, Match::Any)).await;
        let expected: String = content.chars().take(most).collect();
        assert!(found.hits[0].entry.content == expected, "{key}");
        assert_eq!(found.hits[0].entry.summary.chars as usize, length);
    }
}

/// All that can be asked, as one text.
async fn answers(ann: &Call<'_>) -> String {
    let mut answers = vec![];
    for how in [Match::Any, Match::All, Match::Phrase, Match::Prefix] {
        for query in ["alpha", "alpha beta", "gamma", "al", "shared", "the alpha of beta", "foreign"] {
            for call in [ann.clone(), ann.named("team"), ann.with_shared(), ann.bound_to("a")] {
                let found = call.search(Search { limit: 5, ..search(query, how) }).await;
                let hits = found.hits.iter().map(|hit| {
                    (
                        hit.score.to_bits(),
                        hit.entry.summary.key.as_str().to_owned(),
                        hit.entry.summary.id,
                        hit.entry.content.clone(),
                    )
                });
                answers.push(format!("{how:?} {query} {} {:?}", found.more, hits.collect::<Vec<_>>()));
            }
        }
    }
    answers.push(format!("{:?}", ann.list(super::world::listing(100)).await));
    answers.push(format!("{:?} {:?}", ann.status().await, ann.history("alpha").await.len()));
    answers.join("\n")
}

pub async fn s05_a_foreign_session_changes_no_byte_of_an_answer(world: &World) {
    let ann = world.local("ann").start().await;
    for (key, content) in
        [("alpha", "alpha beta"), ("b", "beta gamma alpha alpha"), ("c", "gamma"), ("d", "alpha beta")]
    {
        ann.store(key, content).await;
        ann.for_agent("a").named("team").store(key, &format!("{content} shared")).await;
    }
    let alone = answers(&ann).await;
    let bob = world.local("bob").start().await;
    let mut stored = 0;
    for target in [1, 10, 200] {
        while stored < target {
            bob.store(&format!("alpha {stored}"), "alpha beta gamma al shared foreign alpha").await;
            stored += 1;
        }
        assert_eq!(answers(&ann).await, alone, "with {target} of another's");
    }
    for number in 0..100 {
        bob.delete(&format!("alpha {number}")).await;
    }
    assert_eq!(answers(&ann).await, alone, "after deletions of another's");
    bob.end().await;
    assert_eq!(answers(&ann).await, alone, "after the end of another's session");
}

pub async fn s05_a_shared_namespace_is_ranked_by_itself(world: &World) {
    let (ann, bob) = (world.local("ann").start().await, world.local("bob").start().await);
    ann.named("team").store("key", "alpha beta").await;
    ann.named("team").store("other", "gamma").await;
    let score = async || ann.with_shared().search(search("alpha", Match::Any)).await.hits[0].score.to_bits();
    let before = score().await;
    for number in 0..20 {
        bob.store(&number.to_string(), "alpha").await;
        bob.named("elsewhere").store(&number.to_string(), "beta beta gamma").await;
    }
    assert_eq!(score().await, before);
}
