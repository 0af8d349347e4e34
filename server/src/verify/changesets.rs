//! The changesets that were received and the log of those that were admitted.
//!
//! ```text
//! each changeset    hash, signature by its device's key, body by its header, columns by its header
//! each device       numbers 1, 2, 3 … up to the recorded end, each naming the one before it
//! the log           numbers 1, 2, 3 …, each entry of a changeset whose verdict says that number
//! ```

use std::collections::BTreeMap;

use gongdan_core::ids::{ChangesetHash, DeviceId, TicketId};
use gongdan_core::sync::changeset::{Changeset, Link};
use gongdan_core::sync::codec;
use gongdan_core::sync::keys::PublicKey;
use gongdan_core::sync::verdict::Verdict;
use rusqlite::{Connection, Row};

use crate::store::StoreError;

/// Faults that are kept with their place; the others are only counted.
const FAULTS_KEPT: usize = 100;

/// What is wrong, and where. No personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// A changeset that cannot be read.
    Unreadable {
        /// `inbox.id`.
        inbox: i64,
    },
    /// A changeset whose hash is not the one it is kept under.
    OtherHash {
        /// `inbox.id`.
        inbox: i64,
    },
    /// A column that says something else than the signed header.
    OtherColumns {
        /// `inbox.id`.
        inbox: i64,
    },
    /// A changeset of a device that is not here.
    UnknownDevice {
        /// `inbox.id`.
        inbox: i64,
    },
    /// A signature that does not hold, or a body that is not the header's.
    BadSignature {
        /// `inbox.id`.
        inbox: i64,
    },
    /// A device's changeset that was here and is not.
    Missing {
        /// `devices.idx`.
        device: i64,
        /// Its number.
        sequence: u32,
    },
    /// A device's changeset that does not follow the one before it, and was let pass.
    Unchained {
        /// `inbox.id`.
        inbox: i64,
    },
    /// A device's chain ends elsewhere than recorded.
    OtherEnd {
        /// `devices.idx`.
        device: i64,
    },
    /// A number of the log that is not there.
    LogGap {
        /// `log.seq`.
        seq: i64,
    },
    /// An entry of the log that its changeset does not bear out.
    OtherEntry {
        /// `log.seq`.
        seq: i64,
    },
    /// A changeset whose verdict says that it is in the log, and it is not.
    NotInLog {
        /// `inbox.id`.
        inbox: i64,
    },
}

impl Fault {
    /// Stable name.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "unreadable",
            Self::OtherHash { .. } => "other_hash",
            Self::OtherColumns { .. } => "other_columns",
            Self::UnknownDevice { .. } => "unknown_device",
            Self::BadSignature { .. } => "bad_signature",
            Self::Missing { .. } => "missing",
            Self::Unchained { .. } => "unchained",
            Self::OtherEnd { .. } => "other_end",
            Self::LogGap { .. } => "log_gap",
            Self::OtherEntry { .. } => "other_entry",
            Self::NotInLog { .. } => "not_in_log",
        }
    }

    /// Where it is.
    pub fn place(&self) -> String {
        match self {
            Self::Unreadable { inbox }
            | Self::OtherHash { inbox }
            | Self::OtherColumns { inbox }
            | Self::UnknownDevice { inbox }
            | Self::BadSignature { inbox }
            | Self::Unchained { inbox }
            | Self::NotInLog { inbox } => format!("inbox {inbox}"),
            Self::Missing { device, sequence } => format!("device {device}, number {sequence}"),
            Self::OtherEnd { device } => format!("device {device}"),
            Self::LogGap { seq } | Self::OtherEntry { seq } => format!("log {seq}"),
        }
    }
}

/// What was looked at and found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changesets {
    /// Changesets received.
    pub changesets: u64,
    /// Of them, those whose signature was verified and holds.
    pub signatures: u64,
    /// Devices that sent them.
    pub devices: u64,
    /// Changesets of two phones that share a past; told apart, and no fault.
    pub forks: u64,
    /// Entries of the log.
    pub entries: u64,
    /// How many faults.
    pub fault_count: u64,
    /// The first of them.
    pub faults: Vec<Fault>,
}

impl Changesets {
    fn fault(&mut self, fault: Fault) {
        self.fault_count += 1;
        if self.faults.len() < FAULTS_KEPT {
            self.faults.push(fault);
        }
    }
}

