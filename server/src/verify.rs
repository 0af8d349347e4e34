//! Checking, without running a server, that what a database holds is what its authors signed.
//!
//! Invariant: reads only, and believes no column that a signed header also says.

mod audit;
mod changesets;
mod derived;
mod sheets;

pub use audit::{AuditFault, AuditLog, Witness, audit, witnesses};
pub use changesets::{Changesets, Fault, changesets};
pub use derived::{Digests, different_documents, digests};
pub use sheets::{SheetFault, SheetLog, sheets};
