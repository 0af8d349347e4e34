//! Checking the audit chain.
//!
//! A chain by itself shows what was changed within it. Whoever can write the database can also make the whole
//! chain anew; what he cannot change are heads that left the machine before, as every backup's manifest has
//! one: [`audit`] asks that the chain goes through all of them.

use std::path::{Path, PathBuf};

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::ChangesetHash;
use rusqlite::Connection;
use serde_json::Value;

use crate::audit::{Action, Head, digest, entry_hash};
use crate::backup::{self, BackupError, Manifest};
use crate::store::StoreError;

/// Faults told one by one; the rest are counted.
const FAULTS_MAX: usize = 100;

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditFault {
    /// A number is missing before this entry.
    Gap {
        /// Number of the entry.
        seq: u64,
    },
    /// This entry's hash is not that of its columns after the entry before it.
    Changed {
        /// Number of the entry.
        seq: u64,
    },
    /// The log of changesets is not what this entry says was admitted.
    OtherChanges {
        /// Number of the entry.
        seq: u64,
    },
    /// A log entry that no entry of the chain tells of.
    Untold {
        /// Number in the log.
        log: u64,
    },
    /// A backup saw another entry of this number, or one that is not here.
    OtherPast {
        /// The backup.
        backup: PathBuf,
        /// Number of the entry.
        seq: u64,
    },
}

impl AuditFault {
    /// Its stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Gap { .. } => "audit_gap",
            Self::Changed { .. } => "audit_changed",
            Self::OtherChanges { .. } => "audit_other_changes",
            Self::Untold { .. } => "audit_untold",
            Self::OtherPast { .. } => "audit_other_past",
        }
    }

    /// Where: an entry of the chain or the log, or a backup.
    pub fn place(&self) -> String {
        match self {
            Self::Gap { seq } | Self::Changed { seq } | Self::OtherChanges { seq } => {
                format!("audit {seq}")
            }
            Self::Untold { log } => format!("log {log}"),
            Self::OtherPast { backup, seq } => format!("audit {seq}, {}", backup.display()),
        }
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLog {
    /// Entries of the chain.
    pub entries: u64,
    /// Log entries that the chain tells of.
    pub told: u64,
    /// Log entries from before the chain began.
    pub before: u64,
    /// Heads of backups that the chain goes through.
    pub backups: u64,
    /// The end.
    pub head: Head,
    /// What is wrong, at most 100 of it.
    pub faults: Vec<AuditFault>,
    /// How much is wrong.
    pub fault_count: u64,
}

/// A head that a backup saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// The backup.
    pub backup: PathBuf,
    /// The chain's end then.
    pub head: Head,
}

/// What the backups of a folder saw. Those between a backup that was restored and its restore saw a past that is
/// lost, as `restores` (taken at, begun at) tells, and bear no witness.
///
/// # Errors
/// The folder or a manifest cannot be read.
pub fn witnesses(
    backups: &Path,
    restores: &[(Timestamp, Timestamp)],
) -> Result<Vec<Witness>, BackupError> {
    let mut found = Vec::new();
    for backup in backup::all(backups)? {
        let manifest = Manifest::read(&backup)?;
        let is_lost = restores
            .iter()
            .any(|(taken, begun)| *taken < manifest.taken_at && manifest.taken_at <= *begun);
        let Some(end) = manifest.audit.filter(|_| !is_lost) else {
            continue;
        };
        let hash = unhex(&end.hash).ok_or_else(|| BackupError::Damaged {
            file: backup.clone(),
            what: "the hash of its audit chain's end is none".to_owned(),
        })?;
        let head = Head { seq: end.seq, hash };
        found.push(Witness { backup, head });
    }
    Ok(found)
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let text = text.as_bytes();
    if text.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// Checks the chain of a database, and that it goes through what `witnesses` saw.
///
/// # Errors
/// The database fails.
pub fn audit(connection: &Connection, witnesses: &[Witness]) -> Result<AuditLog, StoreError> {
    let mut check = Check {
        connection,
        told_to: None,
        found: AuditLog {
            entries: 0,
            told: 0,
            before: 0,
            backups: 0,
            head: Head {
                seq: 0,
                hash: [0; 32],
            },
            faults: Vec::new(),
            fault_count: 0,
        },
    };
    check.chain(witnesses)?;
    if let Some(told_to) = check.told_to {
        check.untold(told_to + 1, u64::MAX)?;
    }
    Ok(check.found)
}

struct Check<'a> {
    connection: &'a Connection,
    /// The last log entry that was told of.
    told_to: Option<u64>,
    found: AuditLog,
}

