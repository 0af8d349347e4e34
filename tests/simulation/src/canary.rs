//! Marks: every text and attachment that is written carries one of its own, and whatever is kept, logged or
//! hinted is searched for marks that have no right to be there.
//!
//! Invariant: a mark is found wherever its bytes stand, in UTF-8, without knowing what they stand in.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Write};

use gongdan_core::ids::{Part, PersonId, TicketId};
use gongdan_core::sync::changeset::Changeset;

/// Stands before a mark's number and after it.
pub const SIGN: &str = "※";
/// Digits of the highest number.
const DIGITS_MAX: usize = 12;

/// The mark of a number.
pub fn mark(number: u64) -> String {
    format!("{SIGN}{number}{SIGN}")
}

/// Numbers of the marks in some bytes, in their order; a mark that was cut is none.
pub fn marks(bytes: &[u8]) -> impl Iterator<Item = u64> + '_ {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        loop {
            let at = memchr::memmem::find(rest, SIGN.as_bytes())?;
            rest = &rest[at + SIGN.len()..];
            let digits = rest.iter().take(DIGITS_MAX);
            let digits = digits.take_while(|byte| byte.is_ascii_digit()).count();
            if digits > 0 && rest[digits..].starts_with(SIGN.as_bytes()) {
                let number = std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
                rest = &rest[digits + SIGN.len()..];
                return Some(number);
            }
        }
    })
}

/// Where a mark belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// The ticket.
    pub ticket: TicketId,
    /// The part.
    pub part: Part,
    /// Who wrote it.
    pub author: PersonId,
}

/// Which mark belongs where, as the server received them: others are on no other phone than their author's.
#[derive(Debug, Default)]
pub struct Homes(BTreeMap<u64, Home>);

impl Homes {
    /// Notes the marks of a changeset that the server has.
    pub fn note(&mut self, changeset: &Changeset) {
        let header = &changeset.header;
        for number in marks(&changeset.body) {
            self.0.entry(number).or_insert_with(|| Home {
                ticket: header.ticket,
                part: header.part,
                author: header.person.clone(),
            });
        }
    }

    /// An attachment's bytes carry this mark.
    pub fn note_attachment(&mut self, number: u64, ticket: TicketId, author: PersonId) {
        let part = Part::Service;
        self.0.insert(
            number,
            Home {
                ticket,
                part,
                author,
            },
        );
    }

    /// Where a mark belongs; nothing where the server never received it.
    pub fn of(&self, number: u64) -> Option<&Home> {
        self.0.get(&number)
    }

    /// How many are known.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

thread_local! {
    static LOG: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What was logged in this thread since it was last asked.
pub fn take_log() -> Vec<u8> {
    LOG.take()
}

/// Keeps what this process logs, by thread, from now on; twice is as good as once.
pub fn capture_log() {
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .without_time()
        .with_writer(|| Captured)
        .finish();
    // Set before: it is this one.
    let _set = tracing::subscriber::set_global_default(subscriber);
}

struct Captured;

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.with_borrow_mut(|log| log.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_in_any_bytes_and_cut_ones_are_not() {
        let text = format!("\u{0}{}x{}{SIGN}12{SIGN}{SIGN}3", mark(7), mark(8));
        assert_eq!(marks(text.as_bytes()).collect::<Vec<_>>(), [7, 8, 12]);
        assert_eq!(marks("※※※12".as_bytes()).count(), 0);
        assert_eq!(
            marks(format!("※{}", mark(4)).as_bytes()).collect::<Vec<_>>(),
            [4]
        );
    }
}
