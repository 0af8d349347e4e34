//! `gongdan device invite|list|revoke`.

use clap::Subcommand;
use gongdan_core::ids::{DeviceId, PersonId};

use super::{Global, Outcome, Output, qr};
use crate::audit::{self, Action};
use crate::auth::{devices, enrolment};

#[derive(Debug, Subcommand)]
pub(super) enum Device {
    /// 生成一次性注册码和二维码 · Make a one-time enrolment code and its QR code
    Invite {
        /// 工号 · Employee number of whose device it will be
        person: PersonId,
        /// 有效天数 · How many days the code serves
        #[arg(long, default_value_t = enrolment::INVITATION_DAYS,
              value_parser = clap::value_parser!(u16).range(1..=i64::from(enrolment::INVITATION_DAYS_MAX)))]
        days: u16,
    },
    /// 列出设备 · List devices
    List,
    /// 撤销设备；其只能上传 · Revoke a device: it may only upload what it holds
    Revoke {
        /// 设备编号 · Device id
        device: DeviceId,
        /// 原因 · Why, for the office
        #[arg(long)]
        reason: Option<String>,
    },
}

impl Device {
    pub(super) fn run(&self, global: &Global, out: Output<'_>) -> Outcome {
        let state = global.open()?;
        match self {
            Self::Invite { person, days } => {
                let invited = state
                    .db
                    .write(|tx| enrolment::invite(tx, person, *days, &state.host))?;
                let detail = audit::about("person", person.as_str());
                super::tell(&state, Action::DeviceInvited, detail)?;
                let (code, expires_at) =
                    invited.ok_or_else(|| format!("invite a device: no active person {person}"))?;
                let uri = enrolment::uri(&state.config.url(), &code);
                writeln!(out, "注册码 · code: {code}")?;
                writeln!(out, "有效至 · valid until: {expires_at}")?;
                writeln!(out, "地址 · address: {uri}\n")?;
                writeln!(out, "{}", qr::draw(&uri)?)?;
            }
            Self::List => {
                for device in state.db.read(devices::list)? {
                    let person = device.person.as_ref().map_or("", PersonId::as_str);
                    let revoked = device
                        .revoked_at
                        .map(|at| format!("\t已撤销 · revoked {at}"))
                        .unwrap_or_default();
                    writeln!(
                        out,
                        "{}\t{person}\t{}\t{}{revoked}",
                        device.device, device.name, device.seen_at
                    )?;
                }
            }
            Self::Revoke { device, reason } => {
                let now = state.host.now();
                let reason = reason.as_deref();
                if !state
                    .db
                    .write(|tx| devices::revoke(tx, *device, reason, now))?
                {
                    return Err(format!("revoke a device: there is no device {device}").into());
                }
                let detail = audit::about("id", device.to_string());
                super::tell(&state, Action::DeviceRevoked, detail)?;
            }
        }
        Ok(())
    }
}
