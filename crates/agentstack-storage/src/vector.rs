//! Vectors, how alike two are, and how that goes together with the words.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;

use agentstack_core::MatchType;

use crate::text::rank::{Scored, round};

/// Most numbers of a vector.
pub const DIMENSION_MOST: usize = 8_192;
/// How much what the words say counts in a hybrid search; the rest is what the meaning says. See `docs/search.md` for how
/// it was found.
const TEXT_WEIGHT: f64 = 0.5;

/// A model that makes vectors. Two are the same only if their vectors can be compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EmbeddingModel {
    /// Its provider and its name, as `provider/model`.
    pub name: String,
    /// How many numbers its vectors have.
    pub dimension: u32,
}

impl fmt::Display for EmbeddingModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} dimensions)", self.name, self.dimension)
    }
}

/// The direction of a vector, each number in 8 bits: what is compared is the angle, and with 8 bits the order of what is
/// found hardly changes while a vector takes a quarter of the room. It does not print itself (S41).
#[derive(Clone, PartialEq, Eq)]
pub struct Vector {
    /// The sum of the squares of the numbers; never 0.
    squares: u32,
    numbers: Vec<i8>,
}

impl fmt::Debug for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vector({} numbers)", self.numbers.len())
    }
}

impl Vector {
    /// That of these numbers. `None` if they have no direction, or are too many.
    #[must_use]
    pub fn new(numbers: &[f32]) -> Option<Self> {
        let largest = numbers.iter().fold(0.0_f32, |largest, number| largest.max(number.abs()));
        let is_good = numbers.iter().all(|number| number.is_finite()) && largest > 0.0;
        if !is_good || numbers.len() > DIMENSION_MOST {
            return None;
        }
        let scaled = |number: &f32| {
            // In -127 to 127, both included.
            #[expect(clippy::cast_possible_truncation, reason = "it was rounded into the range")]
            let scaled = (f64::from(*number) / f64::from(largest) * 127.0).round() as i8;
            scaled
        };
        Self::of_numbers(numbers.iter().map(scaled).collect())
    }

    fn of_numbers(numbers: Vec<i8>) -> Option<Self> {
        let squares = u32::try_from(dot(&numbers, &numbers)).ok().filter(|squares| *squares > 0)?;
        Some(Self { squares, numbers })
    }

    /// How many numbers it has.
    #[must_use]
    pub fn dimension(&self) -> u32 {
        u32::try_from(self.numbers.len()).unwrap_or(u32::MAX)
    }

    /// As bytes: the sum of the squares, and the numbers.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let numbers = self.numbers.iter().map(|number| number.cast_unsigned());
        self.squares.to_le_bytes().into_iter().chain(numbers).collect()
    }

    /// The cosine of the angle to the vector of these bytes, -1 to 1. `None` if they are not those of a vector of as many
    /// numbers.
    #[must_use]
    pub fn cosine_to(&self, bytes: &[u8]) -> Option<f64> {
        let (squares, numbers) = bytes.split_first_chunk::<4>()?;
        let squares = u32::from_le_bytes(*squares);
        if numbers.len() != self.numbers.len() || squares == 0 {
            return None;
        }
        let together = f64::from(self.squares) * f64::from(squares);
        Some((f64::from(dot_bytes(&self.numbers, numbers)) / together.sqrt()).clamp(-1.0, 1.0))
    }

    /// The cosine of the angle between two.
    #[must_use]
    pub fn cosine(&self, other: &Self) -> Option<f64> {
        self.cosine_to(&other.to_bytes())
    }
}

fn dot(a: &[i8], b: &[i8]) -> i32 {
    a.iter().zip(b).map(|(a, b)| i32::from(i16::from(*a) * i16::from(*b))).sum()
}

fn dot_bytes(a: &[i8], b: &[u8]) -> i32 {
    a.iter().zip(b).map(|(a, b)| i32::from(i16::from(*a) * i16::from(b.cast_signed()))).sum()
}

/// What a search is about.
#[derive(Debug, Clone)]
pub struct Meaning {
    /// The model of its vector. Vectors of others are not compared with it (S41).
    pub model: EmbeddingModel,
    /// Its vector.
    pub vector: Vector,
    /// Whether the words do not count at all.
    pub alone: bool,
}

/// Puts together what the words and what the meaning of a search say of the entries of one namespace: the best `most` of
/// them, best first, the newer one first among equals, none below `threshold`.
///
/// `text` are the entries that have words of the query; `cosines` are those of all entries that have a vector, by their
/// number. A cosine below 0 counts as 0. An entry without a vector is taken for an average one, so that it is found by its
/// words before it is embedded. The score is a weighted sum (a convex combination: Bruch, Gai and Ingber, "An Analysis of
/// Fusion Functions for Hybrid Retrieval", 2023), and not a fusion of ranks: ranks of several namespaces could not stand
/// in one list without saying something of each other, and the best of a few would rank as high as the best of many.
#[must_use]
pub fn fuse(
    text: &[Scored],
    cosines: &[(i64, f64)],
    alone: bool,
    threshold: f64,
    most: usize,
) -> Vec<(Scored, MatchType)> {
    let similarity = |cosine: f64| cosine.max(0.0);
    let mut words: HashMap<i64, f64> =
        if alone { HashMap::new() } else { text.iter().map(|hit| (hit.entry, hit.score)).collect() };
    let weight = if alone { 0.0 } else { TEXT_WEIGHT };
    let mut fused = Vec::with_capacity(cosines.len());
    let (mut sum, mut count) = (0.0, 0.0);
    for (entry, cosine) in cosines {
        let (similar, said) = (similarity(*cosine), words.remove(entry));
        sum += similar;
        count += 1.0;
        let score = round(weight * said.unwrap_or_default() + (1.0 - weight) * similar);
        let how = if said.is_some() { MatchType::Hybrid } else { MatchType::Semantic };
        fused.push((Scored { entry: *entry, score }, how));
    }
    let average = if count > 0.0 { sum / count } else { 0.0 };
    let unseen = words.into_iter().map(|(entry, said)| {
        let score = round(weight * said + (1.0 - weight) * average);
        (Scored { entry, score }, MatchType::Text)
    });
    fused.extend(unseen);
    fused.retain(|(hit, _)| hit.score > 0.0 && hit.score >= threshold);
    // Of all that have a vector, a few are wanted.
    if let Some(last) = most.checked_sub(1)
        && most < fused.len()
    {
        fused.select_nth_unstable_by(last, best_first);
    }
    fused.truncate(most);
    fused.sort_unstable_by(best_first);
    fused
}

