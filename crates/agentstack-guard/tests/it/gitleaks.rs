//! Samples of what the rules of gitleaks look for: drawn from the rules' own patterns, the same in every run.

use std::ops::Range;

use regex_syntax::hir::{Class, Hir, HirKind};

/// A rule, with what is drawn from it.
pub(crate) struct Rule {
    pub(crate) id: String,
    pattern: Hir,
    entropy: f64,
    /// The group that is the secret, where that is not the first.
    group: Option<u32>,
}

/// One text that the rule matches, and where in it the secret is.
pub(crate) struct Sample {
    pub(crate) text: String,
    pub(crate) secret: Range<usize>,
}

/// The rules of the file, read line by line: each field of ours is on a line of its own.
pub(crate) fn rules(file: &str) -> Vec<Rule> {
    let mut rules = Vec::new();
    for block in file.split("\n[[rules]]\n").skip(1) {
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(&format!("{name} = ")));
        let id = field("id").unwrap().trim_matches('"').to_owned();
        let Some(pattern) = field("regex").map(|pattern| pattern.trim_matches('\'')) else { continue };
        let entropy = field("entropy").map_or(0.0, |number| number.parse().unwrap());
        // RE2's classes are ASCII; only a few rules name characters outside of it.
        // And two of them forgot that a dot is any character.
        let exact =
            pattern.replace("xoxe.xox", r"xoxe\.xox").replace("hooks.slack.com", r"hooks\.slack\.com");
        let ascii = exact.replace(r"[\s\S-]", r"[A-Za-z0-9+/\n]");
        let parsed = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(&ascii);
        let group = field("secretGroup").map(|number| number.parse().unwrap());
        rules.push(Rule { id, pattern: parsed.unwrap(), entropy, group });
    }
    rules
}

impl Rule {
    /// Samples whose secret is as random as the rule asks.
    pub(crate) fn samples(&self, count: usize) -> Vec<Sample> {
        let mut random = Random(
            self.id.bytes().fold(7, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte))),
        );
        let drawn = std::iter::repeat_with(|| self.draw(&mut random)).take(count * 50);
        drawn
            .filter(|sample| entropy(&sample.text[sample.secret.clone()]) > self.entropy)
            .take(count)
            .collect()
    }

    fn draw(&self, random: &mut Random) -> Sample {
        let mut bytes = Vec::new();
        let mut groups = Vec::new();
        append(&self.pattern, random, &mut bytes, &mut groups);
        let text: String = bytes.into_iter().map(char::from).collect();
        groups.retain(|(index, _)| self.group.is_none_or(|group| *index == group));
        // The first group that took part is the secret, or all of the match.
        let secret =
            groups.into_iter().min_by_key(|(index, _)| *index).map_or(0..text.len(), |(_, span)| span);
        Sample { text, secret }
    }
}

fn append(pattern: &Hir, random: &mut Random, out: &mut Vec<u8>, groups: &mut Vec<(u32, Range<usize>)>) {
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.extend_from_slice(&literal.0),
        HirKind::Class(class) => out.push(pick(class, random)),
        HirKind::Capture(capture) => {
            let start = out.len();
            append(&capture.sub, random, out, groups);
            groups.push((capture.index, start..out.len()));
        }
        HirKind::Concat(parts) => parts.iter().for_each(|part| append(part, random, out, groups)),
        HirKind::Alternation(parts) => append(&parts[random.below(parts.len())], random, out, groups),
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(repetition.min + 12).min(repetition.min + 40);
            let extra = random.below((most - repetition.min) as usize + 1);
            for _ in 0..repetition.min as usize + extra {
                append(&repetition.sub, random, out, groups);
            }
        }
    }
}

fn pick(class: &Class, random: &mut Random) -> u8 {
    let bytes: Vec<u8> = match class {
        Class::Bytes(class) => class.iter().flat_map(|range| range.start()..=range.end()).collect(),
        Class::Unicode(class) => {
            class.iter().flat_map(|range| range.start()..=range.end()).map(|c| c as u8).collect()
        }
    };
    let printable: Vec<u8> =
        bytes.into_iter().filter(|byte| matches!(byte, b'\t' | b'\n' | b' '..=b'~')).collect();
    printable[random.below(printable.len())]
}

/// Shannon's entropy, as gitleaks computes it.
fn entropy(text: &str) -> f64 {
    let mut counts = [0.0_f64; 256];
    text.bytes().for_each(|byte| counts[usize::from(byte)] += 1.0);
    let total: f64 = counts.iter().sum();
    counts.iter().filter(|count| **count > 0.0).map(|count| -(count / total) * (count / total).log2()).sum()
}

/// Numbers that look random and are the same in every run (Marsaglia 2003).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % limit
    }
}
