//! What a scan and a screening cost: the median for 2 kB of ordinary prose, and whether ten times the text takes ten times as long.
//!
//! `cargo run --release -p agentstack-guard --example bench_screen`

use std::hint::black_box;
use std::time::{Duration, Instant};

use agentstack_core::{Content, InvalidName, MemoryKey, Metadata, Namespace, SessionId, Tag};
use agentstack_guard::{
    Action, Area, Class, Confidence, Draft, Policy, Rule, Subject, scan, screen, screen_text,
};
use serde_json::{Map, Value, json};

const PROSE: &str = "The release of the second version went out on Thursday, after the team had fixed the two bugs that \
customers had reported in the search. Anna wrote the notes and asked Ben to check the numbers once more before the \
meeting. The index is now built in layers, which makes a store cheaper and a search a little dearer; nobody has \
noticed so far. Next week we look at the way in which tasks are handed from one agent to another, because two of them \
were started twice. If that is a race, the log should say so, and if it does not, we should write more into it. The \
customer in Lyon would like a report that can be read without a manual, and has sent three examples of what they use \
today. They are in the shared folder, beside the drawings of the new console. Somebody should also decide what happens \
with the old plugins: there are 14 of them, and only 3 have been used since March 2024. ";

const GERMAN: &str = "Die Änderung läuft seit gestern über alle Rechner, und bisher hat sich niemand beschwert. Für die \
nächste Woche müssen wir die Prüfung der Schlüssel noch einmal ansehen, weil sie häufig zu spät anfängt und dann die \
übrigen Aufgaben aufhält. Jörg hat vorgeschlagen, die größeren Dateien künftig nachts zu übertragen; außerdem möchte er \
wissen, ob die alten Anweisungen für den Betrieb noch gültig sind. Frau Müller führt die Liste der offenen Punkte und \
schickt sie am Freitag an alle Beteiligten. Über das Budget können wir erst sprechen, wenn die Zahlen für März vollständig \
sind. ";

const FRENCH: &str = "La mise à jour a été déployée hier soir sur tous les serveurs, et personne ne s'est plaint jusqu'à présent. \
L'équipe a vérifié les sauvegardes, qui étaient prêtes à être restaurées si nécessaire. À partir de la semaine prochaine, \
nous préférons exécuter les tâches les plus longues pendant la nuit, où la charge est très faible. Hélène a relevé que les \
règles d'accès n'étaient pas documentées et propose de compléter le système de contrôle avant l'été. Le client de Besançon a \
demandé un résumé clair et précis, sans détails inutiles ; il sera envoyé dès que les derniers chiffres auront été validés. ";

const RUSSIAN: &str = "Обновление вчера вечером установили на все серверы, и пока никто не пожаловался. Команда проверила резервные \
копии, их можно восстановить в любой момент. На следующей неделе мы хотим запускать долгие задачи ночью, когда нагрузка \
невелика. Все правила доступа ещё не описаны, поэтому Анна предложила дополнить документацию до лета. Не забудьте прислать \
список открытых вопросов в пятницу. Заказчик из Казани просил краткий и понятный отчёт без лишних подробностей; его отправят, \
как только будут проверены последние цифры. ";

/// Texts that lead a careless scan to read the same bytes over and over.
const HOSTILE: &[(&str, &str)] = &[
    ("prose", PROSE),
    ("one letter", "a"),
    ("digits", "4"),
    ("digits with spaces", "4111 1111 "),
    ("phone words", "tel 030 1234567 x "),
    ("e-mails", "a@b.co "),
    ("at signs", "a@"),
    ("dots and at signs", "a.@."),
    ("colons", "a1:"),
    ("keywords", "key="),
    ("passwords", "password: a1b2c3d4 "),
    ("JWT beginnings", "eyJhbGciOiJIUzI1NiJ9.ey"),
    ("key beginnings", "-sk-ant-xoxb-s.glpat-"),
    ("short JWT beginnings", "-ey"),
    ("GitLab beginnings", "glpat-"),
    ("PEM beginnings", "-----BEGIN PRIVATE KEY-----\nAAAA"),
    ("URLs", "http://a:b"),
    ("links", "](https://a.b/{"),
    ("link openings", "![]("),
    ("image tags", "<img src=https://a.b"),
    ("programs", "javascript:"),
    ("orders", "ignore all previous instructions "),
    ("half orders", "ignore previous send reveal "),
    ("spaced letters", "i g n o r e "),
    ("look-alikes", "іgnоre аll prevіоus "),
    ("hidden characters", "\u{200b}a"),
    ("tags", "\u{e0041}"),
    ("flags", "\u{1f3f4}\u{e0067}"),
    ("marks of redaction", "[redacted:"),
];

