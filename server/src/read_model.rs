//! The read model: what lists, search and counts are answered from, as plain rows.
//!
//! ```text
//! log → documents → hydrate → Ticket → rows::of (pure) → ticket_rows, ticket_grams, ticket_conflicts, ticket_photos
//! ```
//! Invariant: the rows are a function of the log alone: of each ticket's documents and of the receipt of
//! what was last admitted to it. They are written in the transaction that admits, may be dropped at any
//! time, and come out the same when made anew.

mod clocks;
mod detail;
mod dump;
mod list;
mod lookup;
mod next_clock;
mod quarantine;
mod rows;
#[cfg(test)]
mod tests;
mod timeline;
mod version;
mod write;

pub use clocks::clocks;
pub(crate) use clocks::clocks_by;
pub use detail::{Author, Detail, detail};
pub use dump::dump;
pub use list::{
    Cursor, Due, Filter, LIMIT_DEFAULT, LIMIT_MAX, Listed, Order, Page, QUERY_CHARS_MAX, list,
};
pub use lookup::{Overview, counts, find, has_external_ref, id_of, label};
pub use next_clock::{NextClock, next_clock};
pub use quarantine::{
    ITEMS_DEFAULT, QuarantineCursor, Quarantined, quarantined, quarantined_by_reason,
    quarantined_count,
};
pub use rows::{Rows, rows};
pub use timeline::{Entry, timeline};
pub use version::{is_current, note_current};
pub use write::{clear, clear_all_but, store};
