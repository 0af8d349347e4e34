//! The signed sheet beside the ticket as it is: what differs, field by field.
//!
//! Invariant: pure, and only about what was shown. The sheet itself verifies whatever comes of it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::leaf::{Block, Leaf};
use super::seal::SignedSheet;

/// A fact of which sheet and ticket say different things.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Difference {
    /// Its place on the sheet.
    pub path: String,
    /// What stands before it.
    pub label: String,
    /// What was signed; nothing where it came into the ticket afterwards.
    pub signed: Option<String>,
    /// What the ticket says; nothing where it was signed and is not in the ticket.
    pub ticket: Option<String>,
}

/// What of the content differs. `now` are the blocks that the ticket would be frozen to now
/// ([`content::blocks`](super::content::blocks)), in the sheet's language and offset. Erased blocks are passed over,
/// and so is the ticket's number where the sheet shows the label that stood in its place before there was one.
pub fn compare(sheet: &SignedSheet, now: &[Block]) -> Vec<Difference> {
    let is_content = |path: &str| path.starts_with("content/") && path != "content/technician";
    let mut later: BTreeMap<&str, &Block> = now
        .iter()
        .filter(|block| is_content(&block.path))
        .map(|block| (block.path.as_str(), block))
        .collect();
    let mut found = Vec::new();
    for leaf in sheet.leaves.iter().filter(|leaf| is_content(leaf.path())) {
        let present = later.remove(leaf.path());
        let Leaf::Open { block, .. } = leaf else {
            continue;
        };
        let provisional = block.path == "content/number" && block.text.starts_with('临');
        if provisional || present.is_some_and(|present| present.value == block.value) {
            continue;
        }
        found.push(Difference {
            path: block.path.clone(),
            label: block.label.clone(),
            signed: Some(block.text.clone()),
            ticket: present.map(|present| present.text.clone()),
        });
    }
    let added = now
        .iter()
        .filter(|block| later.contains_key(block.path.as_str()));
    found.extend(added.map(|block| Difference {
        path: block.path.clone(),
        label: block.label.clone(),
        signed: None,
        ticket: Some(block.text.clone()),
    }));
    found
}
