//! Proofs over a Merkle tree that only grows (RFC 6962 §2.1; checking them, RFC 9162 §2.1.3.2 and §2.1.4.2).
//!
//! Invariant: a node that is full never changes again, so it is hashed once and kept; everything else is made of
//! a logarithm of such nodes.
//!
//! ```text
//! level 2        0                 size 7: full nodes are (2,0), (1,2), (0,6)
//! level 1    0       1       2
//! level 0  0   1   2   3   4   5   6
//! ```

use super::Step;
use crate::evidence::tree::{self, Hash};

pub use crate::evidence::tree::{join, leaf};

/// The full nodes that are kept. `node(l, i)` is the root over the leaves from `i·2^l` up to `(i+1)·2^l`, which
/// is asked for only where all of these are there.
pub trait Nodes {
    /// What a look-up comes to: a hash, or why there is none.
    type Found;
    /// A node.
    fn node(&self, level: u32, index: u64) -> Self::Found;
    /// The hash over two others.
    fn join(left: Self::Found, right: Self::Found) -> Self::Found;
    /// The root of no leaves.
    fn empty() -> Self::Found;
}

/// The nodes that become full when leaf `index` comes: level and index of each but the leaf, from below.
pub fn filled(index: u64) -> impl Iterator<Item = (u32, u64)> {
    (1..=index.trailing_ones()).map(move |level| (level, index >> level))
}

/// The root over the first `size` leaves.
pub fn root<N: Nodes>(nodes: &N, size: u64) -> N::Found {
    if size == 0 {
        N::empty()
    } else {
        range(nodes, 0, size)
    }
}

/// The audit path of leaf `index` among the first `size` (§2.1.1), from the leaf up; empty where it is not
/// among them.
pub fn inclusion<N: Nodes>(nodes: &N, index: u64, size: u64) -> Vec<N::Found> {
    let mut path = Vec::new();
    if index < size {
        let (mut start, mut end) = (0, size);
        while end - start > 1 {
            let split = start + largest_power_below(end - start);
            if index < split {
                path.push(range(nodes, split, end));
                end = split;
            } else {
                path.push(range(nodes, start, split));
                start = split;
            }
        }
        path.reverse();
    }
    path
}

/// The proof that the tree of the first `from` leaves is the beginning of that of the first `to` (§2.1.2);
/// empty where there is nothing to prove or it cannot be.
pub fn consistency<N: Nodes>(nodes: &N, from: u64, to: u64) -> Vec<N::Found> {
    let mut path = Vec::new();
    if from == 0 || from >= to {
        return path;
    }
    let (mut start, mut end) = (0, to);
    // The older tree ends where a full part of the newer one does: what is left of it is one node.
    while from != end {
        let split = start + largest_power_below(end - start);
        if from <= split {
            path.push(range(nodes, split, end));
            end = split;
        } else {
            path.push(range(nodes, start, split));
            start = split;
        }
    }
    if start > 0 {
        path.push(range(nodes, start, end));
    }
    path.reverse();
    path
}

/// The root over the leaves from `start` up to `end`; `start` is a multiple of the least power of two that is
/// not below their number, as it is for every part of a tree.
fn range<N: Nodes>(nodes: &N, start: u64, end: u64) -> N::Found {
    let count = end - start;
    if count.is_power_of_two() {
        let level = count.trailing_zeros();
        return nodes.node(level, start >> level);
    }
    let split = start + largest_power_below(count);
    N::join(range(nodes, start, split), range(nodes, split, end))
}

/// The largest power of two below `count`, which is more than one.
const fn largest_power_below(count: u64) -> u64 {
    1 << (u64::BITS - 1 - (count - 1).leading_zeros())
}

