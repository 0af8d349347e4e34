//! What synchronising costs, in bytes and messages: the standard work, and everyone who carries it.
//!
//! All of that is counted and nothing is timed, so that figures are exact and the same on every machine. What hostile
//! requests cost the server ([`hostile`]) is timed, and printed with its conditions. The
//! libraries that Gongdan is compared with are dependencies of this crate alone.
//!
//! To take part, implement [`contender::Contender`] and hand the contender to [`report::measure`]. Whoever has commands
//! of its own reads [`standard_work::Act`] and the [`standard_work::StandardTicket`]; whoever has documents carries out
//! [`standard_work::Write`]s, whose sections and names are those of the product's document.

pub mod contender;
pub mod hostile;
pub mod ours;
pub mod peers;
pub mod report;
pub mod standard_work;
