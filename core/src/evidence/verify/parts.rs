//! What a sheet must be for a check to hold, part by part. Pure, and each alone.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::Outcome;
use crate::evidence::answers::SheetKind;
use crate::evidence::file::Enclosed;
use crate::evidence::form::{Composer, Form, Language};
use crate::evidence::ink::Picture;
use crate::evidence::leaf::{Leaf, Scalar};
use crate::evidence::seal::{self, SignedSheet};
use crate::ids::{BlobHash, SheetHash};
use crate::sync::codec;

/// What paths of frozen leaves begin with.
const FROZEN: [&str; 4] = ["form/", "content/", "consent/", "basis/"];
/// What paths of the leaves after them begin with.
const SIGNED: [&str; 5] = ["answers/", "refusal/", "signer/", "attachment/", "place/"];

impl SignedSheet {
    /// The attachments that it names and was not made to forget, in order, with their length.
    pub fn attachments(&self) -> Vec<(BlobHash, u64)> {
        let named = |path: &str| {
            (path.starts_with("content/photos/") || path.starts_with("attachment/"))
                && path.ends_with("/hash")
        };
        let mut found = Vec::new();
        for block in self.leaves.iter().filter_map(Leaf::block) {
            let Scalar::Bytes(bytes) = &block.value else {
                continue;
            };
            if let (true, Ok(hash)) = (named(&block.path), bytes.as_slice().try_into()) {
                let length = block.path.replace("/hash", "/bytes");
                let length = match self.block(&length).map(|block| &block.value) {
                    Some(Scalar::Number(length)) => u64::try_from(*length).unwrap_or(0),
                    _ => 0,
                };
                found.push((BlobHash(hash), length));
            }
        }
        found
    }

    /// The language it was read in.
    pub fn language(&self) -> Option<Language> {
        match &self.block("form/language")?.value {
            Scalar::Text(code) => Language::by_code(code),
            _ => None,
        }
    }

    /// The offset from UTC that its times are written with, in minutes.
    pub fn offset_minutes(&self) -> Option<i32> {
        match &self.block("form/offset_minutes")?.value {
            Scalar::Number(minutes) => i32::try_from(*minutes).ok(),
            _ => None,
        }
    }

    /// The pictures of the ink on it.
    pub fn pictures(&self) -> Vec<Picture> {
        let blocks = self.leaves.iter().filter_map(Leaf::block);
        blocks
            .filter(|block| block.path.starts_with("signer/") && block.path.ends_with("/picture"))
            .filter_map(|block| match &block.value {
                Scalar::Bytes(bytes) => codec::decode(bytes).ok(),
                _ => None,
            })
            .collect()
    }
}

/// Whether the header speaks of these leaves, of a version known here, and of a place in a chain that can be.
pub(super) fn is_consistent(sheet: &SignedSheet) -> bool {
    let header = &sheet.header;
    header.version == seal::VERSION
        && header.leaves as usize == sheet.leaves.len()
        && header.content_leaves <= header.leaves
        && header.content_leaves > 0
        && header.running > 0
        && (header.running == 1) == (header.previous == SheetHash([0; 32]))
        && header.edition > 0
        && (header.edition == 1) == header.corrects.is_none()
}

/// Whether no path stands twice, and nothing shown came in after the customer had read.
pub(super) fn are_paths_in_place(sheet: &SignedSheet) -> bool {
    let mut seen = BTreeSet::new();
    let frozen = sheet.header.content_leaves as usize;
    sheet.leaves.iter().enumerate().all(|(place, leaf)| {
        let path = leaf.path();
        let begins = |with: &[&str]| with.iter().any(|prefix| path.starts_with(prefix));
        let in_place = if place < frozen {
            begins(&FROZEN)
        } else {
            begins(&SIGNED)
        };
        in_place && seen.insert(path)
    })
}

/// Whether the form makes the same labels and texts of the values.
pub(super) fn form(sheet: &SignedSheet) -> Outcome {
    let value = |path: &str| sheet.block(path).map(|block| &block.value);
    let (Some(Scalar::Text(template)), Some(Scalar::Number(version))) =
        (value("form/template"), value("form/version"))
    else {
        return Outcome::Fails;
    };
    let (Some(language), Some(offset)) = (sheet.language(), sheet.offset_minutes()) else {
        return Outcome::Fails;
    };
    let Some(form) = Form::by_name(template, *version) else {
        return Outcome::NotReached;
    };
    let mut composer = Composer::new(form, language, offset);
    let same = sheet.leaves.iter().all(|leaf| match leaf {
        Leaf::Erased { path, .. } => {
            composer.count(path);
            true
        }
        Leaf::Open { block, .. } => {
            composer
                .shown(&block.path, &block.value)
                .is_some_and(|(label, text)| {
                    label.is_none_or(|label| label == block.label)
                        && text.is_none_or(|text| text == block.text)
                })
        }
    });
    Outcome::of(same)
}

/// Whether there is on it what a sheet of its kind needs; what was erased was there.
pub(super) fn is_complete(sheet: &SignedSheet) -> bool {
    let has = |path: &str| sheet.leaves.iter().any(|leaf| leaf.path() == path);
    let confirms = sheet.header.kind.method().is_some();
    let answered = [
        "answers/solved",
        "answers/satisfied",
        "answers/professionalism",
    ]
    .into_iter()
    .all(|path| has(path) == confirms);
    let signed = ["signer/1/name", "signer/1/capacity", "signer/1/identified"]
        .into_iter()
        .all(|path| has(path) == confirms);
    let role = |role: &str| {
        sheet.leaves.iter().any(|leaf| {
            let block = leaf.block();
            leaf.path().starts_with("attachment/")
                && block.is_some_and(|block| block.value == Scalar::Text(role.to_owned()))
        })
    };
    let rests = match sheet.header.kind {
        SheetKind::Ink => is_drawn(sheet),
        SheetKind::Paper => role("paper"),
        SheetKind::Reply => role("reply"),
        SheetKind::Receipt => role("report"),
        SheetKind::Absent | SheetKind::Refused => {
            has("refusal/reason") && (has("refusal/witness") || role("scene"))
        }
    };
    answered && signed && rests && has("content/number")
}

/// Whether every signer drew something: the picture is there, or was erased.
fn is_drawn(sheet: &SignedSheet) -> bool {
    let names = sheet.leaves.iter().filter_map(|leaf| {
        let path = leaf.path();
        path.strip_prefix("signer/")?.strip_suffix("/name")
    });
    names.into_iter().all(|n| {
        let path = format!("signer/{n}/picture");
        let leaf = sheet.leaves.iter().find(|leaf| leaf.path() == path);
        match leaf {
            None => false,
            Some(Leaf::Erased { .. }) => true,
            Some(Leaf::Open { block, .. }) => match &block.value {
                Scalar::Bytes(bytes) => {
                    codec::decode::<Picture>(bytes).is_ok_and(|picture| picture.is_drawn())
                }
                _ => false,
            },
        }
    })
}

/// Whether the attachments are those that the sheet names, in its order, and what is here is what was named.
pub(super) fn are_attachments(sheet: &SignedSheet, enclosed: &[Enclosed]) -> bool {
    let named = sheet.attachments();
    named.len() == enclosed.len()
        && named.iter().zip(enclosed).all(|((hash, length), here)| {
            let same = if here.is_here {
                here.bytes.len() as u64 == *length
                    && BlobHash(Sha256::digest(&here.bytes).into()) == *hash
            } else {
                here.bytes.is_empty()
            };
            same && here.hash == *hash
        })
}
