//! The map of a segment: which of its blocks hold which terms.

use super::codec::{Bytes, Damaged, put, put_framed, put_term, read_term};

/// A block of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fence {
    /// Its number.
    pub(crate) block: i64,
    /// Its first term.
    pub(super) first: Vec<u8>,
}

/// The map as it is kept, with its length before it: a search reads those of a namespace as one blob.
pub(super) fn put_map(fences: &[Fence]) -> Vec<u8> {
    let (mut map, mut block, mut before) = (vec![], 0, &[][..]);
    for fence in fences {
        put(&mut map, u64::try_from(fence.block - block).unwrap_or(0));
        put_term(&mut map, before, &fence.first);
        (block, before) = (fence.block, &fence.first);
    }
    let mut framed = vec![];
    put_framed(&mut framed, &map);
    framed
}

/// Reads the next map of what may be several.
pub(crate) fn read_map(maps: &mut Bytes<'_>) -> Result<Vec<Fence>, Damaged> {
    let mut map = Bytes(maps.framed()?);
    let (mut fences, mut block, mut first) = (vec![], 0_i64, vec![]);
    while !map.is_empty() {
        block = block.checked_add(map.entry()?).ok_or(Damaged)?;
        read_term(&mut map, &mut first)?;
        fences.push(Fence { block, first: first.clone() });
    }
    Ok(fences)
}

/// Which blocks may hold a term from `first` on, up to but without `end`. A term that a block begins with may have
/// begun in the one before.
pub(crate) fn overlapping<'f>(
    fences: &'f [Fence],
    first: &[u8],
    end: &[u8],
) -> impl Iterator<Item = (usize, &'f Fence)> {
    let from = fences.partition_point(|fence| fence.first.as_slice() < first).saturating_sub(1);
    let to = fences.partition_point(|fence| fence.first.as_slice() < end);
    fences.iter().enumerate().take(to).skip(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fence((block, first): (i64, &str)) -> Fence {
        Fence { block, first: first.as_bytes().to_vec() }
    }

    #[test]
    fn maps_read_back() {
        let maps = [vec![(7, "a"), (9, "abc"), (1 << 40, "b")].into_iter().map(fence).collect(), vec![]];
        let kept = maps.iter().map(|map: &Vec<Fence>| put_map(map)).collect::<Vec<_>>().concat();
        let mut bytes = Bytes(&kept);
        for map in &maps {
            assert_eq!(read_map(&mut bytes).as_ref(), Ok(map));
        }
        assert!(bytes.is_empty());
    }

    #[test]
    fn a_term_is_looked_for_where_it_may_be() {
        let fences: Vec<Fence> = [(1, "b"), (2, "d"), (3, "d"), (4, "f")].into_iter().map(fence).collect();
        let blocks = |first: &str, end: &str| -> Vec<i64> {
            overlapping(&fences, first.as_bytes(), end.as_bytes()).map(|(_, fence)| fence.block).collect()
        };
        assert_eq!(blocks("a", "a\0"), Vec::<i64>::new());
        assert_eq!(blocks("b", "b\0"), [1]);
        assert_eq!(blocks("c", "c\0"), [1]);
        assert_eq!(blocks("d", "d\0"), [1, 2, 3], "it may have begun before");
        assert_eq!(blocks("e", "e\0"), [3]);
        assert_eq!(blocks("z", "z\0"), [4]);
        assert_eq!(blocks("c", "g"), [1, 2, 3, 4]);
    }
}
