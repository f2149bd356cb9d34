//! A `gh` that does not mean well, or not well enough.

use std::fs;
use std::time::{Duration, Instant};

use agentstack_core::{IssueBody, IssueFilter};
use agentstack_github::{CodeHost, CodeHostError, NewIssue, RepositoryInfo};

use crate::answers;
use crate::world::{Fake, RECORD, STAYS, printed, repository};

async fn asked(fake: &Fake) -> Result<RepositoryInfo, CodeHostError> {
    fake.gh().repository(&repository()).await
}

fn of_one_second(behaviour: &str) -> Fake {
    let mut fake = Fake::new(behaviour);
    fake.settings.timeout = Duration::from_secs(1);
    fake
}

/// Starts another one, and stays with it.
fn forks_and_sleeps() -> String {
    format!("{STAYS}/bin/sleep 300 & /bin/sleep 300")
}

#[tokio::test]
async fn s47_one_that_sleeps_is_killed_in_time_with_all_that_it_has_started() {
    let fake = of_one_second(&forks_and_sleeps());
    let (watched, begun) = (fake.watch(), Instant::now());
    let error = asked(&fake).await.unwrap_err();
    assert!(matches!(error, CodeHostError::TimedOut(most) if most == Duration::from_secs(1)), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(10));
    watched.gone().await;
}

#[tokio::test]
async fn s47_one_that_nobody_waits_for_is_killed_with_all_that_it_has_started() {
    let fake = Fake::new(&forks_and_sleeps());
    let (gh, mut watched) = (fake.gh(), fake.watch());
    let call = tokio::spawn(async move { gh.repository(&repository()).await });
    watched.started().await;
    call.abort();
    watched.gone().await;
}

#[tokio::test]
async fn s47_what_it_leaves_behind_does_not_outlive_the_call_nor_hold_it_up() {
    // The child holds the output open.
    let fake = Fake::new(&format!("{STAYS}/bin/sleep 300 & /bin/cat \"$GH_CONFIG_DIR/answer\""));
    fake.lay("answer", &printed("200 OK", "", answers::REPOSITORY));
    let (watched, begun) = (fake.watch(), Instant::now());
    asked(&fake).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10));
    watched.gone().await;
}

#[tokio::test]
async fn s47_one_that_leaves_the_group_cannot_hold_up_the_call() {
    let fake = Fake::new("/usr/bin/setsid /bin/sleep 5 & exit 0");
    let begun = Instant::now();
    let error = asked(&fake).await.unwrap_err();
    assert!(matches!(error, CodeHostError::Malformed(_)), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(4));
}

#[tokio::test]
async fn s47_of_a_gigabyte_no_more_is_taken_than_is_taken() {
    for to in ["", ">&2"] {
        let mut fake = Fake::new(&format!("{STAYS}/usr/bin/head -c 1000000000 /dev/zero {to}"));
        // The sandbox does not give it that device.
        fake.settings.sandbox = false;
        let (watched, begun) = (fake.watch(), Instant::now());
        let error = asked(&fake).await.unwrap_err();
        assert!(matches!(error, CodeHostError::TooLarge { .. }), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(10));
        watched.gone().await;
    }
}

#[tokio::test]
async fn s47_half_an_answer_is_none() {
    let whole = printed("200 OK", "", answers::REPOSITORY);
    let mut at: Vec<usize> = (0..whole.len()).step_by(97).collect();
    at.push(whole.len() - 1);
    for end in at {
        let fake = Fake::new(RECORD);
        fake.lay("answer", whole.get(..end).unwrap());
        let error = asked(&fake).await.unwrap_err();
        assert!(matches!(error, CodeHostError::Malformed(_)), "{end}: {error}");
    }
    // Whole, but by its own account `gh` did not come to its end.
    let fake = Fake::new(&format!("{RECORD}\nexit 1"));
    fake.lay("answer", &whole);
    assert!(matches!(asked(&fake).await, Err(CodeHostError::Failed { exit: Some(1) })));
}

