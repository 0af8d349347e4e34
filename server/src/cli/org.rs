//! `gongdan org load|key`.

use std::io::Read;
use std::path::PathBuf;

use clap::Subcommand;
use gongdan_core::sync::request_auth::base64url;

use super::{Global, Outcome, Output};
use crate::audit::{self, Action, Actor};
use crate::organisation;
use crate::store::StoreError;

#[derive(Debug, Subcommand)]
pub(super) enum Org {
    /// 载入组织架构文件及其人员 · Load an organisation file (TOML) and its people
    Load {
        /// 文件 · The file
        file: PathBuf,
    },
    /// 打印组织公钥；凭它可离线验证设备签名 · Print the organisation's public key: devices' signatures are checked by it
    Key,
}

impl Org {
    pub(super) fn run(&self, global: &Global, out: Output<'_>) -> Outcome {
        let file = match self {
            Self::Load { file } => file,
            Self::Key => {
                let state = global.open()?;
                writeln!(
                    out,
                    "{}",
                    base64url(state.organisation_key.public().as_bytes())
                )?;
                return Ok(());
            }
        };
        let mut text = String::new();
        let read = std::fs::File::open(file).and_then(|f| {
            f.take(organisation::FILE_BYTES_MAX)
                .read_to_string(&mut text)
        });
        read.map_err(|error| format!("read {}: {error}", file.display()))?;
        let loaded = organisation::parse(&text)?;
        let state = global.open()?;
        let now = state.host.now();
        let version = state.db.write(|tx| {
            let version = organisation::load(tx, &loaded, now)?;
            let detail = audit::about("version", version);
            audit::append(
                tx,
                now,
                &Actor::Operator,
                Action::OrganisationLoaded,
                detail,
            )?;
            Ok::<_, StoreError>(version)
        })?;
        writeln!(
            out,
            "{}: 目录版本 · catalogue version {version}",
            loaded.organisation
        )?;
        writeln!(out, "人员 · people: {}", loaded.people.len())?;
        Ok(())
    }
}
