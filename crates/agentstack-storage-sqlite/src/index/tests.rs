//! What the pieces of the index promise, whatever they hold.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::codec::Bytes;
use super::run::{Block, Cursor, Heading, merge, occurrences};
use super::{Damaged, IndexBounds, Terms};

const SECRET: [u8; 16] = [3; 16];

/// Head, body and places by term and entry.
type Model = BTreeMap<(Vec<u8>, i64), (u32, u32, Vec<u32>)>;

fn model(entries: &[(i64, Terms)]) -> Model {
    let held = |(entry, terms): &(i64, Terms)| {
        let entry = *entry;
        let held = |(code, held): (Vec<u8>, &super::Held)| {
            ((code, entry), (held.head, held.body, held.places.clone()))
        };
        terms.codes(&SECRET).into_iter().map(held).collect::<Vec<_>>()
    };
    entries.iter().flat_map(held).collect()
}

/// What a cursor comes by.
fn read(mut cursor: Cursor<'_>) -> Result<Model, Damaged> {
    let (mut model, mut postings) = (Model::new(), vec![]);
    while cursor.advance()? {
        postings.clear();
        cursor.copy_postings(&mut postings);
        occurrences(&postings, |held| {
            model.insert((cursor.term().to_vec(), held.entry), (held.head, held.body, held.places()?));
            Ok(())
        })?;
    }
    Ok(model)
}

fn entries() -> impl Strategy<Value = Vec<(i64, Terms)>> {
    let text = || vec(prop_oneof!["[ab]{1,3}", "running|runs|fooBar|東京都|x"], 0..12);
    vec((text(), text()), 1..12).prop_map(|texts| {
        let terms =
            |(key, content): (Vec<String>, Vec<String>)| Terms::of(&key.join(" "), &content.join(" "));
        (1..).step_by(200).zip(texts.into_iter().map(terms)).collect()
    })
}

/// The blobs of the entries, without the lengths before them.
fn documents(entries: &[(i64, Terms)]) -> Vec<Vec<u8>> {
    let document = |(entry, terms): &(i64, Terms)| {
        Bytes(&terms.document(&SECRET, *entry).bytes).framed().unwrap().to_vec()
    };
    entries.iter().map(document).collect()
}

fn merged(documents: &[Vec<u8>], room: usize) -> Vec<Block> {
    merge(documents.iter().map(|document| Cursor::entry(document).unwrap().1).collect(), room).unwrap()
}

fn bytes_of(blocks: &[Block]) -> Vec<Vec<u8>> {
    blocks.iter().map(|block| block.bytes.clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_entry_reads_back(entries in entries()) {
        for (document, entry) in documents(&entries).iter().zip(&entries) {
            let (Heading { entry: number, length, postings }, cursor) = Cursor::entry(document).unwrap();
            prop_assert_eq!((number, i64::from(length)), (entry.0, entry.1.length));
            prop_assert_eq!(postings as usize, entry.1.held.len());
            prop_assert_eq!(read(cursor).unwrap(), model(std::slice::from_ref(entry)));
        }
    }

    #[test]
    fn a_merge_is_the_index_of_all_its_entries(entries in entries(), room in 1..200_usize, cut in 0..12_usize) {
        let documents = documents(&entries);
        let blocks = merged(&documents, room);
        prop_assert_eq!(read(Cursor::over(&bytes_of(&blocks))).unwrap(), model(&entries));
        // Segments of some of them each, merged again.
        let (one, other) = documents.split_at(cut.min(documents.len()));
        let parts = [bytes_of(&merged(one, room)), bytes_of(&merged(other, room))];
        let again = merge(parts.iter().map(|part| Cursor::over(part)).collect(), room).unwrap();
        prop_assert_eq!(read(Cursor::over(&bytes_of(&again))).unwrap(), model(&entries));
        for block in &again {
            let mut cursor = Cursor::block(&block.bytes);
            prop_assert!(cursor.advance().unwrap());
            prop_assert_eq!(cursor.term(), &block.first, "each block can be read without the others");
        }
        prop_assert!(again.is_sorted_by(|a, b| a.first <= b.first));
        prop_assert!(again.iter().all(|block| !block.bytes.is_empty()));
    }

    #[test]
    fn a_block_without_an_entry_holds_the_others(entries in entries(), room in 20..200_usize, which in 0..12_usize) {
        let mut expected = model(&entries);
        let gone = entries[which % entries.len()].0;
        let all = expected.len();
        expected.retain(|(_, entry), _| *entry != gone);
        let (mut left, mut removed) = (Model::new(), 0);
        for block in merged(&documents(&entries), room) {
            let (block, here) = Block::without(&block.bytes, gone).unwrap();
            removed += here;
            left.extend(read(Cursor::block(&block.bytes)).unwrap());
        }
        prop_assert_eq!(usize::try_from(removed).unwrap(), all - expected.len());
        prop_assert_eq!(left, expected);
    }

    #[test]
    fn damaged_bytes_are_read_to_an_end(
        entries in entries(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        for mut bytes in documents(&entries).into_iter().chain(bytes_of(&merged(&documents(&entries), 100))) {
            for (place, byte) in &changes {
                let place = place.index(bytes.len());
                bytes[place] = *byte;
            }
            bytes.truncate(cut.index(bytes.len() + 1));
            // Whatever comes of it: no panic, and no walk without an end.
            let _ = Cursor::entry(&bytes).and_then(|(_, cursor)| read(cursor));
            let _ = read(Cursor::block(&bytes));
            let _ = Block::without(&bytes, 1);
            let _ = merge(vec![Cursor::block(&bytes)], 30);
            let _ = super::read_map(&mut Bytes(&bytes));
        }
    }
}

#[test]
fn a_large_list_is_cut_between_postings() {
    let terms: Vec<(i64, Terms)> = (1..200).map(|entry| (entry, Terms::of("", "word"))).collect();
    let blocks = merged(&documents(&terms), 100);
    assert!(blocks.len() > 5 && blocks.iter().all(|block| block.bytes.len() <= 100), "{}", blocks.len());
    let huge = [(1, Terms::of("", &"word ".repeat(1_000))), (2, Terms::of("", "word"))];
    assert_eq!(merged(&documents(&huge), 100).len(), 2, "a posting is never cut");
}

#[test]
fn the_lowest_level_with_enough_segments_is_merged() {
    let bounds = IndexBounds { fan_in: 2, segment_postings: 100, ..IndexBounds::default() };
    let known = [(1, 4, 60), (2, 4, 60), (3, 2, 900), (4, 1, 5), (5, 2, 900), (6, 2, 900)];
    assert_eq!(bounds.choose(&known), Some((2, vec![3, 5])), "the oldest of them");
    assert_eq!(bounds.choose(&known[..4]), None, "the large ones stay");
    assert_eq!(bounds.choose(&[(1, 4, 60), (2, 4, 40)]), Some((4, vec![1, 2])));
}

#[test]
fn a_large_entry_begins_at_the_level_of_its_size() {
    let bounds = IndexBounds::default();
    assert_eq!([1, 8_192, 8_193, 65_537, 9_000_000].map(|postings| bounds.level(postings)), [1, 1, 2, 3, 3]);
}
