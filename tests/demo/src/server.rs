//! The real `gongdan`, as an operator uses it: command line first, then `serve`.
//!
//! Invariant: the server's process never outlives this value.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// The binary's file name.
const PROGRAM: &str = "gongdan";
/// How long a start may take.
const START: Duration = Duration::from_secs(30);
/// How long an orderly end may take.
const END: Duration = Duration::from_secs(12);

/// The built server binary: beside this program.
pub(crate) fn program() -> Result<PathBuf> {
    let here = std::env::current_exe().context("find this program")?;
    let name = format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX);
    // A test's own binary lies in a folder below.
    let found = here
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(&name))
        .find(|path| path.is_file());
    found.with_context(|| {
        format!(
            "no {name} beside {}: build it with `cargo build -p gongdan-server`",
            here.display()
        )
    })
}

/// An operator's hand on one data folder.
pub(crate) struct Operator {
    program: PathBuf,
    data: PathBuf,
    url: String,
}

impl Operator {
    pub(crate) fn new(program: PathBuf, data: &Path, url: &str) -> Self {
        Self {
            program,
            data: data.to_owned(),
            url: url.to_owned(),
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        // What the operator of this machine has set for a server of their own does not count here.
        for name in ["GONGDAN_DATA", "GONGDAN_LISTEN", "GONGDAN_LOG_JSON"] {
            command.env_remove(name);
        }
        // Ctrl-C on the terminal is for the day as a whole, not for each of its processes.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.arg("--data").arg(&self.data);
        command.args(["--public-url", &self.url]);
        command
    }

    /// Runs one command to its end and gives what it printed.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Result<String> {
        let mut command = self.command();
        command.args(args).stdin(Stdio::null());
        let shown: Vec<String> = command
            .get_args()
            .skip(4)
            .map(|arg| arg.to_string_lossy().into_owned())
            .collect();
        let shown = shown.join(" ");
        let output = command
            .output()
            .with_context(|| format!("run gongdan {shown}"))?;
        if !output.status.success() {
            bail!(
                "gongdan {shown}: {}\n{}{}",
                output.status,
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// `gongdan serve`, ready when this returns.
    pub(crate) fn serve(&self, listen: SocketAddr) -> Result<Server> {
        let path = self.data.join("server.log");
        let log = File::create(&path).with_context(|| format!("make {}", path.display()))?;
        let child = self
            .command()
            .args(["serve", "--listen", &listen.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("start gongdan serve")?;
        let mut server = Server { child, log: path };
        server.wait_until_ready(&format!("{}/readyz", self.url))?;
        Ok(server)
    }
}

/// The words after `label` on the line of `output` that has it.
pub(crate) fn said<'a>(output: &'a str, label: &str) -> Result<&'a str> {
    output
        .lines()
        .find_map(|line| line.split_once(label))
        .map(|(_, after)| after.trim())
        .with_context(|| format!("gongdan did not print `{label}`"))
}

/// An address that is free now: port 7420, or any.
pub(crate) fn free_address(wanted: Option<SocketAddr>) -> Result<SocketAddr> {
    let usual = SocketAddr::from(([127, 0, 0, 1], 7420));
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let tries = match wanted {
        Some(wanted) => vec![wanted],
        None => vec![usual, any],
    };
    let mut last = None;
    for address in tries {
        match TcpListener::bind(address).and_then(|listener| listener.local_addr()) {
            Ok(free) => return Ok(free),
            Err(error) => last = Some((address, error)),
        }
    }
    let (address, error) = last.context("no address to try")?;
    Err(error).with_context(|| format!("listen on {address}"))
}

/// The running server.
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
}

impl Server {
    fn wait_until_ready(&mut self, url: &str) -> Result<()> {
        let client = reqwest::blocking::Client::builder().no_proxy().build()?;
        let started = Instant::now();
        while started.elapsed() < START {
            if let Some(status) = self.child.try_wait().context("look after gongdan")? {
                bail!("gongdan serve ended with {status}\n{}", self.last_words());
            }
            let ready = client.get(url).timeout(Duration::from_secs(2)).send();
            if ready.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            // A process that comes up tells nobody: ask again.
            std::thread::sleep(Duration::from_millis(15));
        }
        bail!(
            "gongdan serve is not ready after {START:?}\n{}",
            self.last_words()
        )
    }

    /// The end of its log.
    pub(crate) fn last_words(&self) -> String {
        let mut text = String::new();
        let read = File::open(&self.log).and_then(|mut file| file.read_to_string(&mut text));
        if read.is_err() {
            return String::new();
        }
        let from = text.lines().count().saturating_sub(12);
        text.lines().skip(from).collect::<Vec<_>>().join("\n")
    }

    /// Whether it ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An orderly end first, so that the database is closed in order.
        #[cfg(unix)]
        {
            let id = self.child.id().to_string();
            let _ = Command::new("kill").args(["-TERM", &id]).status();
            let started = Instant::now();
            while started.elapsed() < END {
                if self.has_ended() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
