//! The tree of a ledger, as small as it can be kept: enough to append and to tell the root.

use crate::ledger::{Hash, proof};
use crate::limits;

/// A Merkle tree (RFC 9162, section 2.1.1) reduced to its peaks: the roots of the complete subtrees of which it consists, from the largest to the
/// smallest, one for each bit of its size. At most 63 hashes, whatever was appended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    peaks: Vec<Hash>,
}

impl Tree {
    /// The tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// The tree of `size` leaves with these peaks. `None` when there are more or fewer of them than bits in `size`, or when `size` is over
    /// [`limits::LEDGER_LEAVES_MAX`]. Whether they are the right ones only a root that was signed tells.
    pub fn from_parts(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (size <= limits::LEDGER_LEAVES_MAX && peaks.len() == size.count_ones() as usize).then_some(Self { size, peaks })
    }

    /// The tree of `size` leaves with the peaks that [`Tree::to_bytes`] wrote. `None` as in [`Tree::from_parts`].
    pub fn from_bytes(size: u64, peaks: &[u8]) -> Option<Self> {
        let peaks: Option<Vec<Hash>> = peaks.chunks(32).map(Hash::from_slice).collect();
        Self::from_parts(size, peaks?)
    }

    /// The peaks, 32 bytes each, from the largest subtree to the smallest. The size is kept apart.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.peaks.iter().flat_map(|peak| peak.0).collect()
    }

    /// Appends a leaf. `on_node` is called for each complete node above the leaves that comes into being by it, from the lowest: its level (1 is the
    /// parent of leaves), its index among the nodes of that level, its hash. Over the life of a tree every complete node is told exactly once.
    pub fn push(&mut self, leaf: Hash, mut on_node: impl FnMut(u8, u64, Hash)) {
        let (index, mut node, mut level) = (self.size, leaf, 0);
        while index >> level & 1 == 1
            && let Some(left) = self.peaks.pop()
        {
            level += 1;
            node = Hash::node(&left, &node);
            on_node(level, index >> level, node);
        }
        self.peaks.push(node);
        self.size += 1;
    }

    /// The root: what a checkpoint of this size says.
    pub fn root(&self) -> Hash {
        proof::fold(&self.peaks)
    }

    /// How many leaves were appended.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The peaks, from the largest subtree to the smallest: the hashes of [`proof::cover`].
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::ledger::Subtree;

    /// The leaves of the test vectors of Certificate Transparency.
    pub(crate) const CT_LEAVES: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    /// Their roots, for sizes from 1.
    const CT_ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    /// A tree with all its nodes, as a store keeps them.
    #[derive(Default)]
    pub(crate) struct Stored {
        pub(crate) leaves: Vec<Hash>,
        pub(crate) nodes: HashMap<Subtree, Hash>,
        pub(crate) tree: Tree,
    }

    impl Stored {
        pub(crate) fn of<'a>(leaves: impl IntoIterator<Item = &'a [u8]>) -> Self {
            let mut stored = Self::default();
            leaves.into_iter().for_each(|leaf| stored.push(Hash::leaf(leaf)));
            stored
        }

        /// `size` leaves, no two of them alike.
        pub(crate) fn numbered(size: u64) -> Self {
            let mut stored = Self::default();
            (0..size).for_each(|i| stored.push(Hash::leaf(&i.to_be_bytes())));
            stored
        }

        fn push(&mut self, leaf: Hash) {
            let mut put = |level, index, hash| assert_eq!(self.nodes.insert(Subtree { level, index }, hash), None, "told twice");
            put(0, self.tree.size(), leaf);
            self.tree.push(leaf, put);
            self.leaves.push(leaf);
        }

        /// The hash of each list of subtrees.
        pub(crate) fn path(&self, path: &[Vec<Subtree>]) -> Vec<Hash> {
            let hash = |subtrees: &Vec<Subtree>| proof::fold(&subtrees.iter().map(|subtree| self.nodes[subtree]).collect::<Vec<_>>());
            path.iter().map(hash).collect()
        }
    }

    /// The definition of RFC 9162, section 2.1.1, word by word.
    pub(crate) fn naive_root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash::empty(),
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                Hash::node(&naive_root(left), &naive_root(right))
            }
        }
    }

    #[test]
    fn gives_the_roots_of_certificate_transparency() {
        let mut tree = Tree::new();
        assert_eq!(tree.root(), Hash::empty());
        for (leaf, root) in CT_LEAVES.into_iter().zip(CT_ROOTS) {
            tree.push(Hash::leaf(leaf), |_, _, _| {});
            assert_eq!(tree.root().to_string(), root);
        }
    }

    #[test]
    fn is_what_its_definition_says_at_every_size() {
        let mut stored = Stored::default();
        for size in 0..=130_u64 {
            assert_eq!((stored.tree.size(), stored.tree.root()), (size, naive_root(&stored.leaves)));
            let complete: u64 = (0..64).map(|level| size >> level).sum();
            assert_eq!(stored.nodes.len() as u64, complete, "every complete node was told");
            for (subtree, hash) in &stored.nodes {
                let (first, end) = (subtree.index << subtree.level, (subtree.index + 1) << subtree.level);
                assert_eq!(*hash, naive_root(&stored.leaves[first as usize..end as usize]), "{subtree:?}");
            }
            stored.push(Hash::leaf(&size.to_be_bytes()));
        }
    }

    #[test]
    fn refuses_peaks_that_do_not_fit_the_size() {
        assert_eq!(Tree::from_parts(0, Vec::new()), Some(Tree::new()));
        for (size, peaks) in [(0, 1), (1, 0), (1, 2), (3, 1), (4, 2), (7, 2), (limits::LEDGER_LEAVES_MAX + 1, 1), (u64::MAX, 64)] {
            assert_eq!(Tree::from_parts(size, vec![Hash::empty(); peaks]), None, "{size} {peaks}");
        }
        assert_eq!(Tree::from_bytes(1, &[0; 31]), None);
        assert_eq!(Tree::from_bytes(1, &[0; 33]), None);
        let mut largest = Tree::from_parts(limits::LEDGER_LEAVES_MAX, vec![Hash::empty(); 63]).unwrap();
        largest.push(Hash::empty(), |_, _, _| {});
        assert_eq!((largest.size(), largest.peaks().len()), (1 << 63, 1));
    }

    proptest! {
        #[test]
        fn goes_on_after_it_was_kept(leaves in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 0..200), at: prop::sample::Index) {
            let stored = Stored::of(leaves.iter().map(Vec::as_slice));
            prop_assert_eq!(stored.tree.root(), naive_root(&stored.leaves));
            let (before, after) = stored.leaves.split_at(at.index(leaves.len() + 1));
            let mut tree = Tree::new();
            before.iter().for_each(|leaf| tree.push(*leaf, |_, _, _| {}));
            let mut again = Tree::from_bytes(tree.size(), &tree.to_bytes()).unwrap();
            prop_assert_eq!(&again, &tree);
            after.iter().for_each(|leaf| again.push(*leaf, |_, _, _| {}));
            prop_assert_eq!(again, stored.tree);
        }
    }
}