#[tokio::test]
async fn s47_what_is_no_json_of_githubs_is_no_answer() {
    let issue = answers::ISSUE;
    for body in [
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        format!("\u{1b}[1;32m{issue}\u{1b}[0m"),
        format!("{issue}{issue}"),
        issue.replace("1347,", "\"1347\","),
        issue.replace("1347,", "-1,"),
        issue.replace("1347,", "99999999999,"),
        issue.replace("1347,", "0,"),
        issue.replace("\"open\"", "\"OPEN\""),
        issue.replace("2026-04-22T13:33:48Z", "yesterday"),
        issue.replace("\"Found a bug\"", "[\"Found a bug\"]"),
        "[".repeat(100_000),
        // Beyond GitHub's own limits.
        issue.replace("Found a bug", &"x".repeat(2_049)),
        issue.replace("I'm having a problem with this.", &"x".repeat(4 * 65_536 + 1)),
        issue.replace(
            "[{\"id\": 208045946",
            &format!("[{}{{\"id\": 208045946", "{\"name\": \"x\"},".repeat(200)),
        ),
    ] {
        let fake = Fake::answering("200 OK", &body);
        let error = fake.gh().issue(&repository(), 1347.try_into().unwrap()).await.unwrap_err();
        assert!(matches!(error, CodeHostError::Malformed(_)), "{body:.40}: {error}");
    }
    // What a text holds is the text's business: it comes as it is, and its reader sees to the rest.
    let body = issue.replace("Found a bug", r"\u001b[31mFound\u001b[0m \u202e a bug");
    let found = Fake::answering("200 OK", &body).gh().issue(&repository(), 1347.try_into().unwrap()).await;
    assert_eq!(found.unwrap().summary.title, "\u{1b}[31mFound\u{1b}[0m \u{202e} a bug");
}

#[tokio::test]
async fn one_that_does_not_read_its_input_is_no_problem_and_one_that_reads_slowly_gets_all_of_it() {
    let new = NewIssue {
        title: "A".to_owned().try_into().unwrap(),
        body: Some(IssueBody::try_from("x".repeat(65_536)).unwrap()),
        labels: vec![],
        assignees: vec![],
    };
    let deaf = Fake::new("/bin/cat \"$GH_CONFIG_DIR/answer\"");
    deaf.lay("answer", &printed("201 Created", "", answers::ISSUE));
    assert!(deaf.gh().create_issue(&repository(), &new).await.is_ok());
    let slow = Fake::new(&format!("/bin/sleep 0.3\n{RECORD}"));
    slow.lay("answer", &printed("201 Created", "", answers::ISSUE));
    assert!(slow.gh().create_issue(&repository(), &new).await.is_ok());
    assert_eq!(slow.wrote("stdin").len(), 65_536 + r#"{"title":"A","body":""}"#.len());
}

#[tokio::test]
async fn no_more_than_a_few_run_at_one_time_and_waiting_is_part_of_the_time() {
    let fake = Fake::new("echo $$ >> \"$GH_CONFIG_DIR/all\"; /bin/sleep 300");
    let mut settings = fake.settings.clone();
    settings.timeout = Duration::from_secs(3);
    let gh = std::sync::Arc::new(agentstack_github::GhCli::new(settings).unwrap());
    let calls: Vec<_> = (0..6)
        .map(|_| {
            let gh = std::sync::Arc::clone(&gh);
            tokio::spawn(async move { gh.issues(&repository(), IssueFilter::All, 1).await.unwrap_err() })
        })
        .collect();
    let begun = Instant::now();
    for call in calls {
        assert!(matches!(call.await.unwrap(), CodeHostError::TimedOut(_)));
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "each has waited its own time only");
    let started = fs::read_to_string(fake.folder.path().join("all")).unwrap().lines().count();
    // The fifth and the sixth may get a place in the last moment.
    assert!((4..=6).contains(&started), "{started}");
}
