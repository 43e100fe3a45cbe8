//! Proofs of a ledger: that an event stands in it, and that a later ledger is an earlier one with something appended.
//!
//! A proof is first a plan, which names the stored nodes it is made of, and then a path of hashes. Whoever stores the nodes reads what
//! the plan names and folds it; whoever checks needs the path only.

use crate::ledger::Hash;
use crate::limits::LEDGER_LEAVES_MAX;

/// A complete, aligned subtree: the leaves from `index << level` up to, without, `(index + 1) << level`. A leaf has level 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subtree {
    /// Its height: it holds two to the power of this many leaves. At most 63.
    pub level: u8,
    /// Its place among the subtrees of its level, from the left.
    pub index: u64,
}

/// Why a proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The leaf is beyond the tree, the later tree is the smaller one, or a tree is larger than [`LEDGER_LEAVES_MAX`].
    #[error("there can be no proof between these sizes")]
    Range,
    /// The path is too long or too short for these sizes.
    #[error("the path has the wrong length")]
    Length,
    /// The path does not lead to the root of the earlier tree.
    #[error("the path does not lead to the earlier root")]
    FromRoot,
    /// The path does not lead to the root.
    #[error("the path does not lead to the root")]
    Root,
}

/// What the path from leaf `index` to the root of `size` leaves is made of (RFC 9162, section 2.1.3.1): for each of its hashes, in order, the
/// subtrees whose [`fold`] it is. All but one are a single subtree; what is right of the last complete subtree may be several.
/// `None` when there is no such leaf, or for more than [`LEDGER_LEAVES_MAX`] leaves.
pub fn inclusion(index: u64, size: u64) -> Option<Vec<Vec<Subtree>>> {
    if index >= size || size > LEDGER_LEAVES_MAX {
        return None;
    }
    let mut path = Vec::new();
    let (mut start, mut len) = (0, size);
    while len > 1 {
        let left = left_of(len);
        if index - start < left {
            path.push(span(start + left, len - left));
            len = left;
        } else {
            path.push(span(start, left));
            (start, len) = (start + left, len - left);
        }
    }
    path.reverse();
    Some(path)
}

/// What the proof is made of that the first `from_size` of `to_size` leaves are what they were (RFC 9162, section 2.1.4.1), in the form of
/// [`inclusion`]. Empty for equal sizes, and from the empty tree, of which every tree is a continuation. `None` when `from_size` is the larger,
/// or for more than [`LEDGER_LEAVES_MAX`] leaves.
pub fn consistency(from_size: u64, to_size: u64) -> Option<Vec<Vec<Subtree>>> {
    if from_size > to_size || to_size > LEDGER_LEAVES_MAX {
        return None;
    }
    let mut path = Vec::new();
    if from_size == 0 || from_size == to_size {
        return Some(path);
    }
    let (mut start, mut len) = (0, to_size);
    while from_size - start < len {
        let left = left_of(len);
        if from_size - start <= left {
            path.push(span(start + left, len - left));
            len = left;
        } else {
            path.push(span(start, left));
            (start, len) = (start + left, len - left);
        }
    }
    // What is left is the last complete subtree of the earlier tree. When it is all of that tree, its hash is the root, which the verifier has.
    if start > 0 {
        path.push(span(start, len));
    }
    path.reverse();
    Some(path)
}

/// The peaks of a tree of `size` leaves, from the largest to the smallest: their [`fold`] is its root. Nothing for no leaves.
pub fn cover(size: u64) -> Vec<Subtree> {
    span(0, size)
}

/// Folds the hashes of neighbouring subtrees, given from left to right, into one: from the right, as RFC 9162, section 2.1.1 nests them. That of
/// nothing is [`Hash::empty`].
pub fn fold(hashes: &[Hash]) -> Hash {
    hashes.iter().rev().copied().reduce(|right, left| Hash::node(&left, &right)).unwrap_or_else(Hash::empty)
}

/// Checks that `leaf` is at `index` of the tree of `size` leaves with this `root` (RFC 9162, section 2.1.3.2).
///
/// `size` and `root` must come from the same checkpoint: the path alone does not bind a size, as trees of different sizes may have their first
/// leaves at the same places.
///
/// # Errors
/// [`Broken`], with the reason.
pub fn verify_inclusion(leaf: Hash, index: u64, size: u64, path: &[Hash], root: Hash) -> Result<(), Broken> {
    if index >= size || size > LEDGER_LEAVES_MAX {
        return Err(Broken::Range);
    }
    let mut walk = Walk { node: index, last: size - 1 };
    let mut hash = leaf;
    for sibling in path {
        hash = match walk.up()? {
            Side::Left => Hash::node(sibling, &hash),
            Side::Right => Hash::node(&hash, sibling),
        };
    }
    walk.end()?;
    if hash == root { Ok(()) } else { Err(Broken::Root) }
}

