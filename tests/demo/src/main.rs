//! One ticket system's whole day, on the real components: `gongdan` as a server with its embedded
//! database, an office over the JSON API, two phones that are processes of their own with their own
//! SQLite files, and a network that goes away and comes back.
//!
//! Invariant: nothing here reaches into server or core by another way than a client's; the exit code
//! is zero only if every step succeeded and every replica ended equal to the server.

#![expect(
    clippy::print_stdout,
    reason = "a command-line program: its output is its product"
)]

mod day;
mod dice;
mod handset;
mod office;
mod phone;
mod phrases;
mod server;
mod stage;
mod story;
mod table;
mod visit;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// 演示一天的工单：断网、合并、收敛 · One day of work orders: offline, merged, converged
#[derive(Debug, Parser)]
#[command(name = "gongdan-demo", version)]
struct Arguments {
    #[command(subcommand)]
    role: Option<Role>,
    #[command(flatten)]
    options: Options,
}

/// How the day is to be played.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// 打印结果表后结束 · End after the table instead of leaving the console open
    #[arg(long)]
    exit: bool,
    /// 讲述语言 · Language of the story
    #[arg(long, value_enum, default_value_t = story::Language::Both)]
    lang: story::Language,
    /// 数据目录，保留不删；默认用临时目录 · Folder for all data, kept; a temporary one otherwise
    #[arg(long)]
    data: Option<PathBuf>,
    /// 监听地址；默认 7420 端口，被占用时任选 · Address of the server; port 7420 unless taken
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// 随机种子 · Seed of the people's choices
    #[arg(long, default_value_t = 20_260_511)]
    seed: u64,
    /// 不打开浏览器 · Do not open a browser
    #[arg(long)]
    no_browser: bool,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// A phone: one process, one database file, JSON lines on standard input and output.
    #[command(hide = true)]
    Phone {
        /// The database file; its key lies beside it.
        #[arg(long)]
        store: PathBuf,
        /// The server's address.
        #[arg(long)]
        server: String,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match &arguments.role {
        Some(Role::Phone { store, server }) => phone::run(store, server),
        None => stage::run(&arguments.options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gongdan-demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}
