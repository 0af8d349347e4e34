//! What can go wrong, as hosts see it: few variants, stable codes, no text for people and no personal data.
//!
//! Invariant: a screen chooses its text by variant and `code`; `Display` is for developers' logs.

use gongdan_core::document::Inexecutable;
use gongdan_core::fault::Fault;
use gongdan_core::replica::{BlobError, ExecuteError, ReceiveError, SheetError};
use gongdan_core::rescue::RescueError;
use gongdan_core::store::StoreError;
use gongdan_core::ticket::{Action, Status};

/// Why a call did nothing. Nothing was written and nothing is lost, whichever it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum PhoneError {
    /// This phone has no such ticket.
    #[error("no such ticket on this phone")]
    NoSuchTicket,
    /// The person may not: `no_role`, `not_own`, `other_part`.
    #[error("not permitted: {code}")]
    Denied {
        /// Which rule.
        code: String,
    },
    /// The ticket does not stand where this can be done.
    #[error("not lawful in this status: {action:?}")]
    NotLawful {
        /// What was meant.
        action: Action,
        /// Where the ticket stands for this person; nothing where there is none.
        status: Option<Status>,
    },
    /// The command itself does not fit: `misfit`, `field_not_here`, `too_many`, `no_such_item`,
    /// `item_exists`, `splice_outside`, `no_effect`, `other_part`, `lead_not_in_crew`; `not_an_act`
    /// for commands that do not go together; `too_large` for an attachment; `invalid_id` for an id of
    /// another form; `weak_passphrase`, `wrong_passphrase`, `not_a_rescue_file`, `later_version` of rescue files.
    #[error("does not fit: {code}")]
    Unfit {
        /// Which rule.
        code: String,
        /// Which field or argument, and why, where the command could not be executed.
        why: Option<Inexecutable>,
    },
    /// The heads seen are not in the ticket any more: read it again and let the person look.
    #[error("the form shows a ticket that is not there any more")]
    Stale,
    /// The phone's database: `full`, `unusable`, `malformed`, `wrong_key`, `unacknowledged`,
    /// `not_enrolled`, `already_enrolled`, `lease_over` and `wipe_ordered` while the screens are locked, `wiped`, `reopen` after a failure inside.
    #[error("the store failed: {code}")]
    Store {
        /// What is wrong.
        code: String,
    },
    /// The device's or the database's key: `no_key`, `not_32_bytes`, `failed` (the host's key store), `no_randomness`.
    #[error("a secret key: {code}")]
    Key {
        /// What is wrong.
        code: String,
    },
    /// The host's transport did not bring an answer. Try again later.
    #[error("no answer from the network")]
    Network {
        /// What the host said, for logs.
        reason: String,
    },
    /// The server answered with a problem.
    #[error("the server answered {status}: {code}")]
    Server {
        /// HTTP status.
        status: u16,
        /// The problem's stable code; `unknown` where the answer was no problem document.
        code: String,
    },
    /// The answer is not the server's to this request: `malformed`, `not_for_this_request`.
    #[error("not a valid answer: {code}")]
    Answer {
        /// What is wrong.
        code: String,
    },
}

/// What a callback of the host throws. Any other exception counts as this one too.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum HostError {
    /// It did not work.
    #[error("the host failed: {reason}")]
    Failed {
        /// For logs, without personal data.
        reason: String,
    },
}

impl From<uniffi::UnexpectedUniFFICallbackError> for HostError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed {
            reason: error.reason,
        }
    }
}

impl PhoneError {
    pub(crate) fn store(code: &str) -> Self {
        Self::Store {
            code: code.to_owned(),
        }
    }

    pub(crate) fn key(code: &str) -> Self {
        Self::Key {
            code: code.to_owned(),
        }
    }

    pub(crate) fn answer(code: &str) -> Self {
        Self::Answer {
            code: code.to_owned(),
        }
    }

    pub(crate) fn invalid_id() -> Self {
        Self::unfit("invalid_id")
    }

    pub(crate) fn unfit(code: &str) -> Self {
        Self::Unfit {
            code: code.to_owned(),
            why: None,
        }
    }
}

impl From<Fault> for PhoneError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::NoSuchTicket => Self::NoSuchTicket,
            Fault::Denied { code } => Self::Denied { code },
            Fault::NotLawful { action, status } => Self::NotLawful { action, status },
            Fault::Unfit { code, why } => Self::Unfit { code, why },
            Fault::Stale => Self::Stale,
            Fault::Store { code } => Self::Store { code },
            Fault::Key { code } => Self::Key { code },
            Fault::Network { reason } => Self::Network { reason },
            Fault::Server { status, code } => Self::Server { status, code },
            Fault::Answer { code } => Self::Answer { code },
        }
    }
}

/// What core fails with reaches the host as a [`Fault`] does.
macro_rules! through_fault {
    ($($error:ty),*) => {
        $(impl From<$error> for PhoneError {
            fn from(error: $error) -> Self {
                Fault::from(error).into()
            }
        })*
    };
}
through_fault!(
    StoreError,
    ExecuteError,
    BlobError,
    ReceiveError,
    RescueError,
    SheetError
);
