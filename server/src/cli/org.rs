//! `gongdan org load FILE`.

use std::io::Read;
use std::path::PathBuf;

use clap::Subcommand;

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
}

impl Org {
    pub(super) fn run(&self, global: &Global, out: Output<'_>) -> Outcome {
        let Self::Load { file } = self;
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
