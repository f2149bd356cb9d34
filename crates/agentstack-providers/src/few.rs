//! Lists in an answer that may be so long and no longer: a few bytes of JSON can be many in memory.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A vector of at most as many numbers as any model's has, with room.
pub(crate) type Numbers = Few<f32, 8_192>;
/// Vectors, or what has them in it: as many as there are texts in a request that a provider would take.
pub(crate) type Many<T> = Few<T, 2_048>;

/// At most so many items. One more is an error as soon as it comes.
pub(crate) struct Few<T, const MOST: usize>(pub(crate) Vec<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for Few<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Items(PhantomData))
    }
}

struct Items<T, const MOST: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Items<T, MOST> {
    type Value = Few<T, MOST>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {MOST}")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            if items.len() == MOST {
                return Err(A::Error::invalid_length(MOST + 1, &self));
            }
            items.push(item);
        }
        Ok(Few(items))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_not_read_to_its_end() {
        let read = |json: &str| serde_json::from_str::<Few<u8, 3>>(json).map(|few| few.0);
        assert_eq!(read("[]").unwrap(), [0_u8; 0]);
        assert_eq!(read("[1,2,3]").unwrap(), [1, 2, 3]);
        // What comes after one too many does not matter any more.
        let problem = read("[1,2,3,4,5 and no end").unwrap_err();
        assert!(problem.is_data(), "{problem}");
        assert!(read("[1,2,3 and no end").unwrap_err().is_syntax());
    }
}
