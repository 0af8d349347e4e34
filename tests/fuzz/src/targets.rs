//! The targets.

pub mod changeset;
pub mod gate;
pub mod import_csv;
pub mod import_xlsx;
pub mod phone_store;
pub mod request;
pub mod response;
pub mod server_store;
pub mod tus;