impl Check<'_> {
    fn chain(&mut self, witnesses: &[Witness]) -> Result<(), StoreError> {
        let mut statement = self
            .connection
            .prepare("SELECT seq, at, actor, action, detail, hash FROM audit ORDER BY seq")?;
        let mut rows = statement.query([])?;
        let mut unseen: Vec<&Witness> = witnesses.iter().filter(|w| w.head.seq > 0).collect();
        while let Some(row) = rows.next()? {
            let seq = row.get::<_, i64>(0)?.cast_unsigned();
            let (at, actor, action): (i64, String, String) =
                (row.get(1)?, row.get(2)?, row.get(3)?);
            let (detail, hash): (String, [u8; 32]) = (row.get(4)?, row.get(5)?);
            let previous = self.found.head;
            if seq != previous.seq + 1 {
                self.fault(AuditFault::Gap { seq });
            } else if entry_hash(&previous, at, &actor, &action, &detail) != hash {
                self.fault(AuditFault::Changed { seq });
            }
            self.found.entries += 1;
            self.found.head = Head { seq, hash };
            if action == Action::ChangesAdmitted.name() {
                self.admitted(seq, &detail)?;
            }
            unseen.retain(|witness| {
                let passes = witness.head.seq == seq && witness.head.hash == hash;
                self.found.backups += u64::from(passes);
                !passes
            });
        }
        for witness in unseen {
            self.fault(AuditFault::OtherPast {
                backup: witness.backup.clone(),
                seq: witness.head.seq,
            });
        }
        Ok(())
    }

    fn admitted(&mut self, seq: u64, detail: &str) -> Result<(), StoreError> {
        let detail: Value = serde_json::from_str(detail).unwrap_or_default();
        let range = detail["first"].as_u64().zip(detail["last"].as_u64());
        let (Some((first, last)), Some(told)) = (range, detail["digest"].as_str()) else {
            self.fault(AuditFault::OtherChanges { seq });
            return Ok(());
        };
        match self.told_to {
            None => self.found.before = self.count(0, first.saturating_sub(1))?,
            // What lies between two ranges is a block passed over by a restore, and empty.
            Some(told_to) if told_to < first => self.untold(told_to + 1, first - 1)?,
            Some(_) => self.fault(AuditFault::OtherChanges { seq }),
        }
        let entries = self.entries(first, last)?;
        if digest(&entries) != told {
            self.fault(AuditFault::OtherChanges { seq });
        }
        self.found.told += entries.len() as u64;
        self.told_to = self.told_to.max(Some(last));
        Ok(())
    }

    fn untold(&mut self, first: u64, last: u64) -> Result<(), StoreError> {
        for (log, _) in self.entries(first, last)? {
            self.fault(AuditFault::Untold { log });
        }
        Ok(())
    }

    fn entries(&self, first: u64, last: u64) -> Result<Vec<(u64, ChangesetHash)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT seq, changeset FROM log WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq",
        )?;
        let rows = statement.query_map([bound(first), bound(last)], |row| {
            Ok((
                row.get::<_, i64>(0)?.cast_unsigned(),
                ChangesetHash(row.get(1)?),
            ))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn count(&self, first: u64, last: u64) -> Result<u64, StoreError> {
        let count: i64 = self
            .connection
            .prepare_cached("SELECT count(*) FROM log WHERE seq BETWEEN ?1 AND ?2")?
            .query_row([bound(first), bound(last)], |row| row.get(0))?;
        Ok(count.cast_unsigned())
    }

    fn fault(&mut self, fault: AuditFault) {
        self.found.fault_count += 1;
        if self.found.faults.len() < FAULTS_MAX {
            self.found.faults.push(fault);
        }
    }
}

/// As SQLite counts.
fn bound(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}
