//! Random bytes out of a host's seed: SHA-256 in counter mode. The host gives a fresh seed at every opening.

use sha2::{Digest, Sha256};

/// The generator.
pub(super) struct Entropy {
    seed: [u8; 32],
    counter: u64,
}

impl Entropy {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self { seed, counter: 0 }
    }

    /// The next `N` bytes, at most 32.
    pub(super) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        const { assert!(N <= 32) }
        self.counter += 1;
        let block = Sha256::new()
            .chain_update(self.seed)
            .chain_update(self.counter.to_be_bytes())
            .finalize();
        let mut out = [0; N];
        out.copy_from_slice(&block[..N]);
        out
    }
}
