//! `gongdan rescue import FILE`: brings in what a phone could not send.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use gongdan_core::limits;
use gongdan_core::rescue::{Reader, RescueError, RescuedBlob};
use gongdan_core::sync::changeset::Changeset;

use super::texts::{both, figure};
use super::{Global, Outcome, Output};
use crate::AppState;
use crate::audit::{self, Action};
use crate::blobs::{self, Upload, UploadId};

/// Environment variable of the passphrase, where no file is named.
const PASSPHRASE: &str = "GONGDAN_RESCUE_PASSPHRASE";
/// As whose an attachment counts that came out of a file.
const UPLOADED_BY: &str = "rescue";

#[derive(Debug, Subcommand)]
pub(super) enum Rescue {
    /// 导入救援文件 · Bring in a rescue file
    Import {
        /// 救援文件 · The rescue file
        file: PathBuf,
        /// 存有口令的文件；不给则取环境变量 GONGDAN_RESCUE_PASSPHRASE · File that holds the passphrase; the environment variable GONGDAN_RESCUE_PASSPHRASE unless given
        #[arg(long)]
        passphrase_file: Option<PathBuf>,
    },
}

/// What stops an import before it began, or in the middle; bringing the file in again goes on.
#[derive(Debug, thiserror::Error)]
#[error("{}", both("rescue", key(.0)))]
struct Failed(RescueError);

fn key(error: &RescueError) -> &'static str {
    match error {
        RescueError::WrongPassphrase => "wrong_passphrase",
        RescueError::Version(_) => "later_version",
        RescueError::TooLarge => "too_large",
        RescueError::Io(_) | RescueError::Store(_) => "unreadable",
        RescueError::NotOne | RescueError::Malformed | RescueError::WeakPassphrase => "not_one",
    }
}

impl Rescue {
    /// Brings changesets and attachments in, and says what became of them.
    ///
    /// # Errors
    /// The file is none, the passphrase another one, or the database fails.
    pub(super) fn run(&self, global: &Global, out: Output<'_>) -> Outcome {
        let Self::Import {
            file,
            passphrase_file,
        } = self;
        let passphrase = passphrase(passphrase_file.as_deref())?;
        let open = || {
            let input = BufReader::new(File::open(file)?);
            Reader::open(input, &passphrase)
        };
        // Once through first: a file that was cut off brings nothing.
        let mut whole = open().map_err(Failed)?;
        while whole.next_blob().map_err(Failed)?.is_some() {}
        let state = global.open()?;
        let mut reader = open().map_err(Failed)?;
        let mut new_blobs = 0u32;
        while let Some((blob, bytes)) = reader.next_blob().map_err(Failed)? {
            new_blobs += u32::from(keep(&state, &blob, &bytes)?);
        }
        let manifest = reader.manifest();
        writeln!(
            out,
            "{}: {} · {} · {}",
            both("rescue", "from"),
            manifest.person,
            manifest.device,
            manifest.at
        )?;
        bring_in(&state, &manifest.changesets, out)?;
        let detail = audit::about("device", manifest.device.to_string());
        super::tell(&state, Action::RescueImported, detail)?;
        figure(out, "attachments", manifest.blobs.len())?;
        figure(out, "new", new_blobs)?;
        Ok(())
    }
}

fn bring_in(state: &AppState, changesets: &[Changeset], out: Output<'_>) -> Outcome {
    let (mut new, mut strange) = (0, 0);
    let mut states = std::collections::BTreeMap::<String, u32>::new();
    for batch in changesets.chunks(limits::REQUEST_CHANGESETS_MAX) {
        let brought = state.relay.bring_in(state.host.now(), batch)?;
        new += brought.new;
        strange += brought.strange;
        for (name, count) in brought.states {
            *states.entry(name).or_default() += count;
        }
    }
    figure(out, "changesets", changesets.len())?;
    figure(out, "new", new)?;
    for (name, count) in states {
        writeln!(out, "  {name}: {count}")?;
    }
    if strange > 0 {
        writeln!(out, "{}: {strange}", both("rescue", "strange"))?;
    }
    Ok(())
}

fn passphrase(file: Option<&Path>) -> Result<String, Box<dyn std::error::Error>> {
    match file {
        Some(file) => {
            let text = std::fs::read_to_string(file)?;
            Ok(text.trim_end_matches(['\r', '\n']).to_owned())
        }
        None => std::env::var(PASSPHRASE).map_err(|_| both("rescue", "no_passphrase").into()),
    }
}

/// Stores an attachment; `false` where it was here.
fn keep(
    state: &AppState,
    blob: &RescuedBlob,
    bytes: &[u8],
) -> Result<bool, Box<dyn std::error::Error>> {
    let hash = blob.hash;
    if state.db.read(|c| blobs::stored(c, hash))?.is_some() {
        return Ok(false);
    }
    let now = state.host.now();
    let upload = Upload {
        id: UploadId(state.host.random()),
        hash,
        bytes: blob.bytes,
        media_type: crate::api::served_as(&blob.media_type).to_owned(),
        uploaded_by: UPLOADED_BY.to_owned(),
        expires_at: now,
        finished: false,
    };
    if !state.blobs.put(upload.id, hash, bytes)? {
        return Err(Box::new(Failed(RescueError::Malformed)));
    }
    state.db.write(|tx| blobs::finish(tx, &upload, now))?;
    Ok(true)
}
