//! The taps and what the screen answers: one JSON value a line.

use std::ops::AddAssign;

use gongdan_core::catalogue::Catalogue;
use gongdan_core::clock::Timestamp;
use gongdan_core::ids::TicketId;
use gongdan_core::replica::{OutboxCounts, Seen, TicketView};
use gongdan_core::ticket::Command;
use gongdan_core::ticket::summary::Summary;
use serde::{Deserialize, Serialize};

/// What the owner does with the phone.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ask {
    /// Enrols with a one-time code.
    Enrol { code: String, device_name: String },
    /// Syncs until nothing is left to do.
    Sync,
    /// Sends one request and loses the network before the answer.
    SyncCut { cut: Cut },
    /// Opens a ticket.
    Open {
        now: Timestamp,
        commands: Vec<Command>,
    },
    /// Means something to a ticket.
    Execute {
        now: Timestamp,
        ticket: TicketId,
        seen: Seen,
        commands: Vec<Command>,
    },
    /// Shows all tickets held.
    List,
    /// Shows one.
    Show { ticket: TicketId },
    /// Shows the configuration held.
    Catalogue,
    /// Shows what waits.
    Outbox,
    /// Ends the process in order.
    Quit,
}

/// Where the network goes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cut {
    /// In the middle of the request's body.
    MidRequest,
    /// After the request, before the answer.
    BeforeAnswer,
}

/// What the phone answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    Done,
    Opened {
        ticket: TicketId,
    },
    Synced {
        traffic: Traffic,
        verdicts: Verdicts,
    },
    Tickets {
        rows: Vec<Summary>,
    },
    Ticket {
        view: Option<Box<TicketView>>,
    },
    Catalogue {
        catalogue: Option<Box<Catalogue>>,
    },
    Outbox {
        counts: OutboxCounts,
    },
    Failed {
        what: String,
    },
}

/// Bodies moved, in bytes as they are on the wire, and requests answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Traffic {
    pub(crate) round_trips: u64,
    pub(crate) bytes_up: u64,
    pub(crate) bytes_down: u64,
    /// Requests whose answer never came.
    pub(crate) cut: u64,
}

impl AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.round_trips += other.round_trips;
        self.bytes_up += other.bytes_up;
        self.bytes_down += other.bytes_down;
        self.cut += other.cut;
    }
}

/// Changesets by the gate's verdict on them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Verdicts {
    pub(crate) admitted: u64,
    pub(crate) duplicate: u64,
    pub(crate) held: u64,
    pub(crate) quarantined: u64,
    pub(crate) refused: u64,
}

impl AddAssign for Verdicts {
    fn add_assign(&mut self, other: Self) {
        self.admitted += other.admitted;
        self.duplicate += other.duplicate;
        self.held += other.held;
        self.quarantined += other.quarantined;
        self.refused += other.refused;
    }
}
