//! Searching, by reading every term of every entry.

use agentstack_access::Scope;
use agentstack_core::{Entry, Hit, MatchType, Namespace, Trust};

use super::{Kept, State};
use crate::model::SEARCHED_CHARS;
use crate::text::rank::{Posting, Scored, Statistics, rank};
use crate::text::{QueryTerm, Term, TextQuery};
use crate::{Found, Search};

impl State {
    pub(super) fn search(&self, scope: &Scope, search: &Search) -> Found {
        let mut found: Vec<(Scored, &Namespace, &Kept)> = vec![];
        for (namespace, entries) in self.read(scope) {
            let candidates = entries.iter().filter(|kept| {
                kept.is_visible(scope, namespace)
                    && kept.passes(&search.tags, search.agent.as_ref())
                    && (!search.trusted_only || kept.current.version.label.trust == Trust::Trusted)
            });
            let postings: Vec<Posting> = candidates.flat_map(|kept| kept.postings(&search.query)).collect();
            let by_number = |number: i64| entries.iter().find(|kept| kept.number == number);
            let length = |number| by_number(number).map_or(0, Kept::length);
            let visible = entries.iter().filter(|kept| kept.is_visible(scope, namespace));
            for scored in rank(&search.query, statistics(visible), length, &postings) {
                let in_order = |kept: &&Kept| kept.has_phrase(search.query.phrase());
                if let Some(kept) = by_number(scored.entry).filter(in_order)
                    && scored.score >= search.threshold
                {
                    found.push((scored, namespace, kept));
                }
            }
        }
        found.sort_by(|(a, ..), (b, ..)| b.score.total_cmp(&a.score).then(b.entry.cmp(&a.entry)));
        let rest = found.iter().skip(search.offset as usize);
        let more = rest.clone().count() > search.limit as usize;
        let hit = |(scored, namespace, kept): &(Scored, &Namespace, &Kept)| Hit {
            entry: Entry {
                summary: kept.summary(namespace, &kept.current.version),
                content: kept.current.version.content.chars().take(SEARCHED_CHARS as usize).collect(),
            },
            score: scored.score,
            match_type: MatchType::Text,
        };
        Found { hits: rest.take(search.limit as usize).map(hit).collect(), more }
    }
}

/// The statistics of what the caller may see.
fn statistics<'a>(entries: impl Iterator<Item = &'a Kept>) -> Statistics {
    entries.fold(Statistics { entries: 0, terms: 0 }, |sum, kept| Statistics {
        entries: sum.entries + 1,
        terms: sum.terms + u64::from(kept.length()),
    })
}

impl Kept {
    fn length(&self) -> u32 {
        u32::try_from(self.body.terms.len()).unwrap_or(u32::MAX)
    }

    fn postings(&self, query: &TextQuery) -> Vec<Posting> {
        let posting = |(place, wanted): (u32, &QueryTerm)| {
            let many =
                |terms: &[Term]| u32::try_from(terms.iter().filter(|term| is(term, wanted)).count()).ok();
            let frequency = many(&self.body.terms)? + many(&self.body.extra)? + many(&self.head.extra)?;
            Some(Posting { entry: self.number, term: place, frequency, heading: many(&self.head.terms)? })
        };
        (0..)
            .zip(query.terms())
            .filter_map(posting)
            .filter(|found| found.frequency + found.heading > 0)
            .collect()
    }

    /// Whether the terms stand one after the other in the key or in the content.
    fn has_phrase(&self, phrase: &[Term]) -> bool {
        let within = |terms: &[Term]| terms.windows(phrase.len()).any(|window| window == phrase);
        phrase.len() < 2 || within(&self.head.terms) || within(&self.body.terms)
    }
}

fn is(term: &Term, wanted: &QueryTerm) -> bool {
    if wanted.prefix { term.as_str().starts_with(wanted.term.as_str()) } else { *term == wanted.term }
}