/// The root that a path leads to from leaf `index` of `size`; `None` where the path is not one of them.
pub fn root_by_path(leaf: Hash, index: u64, size: u64, path: &[Step]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    let (mut at, mut last, mut root) = (index, size - 1, leaf);
    for Step(beside) in path {
        if last == 0 {
            return None;
        }
        if at & 1 == 1 || at == last {
            root = join(beside, &root);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            root = join(&root, beside);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    (last == 0).then_some(root)
}

/// Whether the tree of `from` leaves is the beginning of that of `to`.
pub fn is_consistent(from: u64, from_root: Hash, to: u64, to_root: Hash, proof: &[Step]) -> bool {
    if from > to || from == 0 {
        return from == 0 && proof.is_empty();
    }
    if from == to {
        return proof.is_empty() && from_root == to_root;
    }
    let first = Step(from_root);
    let whole = from.is_power_of_two().then_some(&first);
    let mut steps = whole.into_iter().chain(proof);
    let Some(Step(begins)) = steps.next() else {
        return false;
    };
    let (mut at, mut last) = (from - 1, to - 1);
    while at & 1 == 1 {
        (at, last) = (at >> 1, last >> 1);
    }
    let (mut older, mut newer) = (*begins, *begins);
    for Step(beside) in steps {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            (older, newer) = (join(beside, &older), join(beside, &newer));
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            newer = join(&newer, beside);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && older == from_root && newer == to_root
}

/// A tree of which the leaves' hashes are at hand, and nothing else is kept.
#[derive(Debug, Clone, Default)]
pub struct Leaves(pub Vec<Hash>);

impl Nodes for Leaves {
    type Found = Step;

    fn node(&self, level: u32, index: u64) -> Step {
        let place = |index: u64| usize::try_from(index << level).expect("the leaves are in memory");
        Step(tree::root(&self.0[place(index)..place(index + 1)]))
    }

    fn join(left: Step, right: Step) -> Step {
        Step(join(&left.0, &right.0))
    }

    fn empty() -> Step {
        Step(tree::root(&[]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::leaf::hex;

    fn leaves(count: u8) -> Leaves {
        Leaves((0..count).map(|n| leaf(&[n])).collect())
    }

    fn written(path: &[Step]) -> Vec<String> {
        path.iter().map(|step| hex(&step.0)).collect()
    }

    /// The reference vectors of the Certificate Transparency project (`merkletree`), which count from 1.
    #[test]
    fn proofs_are_those_of_rfc_6962() {
        let tree = Leaves(tree::tests::INPUTS.into_iter().map(leaf).collect());
        let of = |leaf: u64, size| written(&inclusion(&tree, leaf - 1, size));
        assert!(of(1, 1).is_empty());
        let ends = [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ];
        let first = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
        assert_eq!(of(1, 8), [first, ends[0], ends[1]]);
        let (beside, four) = (
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        );
        let fifth = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
        assert_eq!(of(6, 8), [fifth, beside, four]);
        assert_eq!(
            of(3, 3),
            ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]
        );
        assert_eq!(
            of(2, 5),
            [
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                ends[0],
                fifth
            ]
        );
        let between = |from, to| written(&consistency(&tree, from, to));
        assert!(between(1, 1).is_empty());
        assert_eq!(between(1, 8), [first, ends[0], ends[1]]);
        assert_eq!(
            between(6, 8),
            [
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                beside,
                four
            ]
        );
        assert_eq!(between(2, 5), [ends[0], fifth]);
    }

    #[test]
    fn every_proof_up_to_forty_leaves_holds_and_no_other_does() {
        for size in 0..=40u64 {
            let tree = leaves(size as u8);
            let head = root(&tree, size).0;
            assert_eq!(head, tree::root(&tree.0));
            for index in 0..size {
                let path = inclusion(&tree, index, size);
                let leads = |leaf, index, path: &[Step]| {
                    root_by_path(leaf, index, size, path) == Some(head)
                };
                assert!(leads(tree.0[index as usize], index, &path));
                assert!(!leads([9; 32], index, &path));
                assert!(!leads(tree.0[index as usize], (index + 1) % size, &path) || size == 1);
                for at in 0..path.len() {
                    let mut changed = path.clone();
                    changed[at].0[0] ^= 1;
                    assert!(!leads(tree.0[index as usize], index, &changed));
                    changed.remove(at);
                    assert!(!leads(tree.0[index as usize], index, &changed));
                }
                let longer = [&path[..], &[Step([0; 32])]].concat();
                assert!(!leads(tree.0[index as usize], index, &longer));
            }
            for from in 0..=size {
                let before = root(&tree, from).0;
                let proof = consistency(&tree, from, size);
                let holds =
                    |before, after, proof: &[Step]| is_consistent(from, before, size, after, proof);
                assert!(holds(before, head, &proof), "{from} {size}");
                if from > 0 {
                    assert!(!holds([9; 32], head, &proof));
                    assert!(!holds(before, [9; 32], &proof));
                    assert!(!is_consistent(size + 1, before, size, head, &proof));
                }
                for at in 0..proof.len() {
                    let mut changed = proof.clone();
                    changed[at].0[0] ^= 1;
                    assert!(!holds(before, head, &changed));
                    changed.remove(at);
                    assert!(!holds(before, head, &changed));
                }
                let longer = [&proof[..], &[Step([0; 32])]].concat();
                assert!(!holds(before, head, &longer));
            }
        }
    }

    #[test]
    fn nodes_are_filled_as_leaves_come() {
        assert_eq!(filled(0).count(), 0);
        assert_eq!(filled(7).collect::<Vec<_>>(), [(1, 3), (2, 1), (3, 0)]);
        assert_eq!(filled(5).collect::<Vec<_>>(), [(1, 2)]);
    }
}
