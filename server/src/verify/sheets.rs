//! Checking the log of sheets: that its tree is the one over the sheets that are written down.
//!
//! Whoever can write the database can make the whole tree anew; what he cannot change are the signed heads that
//! phones keep (`core/docs/sync-protocol.md`, §17).

use gongdan_core::clock::Timestamp;
use gongdan_core::evidence::log::proof;
use gongdan_core::evidence::log::{Receival, VERSION};
use gongdan_core::ids::SheetHash;
use rusqlite::{Connection, OptionalExtension};

use crate::store::StoreError;

type Hash = [u8; 32];

/// Faults told one by one.
const FAULTS_MAX: usize = 100;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SheetFault {
    /// A serial is missing. What comes after it has no place in the tree and is not looked at.
    Gap {
        /// The serial.
        serial: u64,
    },
    /// A node that this sheet makes full is not the one over its leaves, or not there.
    OtherNode {
        /// The sheet's serial.
        serial: u64,
    },
    /// There are more nodes than the sheets make.
    NodesOver,
}

impl SheetFault {
    /// Its stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Gap { .. } => "sheet_gap",
            Self::OtherNode { .. } => "sheet_other_node",
            Self::NodesOver => "sheet_nodes_over",
        }
    }

    /// Where.
    pub fn place(self) -> String {
        match self {
            Self::Gap { serial } | Self::OtherNode { serial } => format!("sheet {serial}"),
            Self::NodesOver => "sheet_log_nodes".to_owned(),
        }
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SheetLog {
    /// Sheets in it.
    pub sheets: u64,
    /// The root over all of them; nothing where there are none.
    pub root: Option<Hash>,
    /// What is wrong, at most 100 of it.
    pub faults: Vec<SheetFault>,
}

/// Makes the tree anew from the sheets' rows and compares.
///
/// # Errors
/// The database fails.
pub fn sheets(connection: &Connection) -> Result<SheetLog, StoreError> {
    let mut found = SheetLog::default();
    // Roots of the full subtrees so far, the largest first (RFC 6962, section 2.1).
    let mut full: Vec<Hash> = Vec::new();
    let mut nodes = 0u64;
    let mut statement =
        connection.prepare("SELECT serial, sheet, epoch, at FROM sheet_log ORDER BY serial")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let serial = found.sheets + 1;
        if row.get::<_, i64>(0)?.cast_unsigned() != serial {
            found.faults.push(SheetFault::Gap { serial });
            break;
        }
        let received = Receival {
            version: VERSION,
            epoch: row.get(2)?,
            serial,
            sheet: SheetHash(row.get(1)?),
            at: Timestamp(row.get(3)?),
        };
        let (index, mut hash) = (found.sheets, received.leaf());
        let mut is_kept = node(connection, 0, index)? == Some(hash);
        nodes += 1;
        for (level, place) in proof::filled(index) {
            let left = full.pop().expect("as many as the place has trailing ones");
            hash = proof::join(&left, &hash);
            is_kept &= node(connection, level, place)? == Some(hash);
            nodes += 1;
        }
        full.push(hash);
        if !is_kept && found.faults.len() < FAULTS_MAX {
            found.faults.push(SheetFault::OtherNode { serial });
        }
        found.sheets = serial;
    }
    let kept: i64 =
        connection.query_row("SELECT count(*) FROM sheet_log_nodes", [], |row| row.get(0))?;
    if found.faults.is_empty() && kept.cast_unsigned() > nodes {
        found.faults.push(SheetFault::NodesOver);
    }
    found.root = full
        .into_iter()
        .rev()
        .reduce(|right, left| proof::join(&left, &right));
    Ok(found)
}

fn node(connection: &Connection, level: u32, place: u64) -> Result<Option<Hash>, StoreError> {
    let sql = "SELECT hash FROM sheet_log_nodes WHERE level = ?1 AND place = ?2";
    let found = connection
        .prepare_cached(sql)?
        .query_row((level, place.cast_signed()), |row| row.get(0))
        .optional()?;
    Ok(found)
}
