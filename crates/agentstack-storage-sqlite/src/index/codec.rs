//! Numbers and pieces as the index keeps them in its blobs.
//!
//! Whatever the bytes are, reading them ends with an answer or with [`Damaged`].

use agentstack_storage::StorageError;

/// Bytes that this index did not write.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Damaged;

impl From<Damaged> for StorageError {
    fn from(_: Damaged) -> Self {
        Self::damaged("the index")
    }
}

/// Appends a number in LEB128.
pub(super) fn put(out: &mut Vec<u8>, mut number: u64) {
    let low = |number: u64| u8::try_from(number & 0x7f).unwrap_or(0);
    while number >= 0x80 {
        out.push(0x80 | low(number));
        number >>= 7;
    }
    out.push(low(number));
}

/// Appends a piece with its length before it.
pub(super) fn put_framed(out: &mut Vec<u8>, piece: &[u8]) {
    put(out, size(piece));
    out.extend_from_slice(piece);
}

/// The length of a piece.
pub(super) fn size(piece: &[u8]) -> u64 {
    u64::try_from(piece.len()).unwrap_or(u64::MAX)
}

/// Ascending numbers as their differences.
pub(super) fn packed(numbers: impl IntoIterator<Item = u64>) -> Vec<u8> {
    let (mut bytes, mut last) = (vec![], 0);
    for number in numbers {
        put(&mut bytes, number.saturating_sub(last));
        last = number;
    }
    bytes
}

/// Reads what [`packed`] wrote.
pub(super) fn unpacked(bytes: &[u8]) -> Result<Vec<u64>, Damaged> {
    let (mut bytes, mut numbers, mut last) = (Bytes(bytes), vec![], 0_u64);
    while !bytes.is_empty() {
        last = last.checked_add(bytes.number()?).ok_or(Damaged)?;
        numbers.push(last);
    }
    Ok(numbers)
}

/// Bytes that are read from their beginning.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn number(&mut self) -> Result<u64, Damaged> {
        let (mut number, mut shift) = (0_u64, 0);
        loop {
            let (first, rest) = self.0.split_first().ok_or(Damaged)?;
            self.0 = rest;
            number |= u64::from(*first & 0x7f).checked_shl(shift).ok_or(Damaged)?;
            if *first < 0x80 {
                return Ok(number);
            }
            shift += 7;
        }
    }

    pub(super) fn small(&mut self) -> Result<u32, Damaged> {
        u32::try_from(self.number()?).map_err(|_| Damaged)
    }

    /// The number of an entry.
    pub(super) fn entry(&mut self) -> Result<i64, Damaged> {
        i64::try_from(self.number()?).map_err(|_| Damaged)
    }

    /// A piece that its length was put before.
    pub(crate) fn framed(&mut self) -> Result<&'a [u8], Damaged> {
        let size = usize::try_from(self.number()?).map_err(|_| Damaged)?;
        let (piece, rest) = self.0.split_at_checked(size).ok_or(Damaged)?;
        self.0 = rest;
        Ok(piece)
    }

    /// What was read since `self` was `before`.
    pub(super) fn since(&self, before: Self) -> &'a [u8] {
        before.0.len().checked_sub(self.0.len()).and_then(|size| before.0.get(..size)).unwrap_or_default()
    }
}

/// Appends a term: how much of its beginning it shares with the one before, and the rest.
pub(super) fn put_term(out: &mut Vec<u8>, before: &[u8], term: &[u8]) {
    let shared = before.iter().zip(term).take_while(|(a, b)| a == b).count();
    let (shared, rest) = term.split_at_checked(shared).unwrap_or_default();
    put(out, size(shared));
    put_framed(out, rest);
}

/// Reads what [`put_term`] wrote over the term before.
pub(super) fn read_term(bytes: &mut Bytes<'_>, term: &mut Vec<u8>) -> Result<(), Damaged> {
    let shared = usize::try_from(bytes.number()?).map_err(|_| Damaged)?;
    if shared > term.len() {
        return Err(Damaged);
    }
    term.truncate(shared);
    term.extend_from_slice(bytes.framed()?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn numbers_and_terms_read_back(
            mut numbers in proptest::collection::vec(any::<u64>(), 0..20),
            terms in proptest::collection::vec(proptest::collection::vec(0..3_u8, 0..200), 0..10),
        ) {
            numbers.sort_unstable();
            prop_assert_eq!(unpacked(&packed(numbers.clone())), Ok(numbers));
            let (mut out, mut before) = (vec![], vec![]);
            for term in &terms {
                put_term(&mut out, &before, term);
                before.clone_from(term);
            }
            let (mut bytes, mut read) = (Bytes(&out), vec![]);
            for term in &terms {
                prop_assert_eq!(read_term(&mut bytes, &mut read), Ok(()));
                prop_assert_eq!(&read, term);
            }
            prop_assert!(bytes.is_empty());
        }
    }

    #[test]
    fn a_number_without_an_end_is_damage() {
        assert_eq!(Bytes(&[0xff; 20]).number(), Err(Damaged));
        assert_eq!(Bytes(&[0x80]).number(), Err(Damaged));
        assert_eq!(Bytes(&[5, 1]).framed(), Err(Damaged));
        assert_eq!(read_term(&mut Bytes(&[3, 0]), &mut vec![1, 2]), Err(Damaged));
    }
}
