//! Something of every form of secret that is looked for: canaries for tests that nothing of it gets where it must not.
//!
//! Drawn from the tables that the scan itself uses, the same in every run but for our own token.

use super::assigned::{KEYWORDS, Role};
use super::shape::{Check, Part, Shape};
use super::shapes::SHAPES;
use crate::bytes::Set;
use crate::{Confidence, scan};

/// A text that has a secret in it.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The secret, with the name before it that makes it one if it needs that.
    pub text: String,
    /// The secret alone.
    pub secret: String,
}

/// One of each shape, one of each form of a value behind a word, a private key and a password in a URL.
#[must_use]
pub fn samples() -> Vec<Sample> {
    let mut random = Random(41);
    let mut samples: Vec<Sample> = SHAPES.iter().map(|shape| of_shape(shape, &mut random)).collect();
    for keyword in KEYWORDS {
        let named = |secret: String| Sample { text: format!("{} = \"{secret}\"", keyword.word), secret };
        match keyword.role {
            Role::Provider(rows) => samples.extend(rows.iter().map(|row| {
                found(|| {
                    let body = random.text(row.set, row.least - row.prefix.len());
                    named(format!("{}{body}", row.prefix))
                })
            })),
            Role::Key => samples.push(found(|| named(random.text(Set::ALNUM, 32)))),
            Role::Password => samples.push(found(|| named(random.text(Set::ALNUM.and(b'!').and(b'#'), 16)))),
        }
    }
    samples.push(found(|| {
        let lines: String = (0..6).map(|_| random.text(Set::ALNUM, 64) + "\n").collect();
        let secret = format!("-----BEGIN PRIVATE KEY-----\n{lines}-----END PRIVATE KEY-----");
        Sample { text: secret.clone(), secret }
    }));
    samples.push(found(|| {
        let secret = random.text(Set::ALNUM, 16);
        Sample { text: format!("postgres://service:{secret}@db.internal/main"), secret }
    }));
    samples
}

fn of_shape(shape: &Shape, random: &mut Random) -> Sample {
    found(|| {
        let before = shape.before.iter().rev().map(|(set, least, _)| random.text(*set, *least));
        let before: String = before.collect();
        let after = shape.after.iter().map(|part| match part {
            Part::Run(set, least, _) => random.text(*set, *least),
            Part::Text(text) => (*text).to_owned(),
            Part::Pad(..) => String::new(),
        });
        let after: String = after.collect();
        let secret = match shape.check {
            Check::Agentstack => ours(),
            _ => format!("{before}{}{after}", shape.literal),
        };
        Sample { text: secret.clone(), secret }
    })
}

/// One of our own tokens, whose checksum is right.
fn ours() -> String {
    agentstack_core::ApiToken::generate().map(|token| token.reveal().to_owned()).unwrap_or_default()
}

/// The first that is drawn of which the scan is sure enough: random text can look like a placeholder.
fn found(draw: impl FnMut() -> Sample) -> Sample {
    let is_found = |sample: &Sample| {
        let start = sample.text.find(&sample.secret).unwrap_or(0);
        let end = start + sample.secret.len();
        let findings = scan::secrets(&sample.text);
        let covers = |found: &crate::Finding| found.span.start <= start && found.span.end >= end;
        findings.iter().any(|found| found.confidence >= Confidence::Medium && covers(found))
    };
    #[expect(clippy::expect_used, reason = "for tests, which fail where a table is wrong")]
    std::iter::repeat_with(draw).take(1_000).find(is_found).expect("what a table describes is found")
}

/// Numbers that look random and are the same in every run (Marsaglia 2003).
struct Random(u64);

impl Random {
    fn text(&mut self, set: Set, length: usize) -> String {
        let characters: Vec<u8> = (0..128).filter(|byte| set.has(*byte)).collect();
        let mut draw = || {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            let index = usize::try_from(self.0 >> 33).unwrap_or(0) % characters.len();
            characters.get(index).copied().map_or(' ', char::from)
        };
        (0..length).map(|_| draw()).collect()
    }
}