/// Verifies every changeset and the log, on one snapshot.
///
/// # Errors
/// The database fails.
pub fn changesets(connection: &Connection) -> Result<Changesets, StoreError> {
    let mut found = Changesets::default();
    let devices = devices(connection)?;
    let mut ends = chain_ends(connection)?;
    let mut gaps = gaps(connection)?;
    let mut chain: Option<Chain> = None;
    let mut statement = connection.prepare(
        "SELECT id, hash, device_idx, device_sequence, ticket, part, changeset, chained, verdict, decided_by IS NOT NULL
         FROM inbox ORDER BY device_idx, device_sequence, id",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let kept = Kept::read(row)?;
        found.changesets += 1;
        if chain
            .as_ref()
            .is_none_or(|chain| chain.device != kept.device)
        {
            if let Some(chain) = chain.take() {
                chain.end(&mut ends, &mut found);
            }
            found.devices += 1;
            let gaps = gaps.remove(&kept.device).unwrap_or_default();
            chain = Some(Chain::new(kept.device, gaps));
        }
        let Ok(changeset) = codec::decode::<Changeset>(&kept.bytes) else {
            found.fault(Fault::Unreadable { inbox: kept.id });
            continue;
        };
        kept.check(&changeset, &devices, &mut found);
        if let Some(chain) = &mut chain {
            chain.step(&kept, &changeset, &mut found);
        }
    }
    if let Some(chain) = chain {
        chain.end(&mut ends, &mut found);
    }
    for device in ends.into_keys() {
        found.fault(Fault::OtherEnd { device });
    }
    log(connection, &mut found)?;
    Ok(found)
}

type Devices = BTreeMap<i64, (DeviceId, Option<PublicKey>)>;
type Ends = BTreeMap<i64, (u32, Link)>;
/// Of each device, the numbers that were passed over after a restore, from and to.
type Gaps = BTreeMap<i64, Vec<(u32, u32)>>;

