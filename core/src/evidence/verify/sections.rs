//! What the server added to a file: each section by a check of its own.

use super::{Check, Countersigned, Outcome, TimeStamped};
use crate::evidence::file::{Section, section};
use crate::evidence::log::{Countersignature, Inclusion};
use crate::ids::SheetHash;
use crate::sync::certificate::CertifiedDevice;
use crate::sync::keys::PublicKey;

/// The sections of a file, by kind.
#[derive(Default)]
pub(super) struct Sections<'a> {
    countersignature: Option<&'a [u8]>,
    inclusion: Option<&'a [u8]>,
    timestamp: Option<&'a [u8]>,
}

/// What the sections that hold say.
#[derive(Default)]
pub(super) struct Added {
    pub(super) countersigned: Option<Countersigned>,
    pub(super) log_size: Option<u64>,
    pub(super) stamped: Option<TimeStamped>,
}

impl<'a> Sections<'a> {
    /// Sorts them; `None` where one is not known here, or not in its place.
    pub(super) fn of(sections: &'a [Section]) -> Option<Self> {
        let mut found = Self::default();
        let in_order = sections.windows(2).all(|two| two[0].kind < two[1].kind);
        for Section { kind, bytes } in sections {
            match *kind {
                section::COUNTERSIGNATURE => found.countersignature = Some(bytes),
                section::INCLUSION => found.inclusion = Some(bytes),
                section::TIMESTAMP => found.timestamp = Some(bytes),
                _ => return None,
            }
        }
        in_order.then_some(found)
    }

    /// Checks each that is there against the sheet of this name.
    pub(super) fn check(
        &self,
        sheet: SheetHash,
        devices: &[CertifiedDevice],
        authorities: &[Vec<u8>],
        set: &mut impl FnMut(Check, Outcome),
    ) -> Added {
        let servers: Vec<&PublicKey> = servers(devices).collect();
        let countersignature = self.countersignature.map(|bytes| {
            let read = Countersignature::from_bytes(bytes).ok();
            read.filter(|own| {
                own.receival.sheet == sheet && servers.iter().any(|key| own.is_signed_by(key))
            })
        });
        set(Check::Countersignature, outcome(&countersignature));
        let countersignature = countersignature.flatten();
        let inclusion = self.inclusion.map(|bytes| {
            let read = Inclusion::from_bytes(bytes).ok()?;
            let own = &countersignature.as_ref()?.receival;
            let signed = |key: &&PublicKey| read.checkpoint.is_signed_by(key);
            (servers.iter().any(signed) && read.includes(own)).then_some(read)
        });
        set(Check::Log, outcome(&inclusion));
        Added {
            countersigned: countersignature.map(|own| Countersigned {
                serial: own.receival.serial,
                at: own.receival.at,
            }),
            log_size: inclusion.flatten().map(|held| held.checkpoint.head.size),
            stamped: self.stamped(sheet, authorities, set),
        }
    }

    #[cfg(feature = "timestamp")]
    fn stamped(
        &self,
        sheet: SheetHash,
        authorities: &[Vec<u8>],
        set: &mut impl FnMut(Check, Outcome),
    ) -> Option<TimeStamped> {
        use crate::evidence::timestamp::{Kept, check};
        let stamped = self.timestamp.map(|bytes| {
            let kept = Kept::from_bytes(bytes).ok()?;
            check(&kept, &sheet.0).ok()
        });
        set(Check::Timestamp, outcome(&stamped));
        let authority = match &stamped {
            None => Outcome::NotThere,
            Some(_) if authorities.is_empty() => Outcome::NotAsked,
            Some(held) => Outcome::of(held.as_ref().is_some_and(|held| held.is_of(authorities))),
        };
        set(Check::Authority, authority);
        stamped.flatten().map(|held| TimeStamped {
            at: held.at,
            authority: held.authority,
        })
    }

    /// Phones are built without what reads time-stamps.
    #[cfg(not(feature = "timestamp"))]
    fn stamped(
        &self,
        _: SheetHash,
        _: &[Vec<u8>],
        set: &mut impl FnMut(Check, Outcome),
    ) -> Option<TimeStamped> {
        if self.timestamp.is_none() {
            set(Check::Timestamp, Outcome::NotThere);
            set(Check::Authority, Outcome::NotThere);
        }
        None
    }
}

/// The keys of the organisation's own devices: only these speak for the server.
fn servers(devices: &[CertifiedDevice]) -> impl Iterator<Item = &PublicKey> {
    let own = devices.iter().filter(|device| device.person().is_none());
    own.map(CertifiedDevice::key)
}

const fn outcome<T>(checked: &Option<Option<T>>) -> Outcome {
    match checked {
        None => Outcome::NotThere,
        Some(held) => Outcome::of(held.is_some()),
    }
}
