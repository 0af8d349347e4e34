//! What can go wrong on a phone, as every host sees it: few variants, stable codes, no text for people and no
//! personal data.
//!
//! Invariant: the codes are the same whatever language the host is written in; a screen chooses its text by
//! variant and `code`.

use serde::Serialize;

use crate::document::Inexecutable;
use crate::replica::{BlobError, ExecuteError, ReceiveError, SheetError};
#[cfg(feature = "rescue")]
use crate::rescue::RescueError;
use crate::store::StoreError;
use crate::ticket::{Action, Status};

/// Why a call did nothing. Nothing was written and nothing is lost, whichever it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "variant")]
pub enum Fault {
    /// This phone has no such ticket.
    #[error("no such ticket on this phone")]
    NoSuchTicket,
    /// The person may not.
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
    /// What was handed in does not fit.
    #[error("does not fit: {code}")]
    Unfit {
        /// Which rule.
        code: String,
        /// Which field or argument, and why, where the command could not be executed.
        why: Option<Inexecutable>,
    },
    /// The heads seen are not in the ticket any more.
    #[error("the form shows a ticket that is not there any more")]
    Stale,
    /// The phone's database.
    #[error("the store failed: {code}")]
    Store {
        /// What is wrong.
        code: String,
    },
    /// The device's or the database's key.
    #[error("a secret key: {code}")]
    Key {
        /// What is wrong.
        code: String,
    },
    /// The host's transport did not bring an answer.
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
    /// The answer is not the server's to this request.
    #[error("not a valid answer: {code}")]
    Answer {
        /// What is wrong.
        code: String,
    },
}

impl Fault {
    /// Of the store.
    pub fn store(code: &str) -> Self {
        Self::Store {
            code: code.to_owned(),
        }
    }

    /// Of a key.
    pub fn key(code: &str) -> Self {
        Self::Key {
            code: code.to_owned(),
        }
    }

    /// Of an answer.
    pub fn answer(code: &str) -> Self {
        Self::Answer {
            code: code.to_owned(),
        }
    }

    /// Of what was handed in.
    pub fn unfit(code: &str) -> Self {
        Self::Unfit {
            code: code.to_owned(),
            why: None,
        }
    }
}

/// The code that JSON gives an outcome: a string, or an object that holds it as `code`.
fn code_of(outcome: &impl Serialize) -> String {
    let json = serde_json::to_value(outcome).unwrap_or_default();
    let code = json.get("code").unwrap_or(&json);
    code.as_str().unwrap_or("unknown").to_owned()
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::store(match error {
            StoreError::Full => "full",
            StoreError::Malformed { what: "identity" } => "not_enrolled",
            StoreError::Malformed { .. } => "malformed",
            StoreError::WrongKey => "wrong_key",
            StoreError::OtherIdentity => "already_enrolled",
            StoreError::Unacknowledged => "unacknowledged",
            StoreError::Backend(_) | StoreError::RolledBack => "unusable",
        })
    }
}

impl From<ExecuteError> for Fault {
    fn from(error: ExecuteError) -> Self {
        match error {
            ExecuteError::NoSuchTicket => Self::NoSuchTicket,
            ExecuteError::Denied(why) => Self::Denied {
                code: code_of(&why),
            },
            ExecuteError::NotLawful { action, status } => Self::NotLawful { action, status },
            ExecuteError::Inexecutable(why) => Self::Unfit {
                code: code_of(&why),
                why: Some(why),
            },
            ExecuteError::UnknownHeads => Self::Stale,
            ExecuteError::NotAnAct => Self::unfit("not_an_act"),
            ExecuteError::Store(error) => error.into(),
        }
    }
}

impl From<SheetError> for Fault {
    fn from(error: SheetError) -> Self {
        match error {
            SheetError::NoSuchTicket => Self::NoSuchTicket,
            SheetError::Unfit(why) => Self::unfit(why.code()),
            SheetError::NothingToCorrect => Self::unfit("nothing_to_correct"),
            SheetError::Execute(error) => error.into(),
            SheetError::NoCertificate => Self::key("no_certificate"),
            SheetError::Store(error) => error.into(),
        }
    }
}

impl From<BlobError> for Fault {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::TooLarge => Self::unfit("too_large"),
            BlobError::Store(error) => error.into(),
        }
    }
}

impl From<ReceiveError> for Fault {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::Malformed(_) => Self::answer("malformed"),
            ReceiveError::NotForThisRequest => Self::answer("not_for_this_request"),
            ReceiveError::Store(error) => error.into(),
        }
    }
}

#[cfg(feature = "rescue")]
impl From<RescueError> for Fault {
    fn from(error: RescueError) -> Self {
        match error {
            RescueError::Io(error) if error.kind() == std::io::ErrorKind::StorageFull => {
                Self::store("full")
            }
            RescueError::Io(_) => Self::store("unusable"),
            RescueError::NotOne | RescueError::Malformed => Self::unfit("not_a_rescue_file"),
            RescueError::Version(_) => Self::unfit("later_version"),
            RescueError::WrongPassphrase => Self::unfit("wrong_passphrase"),
            RescueError::WeakPassphrase => Self::unfit("weak_passphrase"),
            RescueError::TooLarge => Self::unfit("too_large"),
            RescueError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Denied;
    use crate::ticket::field::{Field, Misfit};

    #[test]
    fn codes_are_those_of_json() {
        let denied = Fault::from(ExecuteError::from(Denied::NotOwn));
        assert_eq!(
            denied,
            Fault::Denied {
                code: "not_own".to_owned()
            }
        );
        let why = Inexecutable::Misfit {
            subject: crate::document::Subject::Field {
                field: Field::Model,
            },
            misfit: Misfit::TooLong,
        };
        let unfit = Fault::from(ExecuteError::from(why.clone()));
        assert_eq!(
            unfit,
            Fault::Unfit {
                code: "misfit".to_owned(),
                why: Some(why)
            }
        );
        let unfit = Fault::from(ExecuteError::from(Inexecutable::NoEffect));
        assert!(matches!(unfit, Fault::Unfit { code, .. } if code == "no_effect"));
    }
}