fn devices(connection: &Connection) -> Result<Devices, StoreError> {
    let mut statement = connection.prepare("SELECT idx, device, public_key FROM devices")?;
    let rows = statement.query_map([], |row| {
        let key = PublicKey::from_bytes(row.get(2)?);
        Ok((row.get(0)?, (DeviceId::from_bytes(row.get(1)?), key)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn chain_ends(connection: &Connection) -> Result<Ends, StoreError> {
    let mut statement =
        connection.prepare("SELECT device_idx, sequence, link FROM device_chains")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn gaps(connection: &Connection) -> Result<Gaps, StoreError> {
    let mut statement =
        connection.prepare("SELECT device_idx, first, last FROM chain_gaps ORDER BY first")?;
    let mut rows = statement.query([])?;
    let mut gaps = Gaps::new();
    while let Some(row) = rows.next()? {
        let of: &mut Vec<_> = gaps.entry(row.get(0)?).or_default();
        of.push((row.get(1)?, row.get(2)?));
    }
    Ok(gaps)
}

/// A row of the inbox.
struct Kept {
    id: i64,
    hash: [u8; 32],
    device: i64,
    sequence: u32,
    ticket: [u8; 16],
    part: u8,
    bytes: Vec<u8>,
    chained: bool,
    verdict: Option<Verdict>,
    decided: bool,
}

impl Kept {
    fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        let verdict: Option<Vec<u8>> = row.get(8)?;
        Ok(Self {
            id: row.get(0)?,
            hash: row.get(1)?,
            device: row.get(2)?,
            sequence: row.get(3)?,
            ticket: row.get(4)?,
            part: row.get(5)?,
            bytes: row.get(6)?,
            chained: row.get(7)?,
            // One that cannot be read is as good as none: what needs it is a fault below.
            verdict: verdict.and_then(|bytes| codec::decode(&bytes).ok()),
            decided: row.get(9)?,
        })
    }

    fn check(&self, changeset: &Changeset, devices: &Devices, found: &mut Changesets) {
        let (inbox, header) = (self.id, &changeset.header);
        if changeset.hash() != ChangesetHash(self.hash) {
            found.fault(Fault::OtherHash { inbox });
        }
        let Some((device, key)) = devices.get(&self.device) else {
            found.fault(Fault::UnknownDevice { inbox });
            return;
        };
        let same = header.device == *device
            && header.device_sequence == self.sequence
            && header.ticket == TicketId::from_bytes(self.ticket)
            && header.part.code() == self.part;
        if !same {
            found.fault(Fault::OtherColumns { inbox });
        }
        if key.is_some_and(|key| changeset.is_signed_by(&key)) {
            found.signatures += 1;
        } else {
            found.fault(Fault::BadSignature { inbox });
        }
    }
}

/// A device's sequence as it is followed.
struct Chain {
    device: i64,
    sequence: u32,
    link: Link,
    gaps: Vec<(u32, u32)>,
}

impl Chain {
    const fn new(device: i64, gaps: Vec<(u32, u32)>) -> Self {
        Self {
            device,
            gaps,
            sequence: 0,
            link: [0; 16],
        }
    }

    /// The first number from `from` on that was not passed over.
    fn past_gaps(&self, from: u32) -> u32 {
        self.gaps.iter().fold(from, |from, (first, last)| {
            if (*first..=*last).contains(&from) {
                last.saturating_add(1)
            } else {
                from
            }
        })
    }

    /// Rows come by number, and of one number the first received first: that one moved the chain.
    fn step(&mut self, kept: &Kept, changeset: &Changeset, found: &mut Changesets) {
        if !kept.chained {
            return;
        }
        if kept.sequence <= self.sequence {
            found.forks += 1;
            return;
        }
        let mut sequence = self.past_gaps(self.sequence + 1);
        while sequence < kept.sequence {
            found.fault(Fault::Missing {
                device: self.device,
                sequence,
            });
            sequence = self.past_gaps(sequence + 1);
        }
        // What fills a gap was taken by its number alone.
        let fills = self.past_gaps(kept.sequence) != kept.sequence;
        let follows = fills || changeset.header.previous == self.link;
        if !follows && self.sequence + 1 == kept.sequence {
            let told = matches!(
                kept.verdict,
                Some(Verdict::Quarantined { .. } | Verdict::Duplicate)
            );
            if told || kept.decided {
                found.forks += 1;
            } else {
                found.fault(Fault::Unchained { inbox: kept.id });
            }
        }
        (self.sequence, self.link) = (kept.sequence, changeset.link());
    }

    fn end(self, ends: &mut Ends, found: &mut Changesets) {
        let recorded = ends.remove(&self.device).unwrap_or_default();
        // A gap at the end: the device's next number comes after it.
        let passed_over =
            self.past_gaps(self.sequence + 1) > recorded.0 && recorded.0 > self.sequence;
        if recorded != (self.sequence, self.link) && !passed_over {
            found.fault(Fault::OtherEnd {
                device: self.device,
            });
        }
    }
}

fn log(connection: &Connection, found: &mut Changesets) -> Result<(), StoreError> {
    let mut statement = connection.prepare(
        "SELECT l.seq, l.device_idx, l.person, l.actor, l.part, t.id, i.device_idx, i.changeset, i.verdict
         FROM log l LEFT JOIN inbox i ON i.hash = l.changeset LEFT JOIN tickets t USING (ticket_index) ORDER BY l.seq",
    )?;
    let mut rows = statement.query([])?;
    let mut expected = 1;
    let mut blocks = connection.prepare("SELECT 1 FROM epochs WHERE log_floor = ?1")?;
    while let Some(row) = rows.next()? {
        let seq: i64 = row.get(0)?;
        // A block is passed over at a restore.
        while expected < seq && !blocks.exists([seq - 1])? {
            found.fault(Fault::LogGap { seq: expected });
            expected += 1;
        }
        expected = seq + 1;
        found.entries += 1;
        if !bears_out(seq, row)? {
            found.fault(Fault::OtherEntry { seq });
        }
    }
    let mut admitted = connection.prepare(
        "SELECT id FROM inbox i WHERE state = 'admitted' AND NOT EXISTS (SELECT 1 FROM log WHERE changeset = i.hash)",
    )?;
    let mut rows = admitted.query([])?;
    while let Some(row) = rows.next()? {
        found.fault(Fault::NotInLog { inbox: row.get(0)? });
    }
    Ok(())
}

/// Whether the changeset of an entry says what the entry says.
fn bears_out(seq: i64, row: &Row<'_>) -> Result<bool, StoreError> {
    let (device, person, actor): (i64, String, [u8; 16]) = (row.get(1)?, row.get(2)?, row.get(3)?);
    let part: u8 = row.get(4)?;
    let ticket: Option<[u8; 16]> = row.get(5)?;
    let of_device: Option<i64> = row.get(6)?;
    let bytes: Option<Vec<u8>> = row.get(7)?;
    let verdict: Option<Vec<u8>> = row.get(8)?;
    let changeset = bytes.and_then(|bytes| codec::decode::<Changeset>(&bytes).ok());
    let verdict = verdict.and_then(|bytes| codec::decode::<Verdict>(&bytes).ok());
    let Some(changeset) = changeset else {
        return Ok(false);
    };
    let header = &changeset.header;
    Ok(of_device == Some(device)
        && header.person.as_str() == person
        && header.actor.0 == actor
        && header.part.code() == part
        && ticket.is_some_and(|ticket| header.ticket == TicketId::from_bytes(ticket))
        && verdict
            == Some(Verdict::Admitted {
                seq: seq.cast_unsigned(),
            }))
}
