//! Ranking: BM25 with the statistics of one namespace.
//!
//! The formula is that of Robertson & Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009),
//! with the inverse document frequency `ln(1 + (N - df + 0.5) / (df + 0.5))`, which is never negative. A pure
//! function: what it is not given cannot move a score (S05).

use std::cmp::Ordering;

use super::query::TextQuery;

/// How soon more occurrences of a term stop counting.
const K1: f64 = 1.2;
/// How much a long entry is held back.
const B: f64 = 0.75;
/// An occurrence in the key counts like this many in the body.
const HEADING_WEIGHT: f64 = 2.0;

/// What a namespace holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statistics {
    /// How many entries.
    pub entries: u64,
    /// How many terms, all entries together.
    pub terms: u64,
}

/// That an entry holds a term of the query. Several of one entry and term are added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posting {
    /// The entry's number in the index; newer entries have higher ones.
    pub entry: i64,
    /// The place of the term in [`TextQuery::terms`].
    pub term: u32,
    /// How often it occurs in the body.
    pub frequency: u32,
    /// How often it occurs in the key.
    pub heading: u32,
}

/// A result.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// The entry's number in the index.
    pub entry: i64,
    /// 0 to 1, higher is better.
    pub score: f64,
}

/// Ranks the entries that the postings name, best first, the newer one first among equals.
///
/// A score is the share of what the query could reach at most: the sum of weight · idf · (k1 + 1) over all its
/// terms, those that no entry holds included. So scores of several namespaces can stand in one list, and a
/// threshold means the same for every query. Document frequencies are those of the postings, which therefore
/// have to be complete. Entries that lack a required term are left out.
///
/// `lengths` gives the number of terms in an entry's body, and is asked once for each entry.
#[must_use]
pub fn rank(
    query: &TextQuery,
    statistics: Statistics,
    lengths: impl Fn(i64) -> u32,
    postings: &[Posting],
) -> Vec<Scored> {
    let postings = merged(query, postings);
    let weights = weights(query, statistics, &postings);
    let reachable: f64 = weights.iter().sum();
    let required = query.terms().iter().filter(|term| term.required).count();
    let average = average_length(statistics);
    let mut results = Vec::new();
    for group in postings.chunk_by(|a, b| a.entry == b.entry) {
        let Some(entry) = group.first().map(|posting| posting.entry) else { continue };
        if held(query, group) < required {
            continue;
        }
        let norm = K1 * (1.0 - B + B * f64::from(lengths(entry)) / average);
        let sum: f64 =
            group.iter().map(|posting| weight(&weights, *posting) * saturation(*posting, norm)).sum();
        let score = if reachable > 0.0 { round(sum / reachable) } else { 0.0 };
        results.push(Scored { entry, score });
    }
    results.sort_unstable_by(best_first);
    results
}

/// The best `limit` of results that may come from several namespaces, best first.
#[must_use]
pub fn top(mut results: Vec<Scored>, limit: usize) -> Vec<Scored> {
    if let Some(last) = limit.checked_sub(1)
        && limit < results.len()
    {
        results.select_nth_unstable_by(last, best_first);
    }
    results.truncate(limit);
    results.sort_unstable_by(best_first);
    results
}

/// To 4 decimals, within 0 to 1: what callers are shown, and what decides the order.
#[must_use]
pub fn round(score: f64) -> f64 {
    (score.clamp(0.0, 1.0) * 10_000.0).round() / 10_000.0
}

fn best_first(a: &Scored, b: &Scored) -> Ordering {
    b.score.total_cmp(&a.score).then_with(|| b.entry.cmp(&a.entry))
}

/// Sorted by entry and term, one for each pair; without those that say nothing.
fn merged(query: &TextQuery, postings: &[Posting]) -> Vec<Posting> {
    let known = |posting: &&Posting| {
        let says = posting.frequency > 0 || posting.heading > 0;
        says && usize::try_from(posting.term).is_ok_and(|term| term < query.terms().len())
    };
    let mut sorted: Vec<Posting> = postings.iter().filter(known).copied().collect();
    sorted.sort_unstable_by_key(|posting| (posting.entry, posting.term));
    sorted.dedup_by(|next, kept| {
        let same = (next.entry, next.term) == (kept.entry, kept.term);
        if same {
            kept.frequency = kept.frequency.saturating_add(next.frequency);
            kept.heading = kept.heading.saturating_add(next.heading);
        }
        same
    });
    sorted
}

/// For each term of the query, what it can bring at most: weight · idf · (k1 + 1).
fn weights(query: &TextQuery, statistics: Statistics, postings: &[Posting]) -> Vec<f64> {
    let mut holders = vec![0_u64; query.terms().len()];
    for posting in postings {
        if let Some(count) = usize::try_from(posting.term).ok().and_then(|term| holders.get_mut(term)) {
            *count = count.saturating_add(1);
        }
    }
    let terms = query.terms().iter().zip(holders);
    terms.map(|(term, holders)| term.weight * idf(statistics.entries, holders) * (K1 + 1.0)).collect()
}

fn idf(entries: u64, holders: u64) -> f64 {
    let others = float(entries.saturating_sub(holders));
    ((others + 0.5) / (float(holders) + 0.5)).ln_1p()
}

