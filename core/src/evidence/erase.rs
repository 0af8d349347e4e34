//! Erasure: personal data goes, the proof stays.
//!
//! Invariant: the value and its salt are dropped together and the commitment is kept, so the sheet's hash, root
//! and signature are what they were, and nobody can try out values against what is left.

use super::leaf::Leaf;
use super::seal::SignedSheet;

/// What identifies a person on a sheet, by how its path begins: what an organisation erases when the time it may
/// keep it for is over.
pub const PERSONAL: [&str; 12] = [
    "content/customer_name",
    "content/customer_organisation",
    "content/customer_phone",
    "content/address",
    "content/contact_",
    "content/representative_name",
    "content/problem",
    "answers/remarks",
    "signer/",
    "refusal/reason",
    "place/",
    "content/photos/",
];

impl SignedSheet {
    /// The sheet without the blocks whose path begins with any of `prefixes`; how many went.
    pub fn erase(&mut self, prefixes: &[&str]) -> usize {
        let mut count = 0;
        for leaf in &mut self.leaves {
            let named = prefixes.iter().any(|p| leaf.path().starts_with(p));
            if named && matches!(leaf, Leaf::Open { .. }) {
                *leaf = Leaf::Erased {
                    path: leaf.path().to_owned(),
                    commitment: leaf.commitment(),
                };
                count += 1;
            }
        }
        count
    }
}
