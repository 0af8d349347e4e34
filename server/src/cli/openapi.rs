//! `gongdan openapi`: what `server/openapi.json` holds.

use super::{Outcome, Output};

#[derive(Debug, clap::Args)]
pub(super) struct Openapi {}

impl Openapi {
    pub(super) fn run(&self, out: Output<'_>) -> Outcome {
        Ok(out.write_all(crate::api::document().as_bytes())?)
    }
}