fn average_length(statistics: Statistics) -> f64 {
    (float(statistics.terms) / float(statistics.entries).max(1.0)).max(1.0)
}

fn weight(weights: &[f64], posting: Posting) -> f64 {
    usize::try_from(posting.term).ok().and_then(|term| weights.get(term)).copied().unwrap_or_default()
}

/// From 0 towards 1 with the number of occurrences.
fn saturation(posting: Posting, norm: f64) -> f64 {
    let frequency = f64::from(posting.frequency) + HEADING_WEIGHT * f64::from(posting.heading);
    frequency / (frequency + norm)
}

/// How many of the required terms the postings of one entry hold.
fn held(query: &TextQuery, group: &[Posting]) -> usize {
    let required = |posting: &&Posting| {
        usize::try_from(posting.term)
            .is_ok_and(|term| query.terms().get(term).is_some_and(|term| term.required))
    };
    group.iter().filter(required).count()
}

/// Without a lossy cast: exact up to 2⁵³, and close beyond.
fn float(count: u64) -> f64 {
    let part = |bits: u64| f64::from(u32::try_from(bits).unwrap_or(u32::MAX));
    part(count >> 32) * 4_294_967_296.0 + part(count & u64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Match;

    const SPACE: Statistics = Statistics { entries: 10, terms: 100 };

    fn posting(entry: i64, term: u32, frequency: u32) -> Posting {
        Posting { entry, term, frequency, heading: 0 }
    }

    fn order(scored: &[Scored]) -> Vec<i64> {
        scored.iter().map(|scored| scored.entry).collect()
    }

    #[test]
    fn a_score_is_the_published_formula_over_what_is_reachable() {
        let query = TextQuery::parse("alpha beta", Match::Any);
        let ranked = rank(&query, SPACE, |_| 20, &[posting(1, 0, 3), posting(2, 1, 1), posting(3, 1, 1)]);
        let idf_alpha = (1.0_f64 + 9.5 / 1.5).ln();
        let idf_beta = (1.0_f64 + 8.5 / 2.5).ln();
        let norm = 1.2 * (0.25 + 0.75 * 2.0);
        let alpha = idf_alpha * 3.0 * 2.2 / (3.0 + norm) / ((idf_alpha + idf_beta) * 2.2);
        assert!((ranked[0].score - alpha).abs() < 0.000_051);
        assert_eq!(order(&ranked), [1, 3, 2], "equals: the newer first");
    }

    #[test]
    fn rare_terms_short_entries_and_keys_count_more() {
        let query = TextQuery::parse("alpha beta", Match::Any);
        let rare = rank(&query, SPACE, |_| 10, &[posting(1, 0, 1), posting(2, 1, 1), posting(3, 1, 1)]);
        assert_eq!(order(&rare)[0], 1);
        let short = rank(
            &query,
            SPACE,
            |entry| if entry == 1 { 5 } else { 50 },
            &[posting(1, 0, 1), posting(2, 0, 1)],
        );
        assert_eq!(order(&short), [1, 2]);
        let key = Posting { heading: 1, ..posting(1, 0, 0) };
        assert_eq!(order(&rank(&query, SPACE, |_| 10, &[key, posting(2, 0, 1)])), [1, 2]);
    }

    #[test]
    fn all_keeps_only_entries_with_every_required_term() {
        let query = TextQuery::parse("alpha foo_bar", Match::All);
        let whole = [posting(1, 0, 1), posting(1, 1, 1), posting(1, 2, 1)];
        let partial = [posting(2, 0, 9), posting(2, 1, 9), posting(2, 3, 9)];
        assert_eq!(query.terms().len(), 4);
        assert_eq!(order(&rank(&query, SPACE, |_| 10, &[whole, partial].concat())), [1]);
    }

    #[test]
    fn postings_of_one_entry_and_term_are_added_up() {
        let query = TextQuery::parse("alpha", Match::Prefix);
        let split = rank(&query, SPACE, |_| 10, &[posting(1, 0, 1), posting(1, 0, 2)]);
        assert_eq!(split, rank(&query, SPACE, |_| 10, &[posting(1, 0, 3)]));
    }

    #[test]
    fn numbers_that_do_not_fit_together_do_no_harm() {
        let query = TextQuery::parse("alpha", Match::Any);
        let nothing = Statistics { entries: 0, terms: 0 };
        let ranked =
            rank(&query, nothing, |_| 0, &[posting(1, 0, u32::MAX), posting(1, 0, 1), posting(2, 7, 1)]);
        assert_eq!(order(&ranked), [1]);
        assert!((0.0..=1.0).contains(&ranked[0].score));
        assert!(rank(&TextQuery::parse("", Match::All), SPACE, |_| 1, &[posting(1, 0, 1)]).is_empty());
    }

    #[test]
    fn the_best_of_several_lists_come_first() {
        let scored = |entry, score| Scored { entry, score };
        let all = vec![scored(1, 0.2), scored(2, 0.9), scored(3, 0.2), scored(4, 0.5)];
        assert_eq!(order(&top(all.clone(), 3)), [2, 4, 3]);
        assert_eq!(order(&top(all.clone(), 9)), [2, 4, 3, 1]);
        assert!(top(all, 0).is_empty());
    }
}
