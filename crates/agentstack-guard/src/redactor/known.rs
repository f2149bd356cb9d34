//! Finding many strings at once (Aho and Corasick 1975): each byte of the text is looked at once, whatever the strings are.

use std::ops::Range;

use zeroize::{DefaultIsZeroes, Zeroizing};

use super::spelling::{self, Spelling};
use crate::bytes::Set;

/// What a base 64 value is made of, in either alphabet.
const BASE64: Set = Set::BASE64.and(b'-').and(b'_');

/// One prefix of some spelling. The children of a node are a list.
#[derive(Clone, Copy, Default)]
struct Node {
    byte: u8,
    child: u32,
    sibling: u32,
    /// The longest other prefix that this one ends with.
    fail: u32,
    /// How long the longest spelling is that ends here; 0 for none.
    length: u32,
    /// Whether a character of base 64 before and behind belongs to one that ends here.
    before: bool,
    behind: bool,
}

impl DefaultIsZeroes for Node {}

/// The spellings of all secrets, wiped when dropped.
#[derive(Default)]
pub(super) struct Known {
    /// The first is the empty prefix. Without secrets there is none.
    nodes: Zeroizing<Vec<Node>>,
    /// The children of the first.
    first: Zeroizing<Vec<u32>>,
}

impl Known {
    pub(super) fn new<'a>(secrets: impl Iterator<Item = &'a str>) -> Self {
        let spellings: Vec<Spelling> = secrets.flat_map(spelling::of).collect();
        if spellings.is_empty() {
            return Self::default();
        }
        // Room for all of it, so that none is left behind where it had to move.
        let most = 1 + spellings.iter().map(|spelling| spelling.text.len()).sum::<usize>();
        let mut nodes = Zeroizing::new(Vec::with_capacity(most));
        nodes.push(Node::default());
        let mut known = Self { nodes, first: Zeroizing::new(vec![0; 256]) };
        for spelling in &spellings {
            known.insert(spelling);
        }
        known.connect();
        known
    }

    fn node(&self, index: u32) -> Node {
        self.nodes.get(index as usize).copied().unwrap_or_default()
    }

    fn change(&mut self, index: u32, change: impl FnOnce(&mut Node)) {
        if let Some(node) = self.nodes.get_mut(index as usize) {
            change(node);
        }
    }

    fn insert(&mut self, spelling: &Spelling) {
        let mut at = 0;
        for byte in spelling.text.bytes() {
            at = self.child(at, byte).unwrap_or_else(|| self.add(at, byte));
        }
        let length = u32::try_from(spelling.text.len()).unwrap_or(u32::MAX);
        self.change(at, |node| {
            node.length = length;
            node.before |= spelling.before;
            node.behind |= spelling.behind;
        });
    }

    fn add(&mut self, parent: u32, byte: u8) -> u32 {
        let index = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let sibling = self.node(parent).child;
        self.nodes.push(Node { byte, sibling, ..Node::default() });
        self.change(parent, |node| node.child = index);
        if let Some(first) = self.first.get_mut(usize::from(byte)).filter(|_| parent == 0) {
            *first = index;
        }
        index
    }

    fn child(&self, parent: u32, byte: u8) -> Option<u32> {
        if parent == 0 {
            return self.first.get(usize::from(byte)).copied().filter(|index| *index > 0);
        }
        let mut at = self.node(parent).child;
        while at > 0 {
            let node = self.node(at);
            if node.byte == byte {
                return Some(at);
            }
            at = node.sibling;
        }
        None
    }

    /// Where to go on from each prefix when the next byte is another one, breadth first.
    fn connect(&mut self) {
        let mut queue = std::collections::VecDeque::from([0]);
        while let Some(parent) = queue.pop_front() {
            let fail_of_parent = self.node(parent).fail;
            let mut at = self.node(parent).child;
            while at > 0 {
                let Node { byte, sibling, .. } = self.node(at);
                let fail = if parent == 0 { 0 } else { self.step(fail_of_parent, byte) };
                let ends = self.node(fail);
                self.change(at, |node| {
                    node.fail = fail;
                    node.length = node.length.max(ends.length);
                    node.before |= ends.before;
                    node.behind |= ends.behind;
                });
                queue.push_back(at);
                at = sibling;
            }
        }
    }

    fn step(&self, mut at: u32, byte: u8) -> u32 {
        loop {
            match self.child(at, byte) {
                Some(next) => return next,
                None if at == 0 => return 0,
                None => at = self.node(at).fail,
            }
        }
    }

    /// Every place at which a spelling ends, with the longest that does.
    pub(super) fn find(&self, text: &[u8], mut take: impl FnMut(Range<usize>)) {
        if self.nodes.is_empty() {
            return;
        }
        let mut at = 0;
        for (end, byte) in (1..).zip(text) {
            at = self.step(at, *byte);
            let node = self.node(at);
            if node.length > 0 {
                take(around(text, end - node.length as usize..end, node));
            }
        }
    }
}

/// With the characters of base 64 that hold some bits of it, and the signs that fill up the last four.
fn around(text: &[u8], span: Range<usize>, node: Node) -> Range<usize> {
    let at = |index: Option<usize>| index.and_then(|index| text.get(index)).copied().unwrap_or(0);
    let is_before = node.before && BASE64.has(at(span.start.checked_sub(1)));
    let is_behind = node.behind && BASE64.has(at(Some(span.end)));
    let mut end = span.end + usize::from(is_behind);
    if node.behind {
        end += text.get(end..).unwrap_or_default().iter().take(2).take_while(|byte| **byte == b'=').count();
    }
    span.start - usize::from(is_before)..end
}
