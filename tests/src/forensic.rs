//! Marker texts such as a service ticket is full of, and whether any of them lies in the files of a folder.
//!
//! Invariant: a search reads every byte of every file, and knows each marker in every encoding in which
//! somebody keeps texts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// How many there are.
pub const MARKERS: usize = 200;

/// The `n`th marker: a name, a telephone number, an address, or what somebody wrote.
pub fn marker(n: usize) -> String {
    match n % 4 {
        0 => format!("漏水后客户要求改约第{n:03}回"),
        // A character outside the basic plane: four bytes in UTF-8 and GB18030, a pair in UTF-16.
        1 => format!("欧阳𠮷{}", han(n)),
        2 => format!("1398{:07}", (n * 7_654_321 + 1_234_567) % 10_000_000),
        _ => format!("翠湖路{n:03}号院丙单元"),
    }
}

/// Two characters that no other marker has.
fn han(n: usize) -> String {
    let at = |k: usize| {
        char::from_u32(0x4e00 + u32::try_from(k).expect("a small number")).expect("a character")
    };
    [at(n * 37), at(9_000 + n * 53)].iter().collect()
}

/// Encodings by name.
pub const ENCODINGS: [&str; 4] = ["UTF-8", "UTF-16LE", "UTF-16BE", "GB18030"];

/// `text` in each of [`ENCODINGS`].
pub fn encoded(text: &str) -> [Vec<u8>; 4] {
    [
        text.as_bytes().to_vec(),
        text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        encoding_rs::GB18030.encode(text).0.into_owned(),
    ]
}

/// What a search saw.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// Files looked at, by name.
    pub files: Vec<String>,
    /// Their bytes.
    pub bytes: u64,
    /// Markers found, by encoding (its place in [`ENCODINGS`]) and number.
    pub found: BTreeSet<(usize, usize)>,
}

impl Search {
    /// How many of these markers were found in an encoding.
    pub fn count(&self, encoding: usize, of: std::ops::Range<usize>) -> usize {
        let of = |n: &usize| of.contains(n);
        self.found
            .iter()
            .filter(|(in_, n)| *in_ == encoding && of(n))
            .count()
    }
}

struct Needle {
    bytes: Vec<u8>,
    encoding: usize,
    marker: usize,
}

/// Bytes by which a needle is looked up.
const BEGINNING: usize = 4;

/// Searches every byte of every file below `folder`.
///
/// # Panics
/// A file cannot be read.
pub fn search(folder: &Path) -> Search {
    let mut needles: BTreeMap<[u8; BEGINNING], Vec<Needle>> = BTreeMap::new();
    for n in 0..MARKERS {
        for (encoding, bytes) in encoded(&marker(n)).into_iter().enumerate() {
            let beginning = *bytes.first_chunk().expect("a marker is longer");
            let of = needles.entry(beginning).or_default();
            of.push(Needle {
                bytes,
                encoding,
                marker: n,
            });
        }
    }
    let mut seen = Search::default();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("a file").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = fs::read(&path).expect("a file's bytes");
            seen.bytes += bytes.len() as u64;
            let name = path.file_name().expect("a file has a name");
            seen.files.push(name.to_string_lossy().into_owned());
            for (at, window) in bytes.windows(BEGINNING).enumerate() {
                let beginning: &[u8; BEGINNING] = window.try_into().expect("a window's length");
                for needle in needles.get(beginning).into_iter().flatten() {
                    if bytes[at..].starts_with(&needle.bytes) {
                        seen.found.insert((needle.encoding, needle.marker));
                    }
                }
            }
        }
    }
    seen.files.sort();
    seen
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_search_finds_each_marker_in_each_encoding_and_in_folders_within() {
        let folder = tempfile::tempdir().unwrap();
        let within = folder.path().join("within");
        fs::create_dir(&within).unwrap();
        for n in 0..MARKERS {
            for (encoding, bytes) in encoded(&marker(n)).into_iter().enumerate() {
                let around = [&[0xe6; 3][..], &bytes, &[0xe6; 3]].concat();
                fs::write(within.join(format!("{n}-{encoding}")), around).unwrap();
            }
        }
        let seen = search(folder.path());
        assert_eq!(seen.files.len(), MARKERS * ENCODINGS.len());
        assert_eq!(seen.found.len(), MARKERS * ENCODINGS.len());
    }

    #[test]
    fn no_marker_is_part_of_another() {
        let all: Vec<String> = (0..MARKERS).map(marker).collect();
        for (n, text) in all.iter().enumerate() {
            let with = all.iter().filter(|other| other.contains(text)).count();
            assert_eq!(with, 1, "marker {n}");
        }
    }
}
