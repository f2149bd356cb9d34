//! Searching, by reading every term of every entry.

use agentstack_access::Scope;
use agentstack_core::{Entry, Hit, MatchType, Namespace, Trust};

use super::{Kept, State};
use crate::model::SEARCHED_CHARS;
use crate::text::rank::{Posting, Scored, Statistics, rank};
use crate::text::{QueryTerm, Term, TextQuery};
use crate::vector::fuse;
use crate::{Found, Search};

impl State {
    pub(super) fn search(&self, scope: &Scope, search: &Search) -> Found {
        let mut found: Vec<(Scored, MatchType, &Namespace, &Kept)> = vec![];
        let mut without_vector = 0;
        for (namespace, entries) in self.read(scope) {
            let candidates: Vec<&Kept> = entries
                .iter()
                .filter(|kept| {
                    kept.is_visible(scope, namespace)
                        && kept.passes(&search.tags, search.agent.as_ref())
                        && (!search.trusted_only || kept.current.version.label.trust == Trust::Trusted)
                })
                .collect();
            let postings: Vec<Posting> =
                candidates.iter().flat_map(|kept| kept.postings(&search.query)).collect();
            let by_number = |number: i64| entries.iter().find(|kept| kept.number == number);
            let length = |number| by_number(number).map_or(0, Kept::length);
            let visible = || entries.iter().filter(|kept| kept.is_visible(scope, namespace));
            let mut text = rank(&search.query, statistics(visible()), length, &postings);
            text.retain(|hit| {
                by_number(hit.entry).is_some_and(|kept| kept.has_phrase(search.query.phrase()))
            });
            let scored = if let Some(meaning) = &search.meaning {
                let has = |kept: &&Kept| kept.without(&meaning.model);
                without_vector += visible().filter(has).count() as u64;
                let cosine = |kept: &&Kept| Some((kept.number, kept.cosine(meaning)?));
                let cosines: Vec<(i64, f64)> = candidates.iter().filter_map(cosine).collect();
                fuse(&text, &cosines, meaning.alone, search.threshold, search.reach())
            } else {
                text.retain(|hit| hit.score >= search.threshold);
                text.into_iter().map(|hit| (hit, MatchType::Text)).collect()
            };
            let kept = |(hit, how): (Scored, MatchType)| Some((hit, how, namespace, by_number(hit.entry)?));
            found.extend(scored.into_iter().filter_map(kept));
        }
        found.sort_by(|(a, ..), (b, ..)| b.score.total_cmp(&a.score).then(b.entry.cmp(&a.entry)));
        let rest = found.iter().skip(search.offset as usize);
        let more = rest.clone().count() > search.limit as usize;
        let hit = |(scored, how, namespace, kept): &(Scored, MatchType, &Namespace, &Kept)| Hit {
            entry: Entry {
                summary: kept.summary(namespace, &kept.current.version),
                content: kept.current.version.content.chars().take(SEARCHED_CHARS as usize).collect(),
            },
            score: scored.score,
            match_type: *how,
        };
        Found { hits: rest.take(search.limit as usize).map(hit).collect(), more, without_vector }
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