/// Checks that the tree of `to_size` leaves with root `to_root` begins with that of `from_size` leaves and `from_root` (RFC 9162, section 2.1.4.2).
/// Each size must come from the same checkpoint as its root. Equal sizes must have equal roots; the empty tree proves nothing about the later one.
///
/// # Errors
/// [`Broken`], with the reason.
pub fn verify_consistency(from_size: u64, from_root: Hash, to_size: u64, to_root: Hash, path: &[Hash]) -> Result<(), Broken> {
    if from_size > to_size || to_size > LEDGER_LEAVES_MAX {
        return Err(Broken::Range);
    }
    if from_size == 0 || from_size == to_size {
        return trivial(from_size, from_root, to_size, to_root, path);
    }
    let shared = (from_size - 1).trailing_ones();
    let mut walk = Walk { node: (from_size - 1) >> shared, last: (to_size - 1) >> shared };
    // The root of a complete tree is not sent again.
    let (first, rest) =
        if from_size.is_power_of_two() { (from_root, path) } else { path.split_first().map(|(first, rest)| (*first, rest)).ok_or(Broken::Length)? };
    let (mut from, mut to) = (first, first);
    for sibling in rest {
        match walk.up()? {
            Side::Left => (from, to) = (Hash::node(sibling, &from), Hash::node(sibling, &to)),
            Side::Right => to = Hash::node(&to, sibling),
        }
    }
    walk.end()?;
    match (from == from_root, to == to_root) {
        (false, _) => Err(Broken::FromRoot),
        (_, false) => Err(Broken::Root),
        _ => Ok(()),
    }
}

/// Consistency of what needs no path: the empty tree with any, and each with itself.
fn trivial(from_size: u64, from_root: Hash, to_size: u64, to_root: Hash, path: &[Hash]) -> Result<(), Broken> {
    if !path.is_empty() {
        return Err(Broken::Length);
    }
    if from_size == 0 && from_root != Hash::empty() {
        return Err(Broken::FromRoot);
    }
    if from_size == to_size && from_root != to_root { Err(Broken::Root) } else { Ok(()) }
}

/// On which side of the node so far the next hash of a path stands.
enum Side {
    Left,
    Right,
}

/// The way from a node to the root. Both are indices at the level reached: `fn` and `sn` of the RFC.
struct Walk {
    node: u64,
    last: u64,
}

impl Walk {
    /// One hash up.
    fn up(&mut self) -> Result<Side, Broken> {
        if self.last == 0 {
            return Err(Broken::Length);
        }
        let left = self.node & 1 == 1 || self.node == self.last;
        // The last node of a level without a sibling stands for its parents too, up to the first with one.
        let levels = if left && self.node != 0 { self.node.trailing_zeros() + 1 } else { 1 };
        self.node >>= levels;
        self.last >>= levels;
        Ok(if left { Side::Left } else { Side::Right })
    }

    /// The path must end at the root.
    fn end(&self) -> Result<(), Broken> {
        if self.last == 0 { Ok(()) } else { Err(Broken::Length) }
    }
}

/// How many of `len` ≥ 2 leaves are in the left subtree: the largest power of two below `len`.
fn left_of(len: u64) -> u64 {
    1 << (len - 1).ilog2()
}

