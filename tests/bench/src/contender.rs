//! What every way of synchronising is measured by: the same three situations, counted, never timed.
//!
//! A contender that cannot show afterwards that both sides hold the same returns an error instead of a figure.

use std::fmt;

use serde::Serialize;

use crate::standard_work::StandardWork;

/// zstd level of bodies in idle and reconnect, where a contender compresses.
pub const RECONNECT_ZSTD_LEVEL: i32 = 3;
/// zstd level of bodies in a first sync, where a contender compresses.
pub const FIRST_SYNC_ZSTD_LEVEL: i32 = 9;

/// The situation that a phone is in when its signal comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Situation {
    /// Both sides hold the same tickets, from an earlier session; nothing has changed.
    Idle,
    /// Both sides have edited while apart; afterwards both hold all edits.
    Reconnect,
    /// A new phone fetches every ticket as it stood before the two sides parted.
    FirstSync,
}

impl Situation {
    /// All three, in the order they are reported in.
    pub const ALL: [Self; 3] = [Self::Idle, Self::Reconnect, Self::FirstSync];

    /// The name used in figures.
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Reconnect => "reconnect",
            Self::FirstSync => "first_sync",
        }
    }
}

/// What went over the wire. Bodies only: no HTTP, WebSocket, TLS or TCP framing, for nobody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    /// Times that a side had to wait for the other before it could go on, all documents side by side.
    pub round_trips: u64,
    /// Bodies sent, both ways.
    pub messages: u64,
    /// Bytes of bodies from the phone to the server.
    pub bytes_up: u64,
    /// Bytes of bodies from the server to the phone.
    pub bytes_down: u64,
    /// Pieces after each of which a cut connection could go on without starting again.
    pub pages: u64,
}

impl Traffic {
    /// Bytes of bodies both ways.
    pub fn bytes(&self) -> u64 {
        self.bytes_up + self.bytes_down
    }

    /// Counts a body from the phone.
    pub fn sent_up(&mut self, body: &[u8]) {
        self.messages += 1;
        self.bytes_up += body.len() as u64;
    }

    /// Counts a body from the server.
    pub fn sent_down(&mut self, body: &[u8]) {
        self.messages += 1;
        self.bytes_down += body.len() as u64;
    }
}

/// Why a contender has no figure.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// After the exchange the two sides differ: whatever was counted means nothing.
    #[error("the two sides differ after {situation}: ticket {ticket}")]
    Diverged { situation: Situation, ticket: usize },
    /// The exchange does not come to an end.
    #[error("still not quiet after {rounds} rounds of {situation}")]
    Restless { situation: Situation, rounds: u64 },
    /// `prepare` was not called, or failed.
    #[error("nothing is prepared")]
    Unprepared,
    /// The library under measurement failed.
    #[error("could not {attempt}")]
    Library {
        attempt: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl BenchError {
    /// Wraps an error of the library under measurement.
    pub fn library<E>(attempt: &'static str) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        move |source| Self::Library {
            attempt,
            source: source.into(),
        }
    }
}

impl fmt::Display for Situation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// One way of synchronising the standard work.
///
/// The situations do not depend on each other: each starts from what `prepare` made, in any order.
pub trait Contender {
    /// Short name, the same in every report.
    fn name(&self) -> &'static str;

    /// What must be known to read its figures: documents per ticket, actors, zstd level, page size, what is left out.
    fn conditions(&self, situation: Situation) -> String;

    /// Builds both sides as they are when they part, not counted.
    fn prepare(&mut self, work: &StandardWork) -> Result<(), BenchError>;

    /// Nothing to do. `None` where the contender is an encoding and has no such exchange.
    fn idle(&mut self) -> Result<Option<Traffic>, BenchError>;

    /// Both sides have edited.
    fn reconnect(&mut self) -> Result<Option<Traffic>, BenchError>;

    /// A new phone fetches everything.
    fn first_sync(&mut self) -> Result<Option<Traffic>, BenchError>;

    /// Measures one situation.
    fn measure(&mut self, situation: Situation) -> Result<Option<Traffic>, BenchError> {
        match situation {
            Situation::Idle => self.idle(),
            Situation::Reconnect => self.reconnect(),
            Situation::FirstSync => self.first_sync(),
        }
    }
}
