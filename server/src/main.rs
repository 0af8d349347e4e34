//! `gongdan`: the server and its commands.

use std::process::ExitCode;

fn main() -> ExitCode {
    gongdan_server::cli::main()
}