/// The complete subtrees of `len` leaves from `start`, which must be a multiple of the largest of them, from the largest to the smallest.
fn span(start: u64, len: u64) -> Vec<Subtree> {
    let levels = (0..64_u8).rev().filter(|level| len >> level & 1 == 1);
    levels
        .scan(start, |at, level| {
            let index = *at >> level;
            *at += 1 << level;
            Some(Subtree { level, index })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;
    use crate::ledger::tree::tests::{CT_LEAVES, Stored, naive_root};

    /// The definition of RFC 9162, section 2.1.3.1, word by word.
    fn naive_inclusion(m: usize, leaves: &[Hash]) -> Vec<Hash> {
        if leaves.len() == 1 {
            return Vec::new();
        }
        let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
        let (mut path, sibling) =
            if m < left.len() { (naive_inclusion(m, left), naive_root(right)) } else { (naive_inclusion(m - left.len(), right), naive_root(left)) };
        path.push(sibling);
        path
    }

    /// The definition of RFC 9162, section 2.1.4.1, word by word.
    fn naive_consistency(m: usize, leaves: &[Hash], known: bool) -> Vec<Hash> {
        if m == leaves.len() {
            return if known { Vec::new() } else { vec![naive_root(leaves)] };
        }
        let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
        let (mut path, sibling) = if m <= left.len() {
            (naive_consistency(m, left, known), naive_root(right))
        } else {
            (naive_consistency(m - left.len(), right, false), naive_root(left))
        };
        path.push(sibling);
        path
    }

    fn hex(path: &[Hash]) -> Vec<String> {
        path.iter().map(Hash::to_string).collect()
    }

    /// Paths that differ from `path` in one bit, or by one hash more or less.
    fn changed(path: &[Hash], at: Index, bit: usize) -> Vec<Vec<Hash>> {
        let mut all = vec![[path, &[Hash::empty()]].concat(), [&[Hash::empty()], path].concat()];
        if !path.is_empty() {
            let at = at.index(path.len());
            let (mut flipped, mut shorter, mut doubled) = (path.to_vec(), path.to_vec(), path.to_vec());
            flipped[at] = flip(flipped[at], bit);
            shorter.remove(at);
            doubled.insert(at, path[at]);
            all.extend([flipped, shorter, doubled]);
        }
        all
    }

    fn flip(mut hash: Hash, bit: usize) -> Hash {
        hash.0[bit / 8] ^= 1 << (bit % 8);
        hash
    }

    fn root(stored: &Stored, size: u64) -> Hash {
        naive_root(&stored.leaves[..size as usize])
    }

    #[test]
    fn makes_the_proofs_of_certificate_transparency() {
        let stored = Stored::of(CT_LEAVES);
        let (h01_23, h67) =
            ("d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7", "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0");
        let path = stored.path(&inclusion(5, 8).unwrap());
        assert_eq!(hex(&path), ["bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b", h67, h01_23]);
        let path = stored.path(&consistency(6, 8).unwrap());
        assert_eq!(hex(&path), ["0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a", h67, h01_23]);
    }

    #[test]
    fn makes_and_takes_the_proofs_of_the_standard_at_every_size() {
        let stored = Stored::numbered(70);
        for size in 0..=70_u64 {
            let (leaves, to) = (&stored.leaves[..size as usize], root(&stored, size));
            assert_eq!(stored.path(&[cover(size)]), [to]);
            for index in 0..size {
                let path = stored.path(&inclusion(index, size).unwrap());
                assert_eq!(path, naive_inclusion(index as usize, leaves));
                assert_eq!(verify_inclusion(leaves[index as usize], index, size, &path, to), Ok(()), "{index} of {size}");
            }
            for from_size in 0..=size {
                let path = stored.path(&consistency(from_size, size).unwrap());
                assert_eq!(path, if from_size == 0 { Vec::new() } else { naive_consistency(from_size as usize, leaves, true) });
                assert_eq!(verify_consistency(from_size, root(&stored, from_size), size, to, &path), Ok(()), "{from_size} to {size}");
            }
        }
    }

    #[test]
    fn names_only_what_is_stored_and_at_most_one_incomplete_side() {
        let stored: HashSet<Subtree> = Stored::numbered(70).nodes.into_keys().collect();
        for (from, size) in (0..=70_u64).flat_map(|size| (0..size).map(move |from| (from, size))) {
            for plan in [inclusion(from, size).unwrap(), consistency(from, size).unwrap()] {
                assert!(plan.iter().flatten().all(|subtree| stored.contains(subtree)), "{from} {size}");
                assert!(plan.iter().all(|side| !side.is_empty()) && plan.iter().filter(|side| side.len() > 1).count() <= 1);
            }
        }
    }

    #[test]
    fn goes_to_the_limit_and_not_over_it() {
        for (index, size) in [(0, 0), (1, 1), (7, 7), (0, LEDGER_LEAVES_MAX + 1), (1 << 63, u64::MAX), (u64::MAX, u64::MAX)] {
            assert_eq!(inclusion(index, size), None);
            assert_eq!(verify_inclusion(Hash::empty(), index, size, &[Hash::empty(); 64], Hash::empty()), Err(Broken::Range));
        }
        for (from_size, to_size) in [(1, 0), (8, 7), (0, LEDGER_LEAVES_MAX + 1), (1, u64::MAX), (u64::MAX, u64::MAX)] {
            assert_eq!(consistency(from_size, to_size), None);
            assert_eq!(verify_consistency(from_size, Hash::empty(), to_size, Hash::empty(), &[]), Err(Broken::Range));
        }
        for index in [0, 1 << 62, LEDGER_LEAVES_MAX - 1] {
            let path = vec![Hash::empty(); inclusion(index, LEDGER_LEAVES_MAX).unwrap().len()];
            assert_eq!(verify_inclusion(Hash::empty(), index, LEDGER_LEAVES_MAX, &path, Hash::empty()), Err(Broken::Root));
            let path = vec![Hash::empty(); consistency(index + 1, LEDGER_LEAVES_MAX).unwrap().len()];
            assert!(verify_consistency(index + 1, Hash([1; 32]), LEDGER_LEAVES_MAX, Hash::empty(), &path).is_err());
        }
        assert_eq!(cover(LEDGER_LEAVES_MAX).len(), 63);
    }

    #[test]
    fn the_empty_tree_and_equal_trees_need_no_path() {
        let (empty, one, two) = (Hash::empty(), Hash::leaf(b"1"), Hash::leaf(b"2"));
        assert_eq!(verify_consistency(0, empty, 9, one, &[]), Ok(()));
        assert_eq!(verify_consistency(0, one, 9, one, &[]), Err(Broken::FromRoot));
        assert_eq!(verify_consistency(0, empty, 0, one, &[]), Err(Broken::Root));
        assert_eq!(verify_consistency(5, one, 5, one, &[]), Ok(()));
        assert_eq!(verify_consistency(5, one, 5, two, &[]), Err(Broken::Root));
        assert_eq!(verify_consistency(5, one, 5, one, &[one]), Err(Broken::Length));
        assert_eq!(verify_consistency(3, one, 5, two, &[]), Err(Broken::Length));
    }

    #[test]
    fn the_root_of_a_part_is_not_the_root() {
        let stored = Stored::numbered(8);
        let (leaf, path) = (stored.leaves[2], stored.path(&inclusion(2, 4).unwrap()));
        assert_eq!(verify_inclusion(leaf, 2, 4, &path, root(&stored, 4)), Ok(()));
        assert_eq!(verify_inclusion(leaf, 2, 8, &path, root(&stored, 4)), Err(Broken::Length));
        let path = stored.path(&consistency(3, 4).unwrap());
        assert_eq!(verify_consistency(3, root(&stored, 3), 8, root(&stored, 4), &path), Err(Broken::Length));
    }

    proptest! {
        #[test]
        fn takes_no_changed_inclusion(size in 1_u64..300, index: Index, other: Index, at: Index, bit in 0_usize..256) {
            let stored = Stored::numbered(size);
            let (index, to) = (index.index(size as usize) as u64, stored.tree.root());
            let (leaf, path) = (stored.leaves[index as usize], stored.path(&inclusion(index, size).unwrap()));
            prop_assert_eq!(verify_inclusion(leaf, index, size, &path, to), Ok(()));
            prop_assert_eq!(verify_inclusion(flip(leaf, bit), index, size, &path, to), Err(Broken::Root));
            prop_assert_eq!(verify_inclusion(leaf, index, size, &path, flip(to, bit)), Err(Broken::Root));
            for path in changed(&path, at, bit) {
                prop_assert!(verify_inclusion(leaf, index, size, &path, to).is_err());
            }
            let elsewhere = other.index(size as usize) as u64;
            prop_assert_eq!(verify_inclusion(leaf, elsewhere, size, &path, to).is_ok(), elsewhere == index);
            let earlier = 1 + other.index(size as usize) as u64;
            prop_assert_eq!(verify_inclusion(leaf, index, earlier, &path, root(&stored, earlier)).is_ok(), earlier == size);
        }

        #[test]
        fn takes_no_changed_consistency(to_size in 2_u64..300, from: Index, other: Index, at: Index, bit in 0_usize..256) {
            let stored = Stored::numbered(to_size);
            let from_size = 1 + from.index(to_size as usize - 1) as u64;
            let (from, to) = (root(&stored, from_size), stored.tree.root());
            let path = stored.path(&consistency(from_size, to_size).unwrap());
            prop_assert_eq!(verify_consistency(from_size, from, to_size, to, &path), Ok(()));
            prop_assert!(verify_consistency(from_size, flip(from, bit), to_size, to, &path).is_err());
            prop_assert_eq!(verify_consistency(from_size, from, to_size, flip(to, bit), &path), Err(Broken::Root));
            for path in changed(&path, at, bit) {
                prop_assert!(verify_consistency(from_size, from, to_size, to, &path).is_err());
            }
            let other = 1 + other.index(to_size as usize) as u64;
            prop_assert_eq!(verify_consistency(other, root(&stored, other), to_size, to, &path).is_ok(), other == from_size);
            prop_assert_eq!(verify_consistency(from_size, from, other, root(&stored, other), &path).is_ok(), other == to_size);
        }

        #[test]
        fn a_rewritten_past_is_no_beginning(to_size in 2_u64..300, from: Index, rewritten: Index) {
            let mut stored = Stored::numbered(to_size);
            let from_size = 1 + from.index(to_size as usize - 1) as u64;
            let path = stored.path(&consistency(from_size, to_size).unwrap());
            let to = stored.tree.root();
            stored.leaves[rewritten.index(from_size as usize)] = Hash::leaf(b"rewritten");
            prop_assert!(verify_consistency(from_size, root(&stored, from_size), to_size, to, &path).is_err());
        }
    }
}