fn main() -> Result<(), InvalidName> {
    let started = Instant::now();
    black_box(scan(""));
    let tables = started.elapsed();
    let two_kilobytes = repeated(PROSE, 2_048);
    let mixed = repeated(
        "Call me at +49 30 1234567 or write to anna.schmidt@firma.de; the card is 4111 1111 1111 1111. ",
        2_048,
    );
    print(&format!("building the tables: {} µs", tables.as_micros()));
    let [german, french, russian] = [GERMAN, FRENCH, RUSSIAN].map(|prose| repeated(prose, 2_048));
    for (name, text) in [
        ("English prose", &two_kilobytes),
        ("German prose", &german),
        ("French prose", &french),
        ("Russian prose", &russian),
        ("full of findings", &mixed),
    ] {
        let (median, slow) = measure(|| scan(text));
        print(&format!("2 kB, {name}: median {median:.1} µs, 99 of 100 below {slow:.1} µs"));
    }
    for (name, draft) in drafts(&two_kilobytes, &german)? {
        let Given { key, content, metadata, tags } = &draft;
        let draft = Draft { key, content, metadata, tags };
        let (policy, namespace) = (Policy::default(), Namespace::Session(SessionId::generate()));
        let (median, slow) = measure(|| screen(&policy, &namespace, &draft));
        print(&format!("screening 2 kB, {name}: median {median:.1} µs, 99 of 100 below {slow:.1} µs"));
    }
    let mut worst = 0.0_f64;
    for (name, unit) in HOSTILE {
        let (small, large) = (quickest(&repeated(unit, 100_000)), quickest(&repeated(unit, 1_000_000)));
        let ratio = large.as_secs_f64() / small.as_secs_f64();
        worst = worst.max(ratio);
        print(&format!(
            "{name}: 100 kB {:.2} ms, 1 MB {:.2} ms, ratio {ratio:.1}",
            millis(small),
            millis(large)
        ));
    }
    print(&format!("the worst ratio is {worst:.1}"));
    let all = redacting_all();
    let session = Namespace::Session(SessionId::generate());
    let redacted = HOSTILE.iter().map(|(name, unit)| {
        let text = repeated(unit, 1_000_000);
        (once(&|| screen_text(&all, &session, &text).is_ok()), *name)
    });
    let (time, name) = redacted.max().unwrap_or_default();
    print(&format!("1 MB with everything redacted that can be: {:.0} ms at most ({name})", millis(time)));
    Ok(())
}

fn redacting_all() -> Policy {
    let mut policy = Policy::default();
    for class in Class::ALL {
        let rule = Rule { action: Action::Redact, from: Confidence::Low };
        policy.set(Area::Session, Subject::Class(*class), rule);
    }
    policy
}

struct Given {
    key: MemoryKey,
    content: Content,
    metadata: Metadata,
    tags: Vec<Tag>,
}

type Drafts = Vec<(&'static str, Given)>;

fn drafts(english: &str, german: &str) -> Result<Drafts, InvalidName> {
    let plain = Map::new();
    let fields: Map<String, Value> = [
        ("project", json!("atlas")),
        ("source", json!("meeting")),
        ("password", json!("none yet")),
        ("people", json!(["anna", "ben"])),
        ("score", json!(3)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    let given = |text: String, object: &Map<String, Value>| -> Result<Given, InvalidName> {
        let tags = ["notes", "release", "march"].iter().map(|tag| tag.parse()).collect::<Result<_, _>>()?;
        let key = "meeting/2026-03-12".parse()?;
        Ok(Given { key, content: text.try_into()?, metadata: object.clone().try_into()?, tags })
    };
    let key = ["ghp_", "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17 "].concat();
    Ok(vec![
        ("English without metadata, three tags", given(english.to_owned(), &plain)?),
        ("English with five fields, three tags", given(english.to_owned(), &fields)?),
        ("German with five fields, three tags", given(german.to_owned(), &fields)?),
        ("English with a secret to take out", given(english.replacen("Anna", &key, 1), &plain)?),
    ])
}

/// The median and the 99th percentile of many calls, in microseconds.
fn measure<T>(call: impl Fn() -> T) -> (f64, f64) {
    let mut times: Vec<Duration> = (0..5_000).map(|_| once(&call)).collect();
    times.sort_unstable();
    let at = |index: usize| times.get(index).map_or(0.0, |time| millis(*time) * 1_000.0);
    (at(2_500), at(4_950))
}

fn quickest(text: &str) -> Duration {
    (0..10).map(|_| once(&|| scan(black_box(text)))).min().unwrap_or_default()
}

fn once<T>(call: &impl Fn() -> T) -> Duration {
    let started = Instant::now();
    black_box(call());
    started.elapsed()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn repeated(unit: &str, bytes: usize) -> String {
    unit.repeat(bytes / unit.len() + 1)
        .chars()
        .scan(0, |length, c| {
            *length += c.len_utf8();
            (*length <= bytes).then_some(c)
        })
        .collect()
}

#[expect(clippy::print_stdout, reason = "what an example is for")]
fn print(line: &str) {
    println!("{line}");
}
