//! The Merkle tree hash of RFC 6962 §2.1 over hashes of leaves.

use sha2::{Digest, Sha256};

/// SHA-256.
pub type Hash = [u8; 32];

/// The hash of a leaf.
pub fn leaf(bytes: &[u8]) -> Hash {
    let hash = Sha256::new().chain_update([0]).chain_update(bytes);
    hash.finalize().into()
}

/// The hash of a node over two others.
pub fn join(left: &Hash, right: &Hash) -> Hash {
    let hash = Sha256::new()
        .chain_update([1])
        .chain_update(left)
        .chain_update(right);
    hash.finalize().into()
}

/// The root over leaves' hashes. Of none it is the hash of nothing, as the RFC says.
pub(super) fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Sha256::digest([]).into(),
        [leaf] => *leaf,
        leaves => {
            // The largest power of two below the number of leaves.
            let split = leaves.len().next_power_of_two() / 2;
            join(&root(&leaves[..split]), &root(&leaves[split..]))
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The leaves of the reference vectors of the Certificate Transparency project, which every implementation of
    /// RFC 6962 is checked with.
    pub(in crate::evidence) const INPUTS: [&[u8]; 8] = [
        b"",
        &[0x00],
        &[0x10],
        &[0x20, 0x21],
        &[0x30, 0x31],
        &[0x40, 0x41, 0x42, 0x43],
        &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
        &[
            0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d,
            0x6e, 0x6f,
        ],
    ];

    /// The vectors of `merkletree/tree_hasher`.
    #[test]
    fn the_tree_is_that_of_rfc_6962() {
        let leaves: Vec<Hash> = INPUTS.into_iter().map(leaf).collect();
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        for (count, expected) in roots.iter().enumerate() {
            let found = super::super::leaf::hex(&root(&leaves[..count]));
            assert_eq!(found, *expected, "{count} leaves");
        }
    }
}
