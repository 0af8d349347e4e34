//! The server as a process of its own, and what it takes, as Linux tells it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::Failure;

/// How long a process must have taken no CPU to be taken for idle.
const IDLE: Duration = Duration::from_millis(5);
/// Bytes of a page of `/proc/PID/statm`.
const PAGE_BYTES: u64 = 4096;

/// The process; it ends with this value.
pub(super) struct Process {
    child: Child,
    pub(super) url: String,
}

/// What a piece of work took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    /// CPU time of all threads.
    pub(super) cpu: Duration,
    /// The most that the process held beyond what it had before.
    pub(super) memory_bytes: u64,
}

impl Process {
    /// Starts `gongdan serve` on a data folder.
    pub(super) fn start(program: &Path, data: &Path) -> Result<Self, Failure> {
        let mut child = Command::new(program)
            .arg("--data")
            .arg(data)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut line = String::new();
        let said = child.stdout.take().ok_or("no output")?;
        BufReader::new(said).read_line(&mut line)?;
        let at = line.find("http://").ok_or("the server tells no address")?;
        let url = line[at..].trim_end().to_owned();
        Ok(Self { child, url })
    }

    /// Its address without the scheme.
    pub(super) fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    fn read(&self, file: &str) -> Result<String, Failure> {
        Ok(std::fs::read_to_string(format!(
            "/proc/{}/{file}",
            self.child.id()
        ))?)
    }

    /// Nanoseconds of CPU that each thread has had. A thread that ends had none for long.
    fn threads(&self) -> Result<BTreeMap<String, u64>, Failure> {
        let mut threads = BTreeMap::new();
        for entry in std::fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let entry = entry?;
            let Ok(text) = std::fs::read_to_string(entry.path().join("schedstat")) else {
                continue;
            };
            let nanos = text.split_whitespace().next().and_then(|n| n.parse().ok());
            let name = entry.file_name().to_string_lossy().into_owned();
            threads.insert(name, nanos.ok_or("no schedstat")?);
        }
        Ok(threads)
    }

    /// The same once it takes none any more.
    fn idle_threads(&self) -> Result<BTreeMap<String, u64>, Failure> {
        let mut before = self.threads()?;
        loop {
            std::thread::sleep(IDLE);
            let now = self.threads()?;
            if now == before {
                return Ok(now);
            }
            before = now;
        }
    }

    /// CPU since `before`.
    fn cpu_since(&self, before: &BTreeMap<String, u64>) -> Result<Duration, Failure> {
        let now = self.idle_threads()?;
        let nanos = now
            .iter()
            .map(|(thread, nanos)| nanos.saturating_sub(before.get(thread).copied().unwrap_or(0)));
        Ok(Duration::from_nanos(nanos.sum()))
    }

    fn resident_bytes(&self) -> Result<u64, Failure> {
        let pages: Option<u64> = self
            .read("statm")?
            .split_whitespace()
            .nth(1)
            .and_then(|n| n.parse().ok());
        Ok(pages.ok_or("no statm")? * PAGE_BYTES)
    }

    fn peak_bytes(&self) -> Result<u64, Failure> {
        let status = self.read("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes: Option<u64> =
            line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse().ok());
        Ok(kilobytes.ok_or("no VmHWM")? * 1024)
    }

    /// Does `work` and tells what it took of the process.
    pub(super) fn measured<T>(&self, work: impl FnOnce() -> T) -> Result<(T, Cost), Failure> {
        let threads = self.idle_threads()?;
        let resident = self.resident_bytes()?;
        // "5": the peak begins anew at what is resident now (proc(5)).
        std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5")?;
        let done = work();
        let cpu = self.cpu_since(&threads)?;
        let memory_bytes = self.peak_bytes()?.saturating_sub(resident);
        Ok((done, Cost { cpu, memory_bytes }))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
