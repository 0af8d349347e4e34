//! `gongdan init`.

use gongdan_core::sync::request_auth::base64url;

use super::{Global, Outcome, Output};

#[derive(Debug, clap::Args)]
pub(super) struct Init {}

impl Init {
    pub(super) fn run(&self, global: &Global, out: Output<'_>) -> Outcome {
        let state = global.open()?;
        writeln!(
            out,
            "数据目录 · data folder: {}",
            state.config.data.display()
        )?;
        writeln!(out, "服务器设备 · server device: {}", state.keys.device)?;
        writeln!(
            out,
            "服务器公钥 · server key: {}",
            base64url(state.keys.public().as_bytes())
        )?;
        Ok(())
    }
}
