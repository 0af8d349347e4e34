//! The command line: one file per command, each a struct of arguments with a function that runs it.
//!
//! Invariant: what a command says goes to the `Output` it is given; what goes wrong ends as one line on
//! standard error and an exit code that is not zero.

mod backup;
mod device;
mod evidence;
mod export;
mod import;
mod init;
mod openapi;
mod org;
mod policy;
mod qr;
mod rebuild;
mod rescue;
mod restored;
mod serve;
mod sheet;
mod sheet_file;
mod texts;
mod ticket;
mod user;
mod verify;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::AppState;
use crate::api::problem::Chain;
use crate::audit::{self, Action, Actor};
use crate::config::Config;
use crate::host::Host;
use crate::store::StoreError;

/// Where a command writes.
pub type Output<'a> = &'a mut dyn Write;
/// How a command ends; the error is shown with its causes.
pub type Outcome = Result<(), Box<dyn std::error::Error>>;

/// A command that has said all there is to say and ends with this exit code.
#[derive(Debug, thiserror::Error)]
#[error("ended with exit code {0}")]
pub struct Ended(pub u8);

#[derive(Debug, Parser)]
#[command(
    name = "gongdan",
    version,
    about = "工单服务器 · The work order server",
    propagate_version = true
)]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, clap::Args)]
pub struct Global {
    /// 数据目录 · Folder that holds everything
    #[arg(long, env = "GONGDAN_DATA", default_value = "data", global = true)]
    data: PathBuf,
    /// 以 JSON 写日志 · Write the log as JSON
    #[arg(long, env = "GONGDAN_LOG_JSON", global = true)]
    log_json: bool,
    /// 服务器对外地址 · How clients reach the server, e.g. https://service.example.com
    #[arg(long, env = "GONGDAN_PUBLIC_URL", global = true)]
    public_url: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// 运行服务器 · Run the server
    Serve(serve::Serve),
    /// 建立数据目录 · Make the data folder
    Init(init::Init),
    /// 组织架构 · The organisation
    #[command(subcommand)]
    Org(org::Org),
    /// 服务策略：时限与日历 · Service policy: clocks and calendars
    #[command(subcommand)]
    Policy(policy::Policy),
    /// 人员 · People
    #[command(subcommand)]
    User(user::User),
    /// 设备 · Devices
    #[command(subcommand)]
    Device(device::Device),
    /// 导入服务请求 · Import service requests
    Import(import::Import),
    /// 工单 · Tickets
    #[command(subcommand)]
    Ticket(ticket::Ticket),
    /// 导出一张工单 · Export a ticket as plain files
    Export(export::Export),
    /// 签署确认单的证据文件 · Write a signed sheet's evidence file
    Evidence(sheet_file::SheetFile),
    /// 由已签名的变更集重建 · Rebuild from the signed changesets alone
    Rebuild(rebuild::Rebuild),
    /// 恢复之后缺什么 · What has not come back after a restore
    Restored(restored::Restored),
    /// 手机的救援文件 · A phone's rescue file
    #[command(subcommand)]
    Rescue(rescue::Rescue),
    /// 备份，服务器可同时运行 · Take a backup, also while the server runs
    Backup(backup::Backup),
    /// 把备份恢复到空的数据目录 · Restore a backup into an empty data folder
    Restore(backup::Restore),
    /// 演练：试恢复最新的备份并核对 · Try the newest backup out and compare
    Drill(backup::Drill),
    /// 核对证据文件，或数据目录所存 · Check evidence files, or what the data folder holds
    Verify(verify::Verify),
    /// 输出 OpenAPI 文档 · Print the OpenAPI document
    #[command(hide = true)]
    Openapi(openapi::Openapi),
}

impl Global {
    /// The settings they make.
    pub fn config(&self) -> Config {
        let public_url = self
            .public_url
            .as_ref()
            .map(|url| url.trim_end_matches('/').to_owned());
        Config {
            public_url,
            ..Config::new(&self.data)
        }
    }

    /// The data folder, opened; made if it is new.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(&self) -> Result<AppState, crate::ServerError> {
        AppState::open(self.config(), Host::system())
    }
}

/// Tells the audit chain what somebody at this machine did.
fn tell(state: &AppState, action: Action, detail: audit::Detail) -> Result<(), StoreError> {
    let now = state.host.now();
    state
        .db
        .write(|tx| audit::append(tx, now, &Actor::Operator, action, detail))
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut out = std::io::stdout();
    let outcome = run(&arguments, &mut out).and_then(|()| Ok(out.flush()?));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if is_broken_pipe(&*error) {
                // Whoever read us has seen enough (`gongdan ticket list | head`).
                return ExitCode::SUCCESS;
            }
            if let Some(Ended(code)) = error.downcast_ref() {
                let _ = out.flush();
                return ExitCode::from(*code);
            }
            let _ = writeln!(std::io::stderr(), "gongdan: {}", Chain(&*error));
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &(dyn std::error::Error + 'static)) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

fn run(arguments: &Arguments, out: Output<'_>) -> Outcome {
    let global = &arguments.global;
    match &arguments.command {
        Command::Serve(command) => command.run(global, out),
        Command::Init(command) => command.run(global, out),
        Command::Org(command) => command.run(global, out),
        Command::Policy(command) => command.run(out),
        Command::User(command) => command.run(global, out),
        Command::Device(command) => command.run(global, out),
        Command::Import(command) => command.run(global, out),
        Command::Ticket(command) => command.run(global, out),
        Command::Export(command) => command.run(global, out),
        Command::Evidence(command) => command.run(global, out),
        Command::Rebuild(command) => command.run(global, out),
        Command::Restored(command) => command.run(global, out),
        Command::Backup(command) => command.run(global, out),
        Command::Restore(command) => command.run(global, out),
        Command::Drill(command) => command.run(global, out),
        Command::Verify(command) => command.run(global, out),
        Command::Rescue(command) => command.run(global, out),
        Command::Openapi(command) => command.run(out),
    }
}
