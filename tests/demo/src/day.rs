//! The day: who takes part, and which ticket plays which part in it.
//!
//! ```text
//! office   assign ─────────────── note, correct, cancel, reassign ─────── stale form ─ settle ── close
//! phones        enrol, take │ no network: visits │ noon: cut │ visits │ sync ─────── sign ── sync
//! ```

pub(crate) mod apart;
pub(crate) mod check;
pub(crate) mod desk;
pub(crate) mod evening;
pub(crate) mod morning;

use anyhow::{Context, Result};
use gongdan_core::catalogue::Catalogue;
use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{PersonId, TicketId};
use gongdan_core::replica::Seen;

use crate::office::Office;
use crate::phrases::Phrases;
use crate::story::Story;
use crate::visit::{Kit, Technician};

/// Who the day is about, by employee number in `server/sample/organisation.toml`.
pub(crate) const DISPATCHER: &str = "G2003";
/// The first technician: air conditioners and purifiers, region east.
pub(crate) const FIRST: &str = "G4001";
/// The second technician: air conditioners and locks, region south.
pub(crate) const SECOND: &str = "G4002";
/// Somebody without a phone here, who gets what the second declines.
pub(crate) const THIRD: &str = "G4003";

/// Everything that the day is played with.
pub(crate) struct Day {
    pub(crate) story: Story,
    pub(crate) office: Office,
    pub(crate) first: Technician,
    pub(crate) second: Technician,
    pub(crate) phrases: Phrases,
    /// As the phones hold it; there after their first sync.
    pub(crate) catalogue: Option<Catalogue>,
    /// The hour at which the day begins.
    pub(crate) start: Timestamp,
    pub(crate) cast: Cast,
}

/// Which ticket plays which part.
#[derive(Debug, Default)]
pub(crate) struct Cast {
    /// The serial number is corrected by phone and office at once.
    pub(crate) clash: Option<TicketId>,
    /// Goes from the first to the second technician while the first works on it.
    pub(crate) reassigned: Option<TicketId>,
    /// Cancelled by the office while the first completes it.
    pub(crate) cancelled: Option<TicketId>,
    /// Cancelled by the office while the second has it signed by the customer.
    pub(crate) signed: Option<TicketId>,
    /// Its appointment is moved from a form that was opened before the phone's came in.
    pub(crate) appointment: Option<TicketId>,
    /// Declined by the second technician.
    pub(crate) declined: Option<TicketId>,
    /// Opened by the first technician without a network.
    pub(crate) opened: Option<TicketId>,
    /// The heads that the office's form on `appointment` was opened at.
    pub(crate) form: Seen,
}

/// A part that was cast.
pub(crate) fn cast(role: Option<TicketId>) -> Result<TicketId> {
    role.context("a part of the day has no ticket")
}

pub(crate) fn person(id: &str) -> Result<PersonId> {
    id.parse()
        .with_context(|| format!("{id} is no employee number"))
}

impl Day {
    /// Both technicians, with what they have at hand.
    pub(crate) fn field(
        &mut self,
    ) -> Result<(Kit<'_>, &mut Technician, &mut Technician, &mut Story)> {
        let catalogue = self.catalogue.as_ref();
        let kit = Kit {
            phrases: &self.phrases,
            catalogue: catalogue.context("the phones hold no catalogue yet")?,
        };
        Ok((kit, &mut self.first, &mut self.second, &mut self.story))
    }
}
