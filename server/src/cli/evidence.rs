//! `gongdan verify evidence FILE`: an export's signed changesets, checked with no database at hand.
//!
//! Invariant: nothing in the file is trusted but what the organisation's key, which comes from elsewhere, bears
//! out: the key that the file names counts for nothing.

use std::collections::HashMap;
use std::path::PathBuf;

use gongdan_core::ids::DeviceId;
use gongdan_core::sync::certificate::{CertifiedDevice, DeviceCertificate, Distrust};
use gongdan_core::sync::changeset::Changeset;
use gongdan_core::sync::codec;
use gongdan_core::sync::keys::PublicKey;
use gongdan_core::sync::request_auth::unbase64url;
use serde::Deserialize;

use super::backup::whole;
use super::texts::{both, figure};
use super::{Outcome, Output};

/// What `gongdan verify evidence` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Evidence {
    /// 导出的 evidence.json · An export's evidence.json
    file: PathBuf,
    /// 组织公钥（`gongdan org key` 所打印） · The organisation's public key, as `gongdan org key` prints it
    #[arg(long, value_parser = key, allow_hyphen_values = true)]
    organisation_key: PublicKey,
}

pub(super) fn key(text: &str) -> Result<PublicKey, String> {
    unbase64url(text.trim())
        .and_then(|bytes| PublicKey::from_bytes(bytes.try_into().ok()?))
        .ok_or_else(|| "not an Ed25519 public key in base64url".into())
}

/// `evidence.json`.
#[derive(Deserialize)]
struct File {
    certificates: Vec<String>,
    changesets: Vec<Signed>,
}

#[derive(Deserialize)]
struct Signed {
    seq: i64,
    hash: String,
    changeset: String,
}

/// What does not hold, and where.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    place: String,
    code: &'static str,
}

/// What the file comes to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    certificates: usize,
    changesets: usize,
    faults: Vec<Fault>,
}

impl Evidence {
    pub(super) fn run(&self, out: Output<'_>) -> Outcome {
        let bytes = std::fs::read(&self.file)
            .map_err(|error| format!("read {}: {error}", self.file.display()))?;
        let file: File = serde_json::from_slice(&bytes)
            .map_err(|_| format!("read {}: not an export's evidence", self.file.display()))?;
        let found = check(&file, &self.organisation_key);
        figure(out, "evidence_certificates", found.certificates)?;
        figure(out, "evidence_changesets", found.changesets)?;
        for fault in &found.faults {
            writeln!(out, "  {}: {}", fault.place, both("fault", fault.code))?;
        }
        let good = found.faults.is_empty();
        let said = if good {
            "evidence_good"
        } else {
            "evidence_bad"
        };
        writeln!(out, "{}", both("verify", said))?;
        whole(good)
    }
}

fn check(file: &File, organisation: &PublicKey) -> Found {
    let mut found = Found {
        certificates: file.certificates.len(),
        changesets: file.changesets.len(),
        faults: Vec::new(),
    };
    let mut devices: HashMap<DeviceId, CertifiedDevice> = HashMap::new();
    for (place, text) in file.certificates.iter().enumerate() {
        let certified = unbase64url(text)
            .and_then(|bytes| DeviceCertificate::from_bytes(&bytes).ok())
            .and_then(|certificate| certificate.verify(organisation).ok());
        match certified {
            Some(device) => {
                devices.insert(device.device(), device);
            }
            None => found.faults.push(Fault {
                place: format!("certificate {}", place + 1),
                code: "bad_certificate",
            }),
        }
    }
    for signed in &file.changesets {
        if let Err(code) = changeset(signed, &devices) {
            found.faults.push(Fault {
                place: signed.seq.to_string(),
                code,
            });
        }
    }
    found
}

fn changeset(
    signed: &Signed,
    devices: &HashMap<DeviceId, CertifiedDevice>,
) -> Result<(), &'static str> {
    let bytes = unbase64url(&signed.changeset).ok_or("unreadable")?;
    let changeset: Changeset = codec::decode(&bytes).map_err(|_| "unreadable")?;
    if changeset.hash().to_string() != signed.hash {
        return Err("other_hash");
    }
    let device = devices
        .get(&changeset.header.device)
        .ok_or("no_certificate")?;
    device.check(&changeset).map_err(|why| match why {
        Distrust::Author => "other_author",
        _ => "bad_signature",
    })
}
