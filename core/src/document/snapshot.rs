//! A document as small as it travels: Automerge's uncompressed form without what the reader can
//! derive (magic bytes, checksum, heads and their places), so that one compressor over a page does
//! the rest.
//!
//! Invariant: [`unpack`] of [`pack`] is the same document, heads and all. Snapshots come from the
//! server alone; nothing here is fit for a device's bytes.

use std::collections::BTreeSet;

use automerge::{Automerge, ChangeHash, LoadOptions, TextEncoding, VerificationMode};
use sha2::{Digest, Sha256};

use super::{TicketDoc, Unreadable};
use crate::ids::Part;

const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
const DOCUMENT_CHUNK: u8 = 0;
const HASH_BYTES: usize = 32;

/// The document's travelling form.
pub fn pack(doc: &TicketDoc) -> Vec<u8> {
    let saved = doc.doc.save_nocompress();
    strip(&saved).expect("what Automerge saves is one document chunk")
}

/// The document of a travelling form.
///
/// Automerge believes a chunk's own heads, so it is loaded twice: without any to learn the hashes of
/// its changes, then with those that no other change follows, this time verified.
pub fn unpack(part: Part, packed: &[u8]) -> Result<TicketDoc, Unreadable> {
    let without = with_heads(packed, &[])?;
    let options = || LoadOptions::new().text_encoding(TextEncoding::UnicodeCodePoint);
    let unverified = options().verification_mode(VerificationMode::DontCheck);
    let doc = Automerge::load_with_options(&without, unverified).map_err(Unreadable::Load)?;
    let changes = doc.get_changes_meta(&[]);
    let mut heads: BTreeSet<ChangeHash> = changes.iter().map(|change| change.hash).collect();
    for dependency in changes.iter().flat_map(|change| &change.deps) {
        heads.remove(dependency);
    }
    let heads: Vec<ChangeHash> = heads.into_iter().collect();
    let doc = Automerge::load_with_options(&with_heads(packed, &heads)?, options())
        .map_err(Unreadable::Load)?;
    TicketDoc::checked(part, doc)
}

/// The chunk that Automerge loads, with these heads.
fn with_heads(packed: &[u8], heads: &[ChangeHash]) -> Result<Vec<u8>, Unreadable> {
    let at = packed.len() - after_actors(packed).ok_or(Unreadable::Snapshot)?.len();
    let mut body = Vec::with_capacity(packed.len() + HASH_BYTES * heads.len() + 2);
    body.extend_from_slice(&packed[..at]);
    put_leb128(&mut body, heads.len() as u64);
    for head in heads {
        body.extend_from_slice(&head.0);
    }
    // The heads' places after the columns may be left out.
    body.extend_from_slice(&packed[at..]);
    let mut chunk = vec![DOCUMENT_CHUNK];
    put_leb128(&mut chunk, body.len() as u64);
    chunk.extend_from_slice(&body);
    let checksum = Sha256::digest(&chunk);
    let mut whole = Vec::with_capacity(chunk.len() + 8);
    whole.extend_from_slice(&MAGIC);
    whole.extend_from_slice(&checksum[..4]);
    whole.extend_from_slice(&chunk);
    Ok(whole)
}

/// What follows the table of actors.
fn after_actors(body: &[u8]) -> Option<&[u8]> {
    let (actors, mut rest) = take_leb128(body)?;
    for _ in 0..actors {
        let (length, after) = take_leb128(rest)?;
        rest = after.get(usize::try_from(length).ok()?..)?;
    }
    Some(rest)
}

/// Takes the header, the heads and the heads' places away.
fn strip(saved: &[u8]) -> Option<Vec<u8>> {
    let chunk = saved.strip_prefix(&MAGIC)?.get(4..)?;
    let (kind, rest) = chunk.split_first()?;
    if *kind != DOCUMENT_CHUNK {
        return None;
    }
    let (length, body) = take_leb128(rest)?;
    if length != body.len() as u64 {
        return None;
    }
    let rest = after_actors(body)?;
    let before_heads = body.len() - rest.len();
    let (heads, after) = take_leb128(rest)?;
    let heads = usize::try_from(heads).ok()?;
    let columns = after.get(heads * HASH_BYTES..)?;
    // What follows the columns are the heads' places: as many numbers as there are heads.
    let end = columns_length(columns)?;
    let mut out = Vec::with_capacity(before_heads + end);
    out.extend_from_slice(&body[..before_heads]);
    out.extend_from_slice(columns.get(..end)?);
    Some(out)
}

/// Length of the two tables of columns and of the data they tell of.
fn columns_length(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    let mut data: usize = 0;
    for _table in ["changes", "operations"] {
        let (count, after) = take_leb128(rest)?;
        rest = after;
        for _ in 0..count {
            let (_specification, after) = take_leb128(rest)?;
            let (length, after) = take_leb128(after)?;
            data = data.checked_add(usize::try_from(length).ok()?)?;
            rest = after;
        }
    }
    (bytes.len() - rest.len())
        .checked_add(data)
        .filter(|end| *end <= bytes.len())
}

fn take_leb128(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    for (i, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f).checked_shl(7 * u32::try_from(i).ok()?)?;
        if byte & 0x80 == 0 {
            return Some((value, &bytes[i + 1..]));
        }
    }
    None
}

fn put_leb128(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::testing;

    #[test]
    fn an_unpacked_snapshot_is_the_same_document_to_the_byte() {
        for doc in testing::documents_with_forks() {
            let back = unpack(doc.part(), &pack(&doc)).unwrap();
            assert_eq!(back.heads(), doc.heads());
            assert_eq!(back.save(), doc.save());
        }
    }

    #[test]
    fn bytes_that_are_no_snapshot_are_an_error() {
        let packed = pack(&TicketDoc::genesis(Part::Office));
        assert!(
            unpack(Part::Service, &packed).is_err(),
            "another part's genesis"
        );
        assert!(unpack(Part::Office, &packed[..packed.len() - 1]).is_err());
        assert!(unpack(Part::Office, &[]).is_err());
    }
}
