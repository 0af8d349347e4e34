//! How ids and instants cross to other languages: as text and as seconds, in the forms of JSON.
//!
//! Invariant: what comes in is parsed here and valid from then on; a text of another form is the
//! caller's mistake and fails the call before anything is read or written.

use crate::clock::Timestamp;
use crate::ids::{
    ActorId, BlobHash, ChangeHash, ChangesetHash, DeviceId, ItemKey, PersonId, SheetHash, TicketId,
    TicketNumber,
};

macro_rules! as_text {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {$(
        uniffi::custom_type!(
            $(#[doc = $doc])*
            $name,
            String,
            {
                lower: |id| id.to_string(),
                try_lift: |text| Ok(text.parse()?),
            }
        );
    )*};
}

as_text! {
    /// A ticket's UUID, in lower case with hyphens.
    TicketId,
    /// A device's UUID, in lower case with hyphens.
    DeviceId,
    /// Who writes in a document: 32 hexadecimal digits, never used for people.
    ActorId,
    /// Hash of a change, or of what a customer was shown: 64 hexadecimal digits.
    ChangeHash,
    /// A changeset's name: 64 hexadecimal digits.
    ChangesetHash,
    /// SHA-256 of an attachment's bytes: 64 hexadecimal digits.
    BlobHash,
    /// A sheet's name: 64 hexadecimal digits.
    SheetHash,
    /// Employee number: 1 to 32 of A-Z a-z 0-9 and hyphen.
    PersonId,
    /// `FW`, the date, and the running number.
    TicketNumber,
}

uniffi::custom_type!(
    /// Key of an item in a collection of a ticket.
    ItemKey,
    String,
    {
        lower: |key| String::from(key),
        try_lift: |text| Ok(text.parse()?),
    }
);

uniffi::custom_type!(
    /// A UTC instant in whole seconds since 1970.
    Timestamp,
    i64,
    {
        lower: |at| at.seconds(),
        try_lift: |seconds| Ok(Timestamp(seconds)),
    }
);