fn best_first((a, _): &(Scored, MatchType), (b, _): &(Scored, MatchType)) -> Ordering {
    b.score.total_cmp(&a.score).then_with(|| b.entry.cmp(&a.entry))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn exact(a: &[f32], b: &[f32]) -> f64 {
        let dot =
            |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    }

    #[test]
    fn what_has_no_direction_is_no_vector() {
        for bad in
            [&[][..], &[0.0, 0.0], &[f32::NAN, 1.0], &[1.0, f32::INFINITY], &vec![1.0; DIMENSION_MOST + 1]]
        {
            assert_eq!(Vector::new(bad), None, "{} numbers", bad.len());
        }
        assert_eq!(Vector::new(&[1e-30, -1e-30]).unwrap().dimension(), 2);
    }

    #[test]
    fn s41_a_vector_does_not_print_itself() {
        assert_eq!(format!("{:?}", Vector::new(&[0.25, 0.5]).unwrap()), "Vector(2 numbers)");
    }

    #[test]
    fn bytes_of_another_dimension_are_not_compared() {
        let vector = Vector::new(&[1.0, 2.0]).unwrap();
        for other in [&[][..], &[0; 6], &[1, 0, 0, 0, 1], &[1, 0, 0, 0, 1, 2, 3]] {
            assert_eq!(vector.cosine_to(other), None, "{other:?}");
        }
        assert_eq!(vector.cosine(&Vector::new(&[1.0, 2.0, 3.0]).unwrap()), None);
    }

    #[test]
    fn the_largest_vectors_do_not_overflow() {
        let (up, down) = (vec![1.0; DIMENSION_MOST], vec![-1.0; DIMENSION_MOST]);
        let (up, down) = (Vector::new(&up).unwrap(), Vector::new(&down).unwrap());
        assert_eq!((up.cosine(&up), up.cosine(&down)), (Some(1.0), Some(-1.0)));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn eight_bits_keep_the_angle(
            a in proptest::collection::vec(-1.0_f32..1.0, 384),
            b in proptest::collection::vec(-1.0_f32..1.0, 384),
        ) {
            let (first, second) = (Vector::new(&a).unwrap(), Vector::new(&b).unwrap());
            let cosine = first.cosine(&second).unwrap();
            prop_assert!((cosine - exact(&a, &b)).abs() < 0.005, "{cosine}");
            prop_assert_eq!(second.cosine_to(&first.to_bytes()).unwrap().to_bits(), cosine.to_bits());
        }

        #[test]
        fn scores_are_in_order_and_within_0_to_1(
            text in proptest::collection::btree_map(0_i64..20, 0.0_f64..=1.0, 0..20),
            cosines in proptest::collection::btree_map(0_i64..20, -1.0_f64..=1.0, 0..20),
            alone in any::<bool>(),
            threshold in 0.0_f64..0.6,
            most in 0_usize..50,
        ) {
            let scored: Vec<Scored> = text.iter().map(|(entry, score)| Scored { entry: *entry, score: *score }).collect();
            let list: Vec<(i64, f64)> = cosines.iter().map(|(entry, cosine)| (*entry, *cosine)).collect();
            let fused = fuse(&scored, &list, alone, threshold, most);
            let all = fuse(&scored, &list, alone, threshold, usize::MAX);
            prop_assert_eq!(&fused[..], &all[..most.min(all.len())]);
            for (hit, how) in &fused {
                prop_assert!((threshold..=1.0).contains(&hit.score));
                let (has_words, has_vector) = (!alone && text.contains_key(&hit.entry), cosines.contains_key(&hit.entry));
                let expected = match (has_words, has_vector) {
                    (true, true) => MatchType::Hybrid,
                    (false, true) => MatchType::Semantic,
                    _ => MatchType::Text,
                };
                prop_assert_eq!(*how, expected);
            }
            for pair in fused.windows(2) {
                prop_assert!((pair[0].0.score, pair[0].0.entry) > (pair[1].0.score, pair[1].0.entry));
            }
        }
    }

    #[test]
    fn both_count_and_what_has_no_vector_is_average() {
        let text = [Scored { entry: 1, score: 0.8 }, Scored { entry: 3, score: 0.9 }];
        let fused = fuse(&text, &[(1, 0.6), (2, 0.2)], false, 0.0, 9);
        let expected =
            [(1, 0.7, MatchType::Hybrid), (3, 0.65, MatchType::Text), (2, 0.1, MatchType::Semantic)];
        let got: Vec<_> = fused.iter().map(|(hit, how)| (hit.entry, hit.score, *how)).collect();
        assert_eq!(got, expected);
        assert_eq!(
            fuse(&text, &[(2, 0.2), (4, -0.5)], true, 0.0, 9).len(),
            1,
            "words do not count, nor does the opposite"
        );
    }
}
