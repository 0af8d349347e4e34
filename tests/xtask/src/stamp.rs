//! Stamps: whether what was built from some files is still what they would give.
//!
//! By content and not by time, because a fresh clone, a checkout and a restored cache all
//! change times without changing anything else.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// Folders that hold what a tool made, never what it was made from.
const MADE: [&str; 4] = ["node_modules", "dist", "target", "__pycache__"];

/// The hash of all files below `folders`, their paths included, as hexadecimal digits.
pub(crate) fn of(folders: &[PathBuf]) -> Result<String> {
    let mut files = Vec::new();
    for folder in folders {
        collect(folder, &mut files)?;
    }
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let bytes = fs::read(&file).with_context(|| format!("read {}", file.display()))?;
        hash.update(file.as_os_str().as_encoded_bytes());
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(&bytes);
    }
    Ok(hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// Whether the stamp in `file` says `stamp`.
pub(crate) fn holds(file: &Path, stamp: &str) -> bool {
    fs::read_to_string(file).is_ok_and(|kept| kept == stamp)
}

/// Writes the stamp; call it only after what it vouches for is complete.
pub(crate) fn keep(file: &Path, stamp: &str) -> Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    }
    fs::write(file, stamp).with_context(|| format!("write {}", file.display()))
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if path.is_file() {
        files.push(path.to_path_buf());
        return Ok(());
    }
    for entry in fs::read_dir(path).with_context(|| format!("list {}", path.display()))? {
        let entry = entry.with_context(|| format!("list {}", path.display()))?;
        if MADE.iter().any(|made| entry.file_name() == *made) {
            continue;
        }
        collect(&entry.path(), files)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_stamp_follows_content_and_names_and_ignores_what_was_made() {
        let folder = std::env::temp_dir().join(format!("xtask-stamp-{}", std::process::id()));
        fs::create_dir_all(folder.join("dist")).unwrap();
        fs::write(folder.join("a.ts"), "one").unwrap();
        let first = of(std::slice::from_ref(&folder)).unwrap();

        fs::write(folder.join("dist/out.js"), "made").unwrap();
        assert_eq!(of(std::slice::from_ref(&folder)).unwrap(), first);

        fs::write(folder.join("a.ts"), "two").unwrap();
        let changed = of(std::slice::from_ref(&folder)).unwrap();
        assert_ne!(changed, first);

        fs::rename(folder.join("a.ts"), folder.join("b.ts")).unwrap();
        assert_ne!(of(std::slice::from_ref(&folder)).unwrap(), changed);

        let stamp = folder.join("dist/stamp");
        assert!(!holds(&stamp, &first));
        keep(&stamp, &first).unwrap();
        assert!(holds(&stamp, &first));
        fs::remove_dir_all(folder).unwrap();
    }
}
