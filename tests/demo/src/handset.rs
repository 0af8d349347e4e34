//! The owner's hand on a phone: starts its process, taps, reads the screen, puts it away, drops it.
//!
//! Invariant: no phone outlives its handset, and its database file outlives its process.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};
use gongdan_core::catalogue::Catalogue;
use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{PersonId, TicketId};
use gongdan_core::replica::{OutboxCounts, Seen, TicketView};
use gongdan_core::ticket::Command as Intent;
use gongdan_core::ticket::summary::Summary;

use crate::phone::protocol::{Answer, Ask, Cut, Traffic, Verdicts};

/// A technician with a phone.
pub(crate) struct Handset {
    /// Whose it is.
    pub(crate) person: PersonId,
    /// The name that the story uses.
    pub(crate) name: String,
    /// All traffic of the day.
    pub(crate) traffic: Traffic,
    /// All verdicts of the day.
    pub(crate) verdicts: Verdicts,
    /// Commands executed.
    pub(crate) commands: u64,
    /// How often its process was started.
    pub(crate) starts: u64,
    store: PathBuf,
    server: String,
    process: Option<Process>,
}

struct Process {
    child: Child,
    taps: ChildStdin,
    screen: BufReader<ChildStdout>,
}

impl Drop for Process {
    fn drop(&mut self) {
        // Gone already where it ended in order: both calls then do nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a sync moved and heard.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Synced {
    pub(crate) traffic: Traffic,
    pub(crate) verdicts: Verdicts,
}

impl Handset {
    pub(crate) fn new(person: PersonId, name: &str, store: PathBuf, server: &str) -> Self {
        Self {
            person,
            name: name.to_owned(),
            traffic: Traffic::default(),
            verdicts: Verdicts::default(),
            commands: 0,
            starts: 0,
            store,
            server: server.to_owned(),
            process: None,
        }
    }

    /// Starts the phone's process on its database file.
    pub(crate) fn switch_on(&mut self) -> Result<()> {
        let program = std::env::current_exe().context("find this program")?;
        let mut command = Command::new(program);
        // Ctrl-C on the terminal is for the day as a whole, not for each of its processes.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command
            .arg("phone")
            .arg("--store")
            .arg(&self.store)
            .args(["--server", &self.server])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("start a phone")?;
        let taps = child.stdin.take().context("a phone without input")?;
        let screen = child.stdout.take().context("a phone without output")?;
        self.process = Some(Process {
            child,
            taps,
            screen: BufReader::new(screen),
        });
        self.starts += 1;
        Ok(())
    }

    /// Ends the process in order.
    pub(crate) fn switch_off(&mut self) -> Result<()> {
        let Some(mut process) = self.process.take() else {
            return Ok(());
        };
        tap(&mut process.taps, &Ask::Quit)?;
        let status = process.child.wait().context("wait for a phone")?;
        if !status.success() {
            bail!("{}'s phone ended with {status}", self.name);
        }
        Ok(())
    }

    /// The battery is pulled: the process is killed where it stands.
    pub(crate) fn pull_the_battery(&mut self) {
        self.process = None;
    }

    fn ask(&mut self, ask: &Ask) -> Result<Answer> {
        let name = &self.name;
        let process = self
            .process
            .as_mut()
            .with_context(|| format!("{name}'s phone is off"))?;
        tap(&mut process.taps, ask)?;
        let mut line = String::new();
        if process.screen.read_line(&mut line)? == 0 {
            bail!("{name}'s phone went dark");
        }
        match serde_json::from_str(&line).context("read a phone's answer")? {
            Answer::Failed { what } => bail!("{name}'s phone: {what}"),
            answer => Ok(answer),
        }
    }

    pub(crate) fn enrol(&mut self, code: &str, device_name: &str) -> Result<()> {
        let (code, device_name) = (code.to_owned(), device_name.to_owned());
        self.ask(&Ask::Enrol { code, device_name }).map(drop)
    }

    pub(crate) fn sync(&mut self) -> Result<Synced> {
        self.synced(&Ask::Sync)
    }

    pub(crate) fn sync_cut(&mut self, cut: Cut) -> Result<Synced> {
        self.synced(&Ask::SyncCut { cut })
    }

    fn synced(&mut self, ask: &Ask) -> Result<Synced> {
        let Answer::Synced { traffic, verdicts } = self.ask(ask)? else {
            bail!("sync: another answer");
        };
        self.traffic += traffic;
        self.verdicts += verdicts;
        Ok(Synced { traffic, verdicts })
    }

    /// Opens a ticket on the spot.
    pub(crate) fn open(&mut self, now: Timestamp, commands: Vec<Intent>) -> Result<TicketId> {
        let count = commands.len() as u64;
        let Answer::Opened { ticket } = self.ask(&Ask::Open { now, commands })? else {
            bail!("open a ticket: another answer");
        };
        self.commands += count;
        Ok(ticket)
    }

    /// One act, with the heads that its form was opened with.
    pub(crate) fn execute(
        &mut self,
        now: Timestamp,
        ticket: TicketId,
        seen: &Seen,
        commands: Vec<Intent>,
    ) -> Result<()> {
        let count = commands.len() as u64;
        let seen = seen.clone();
        self.ask(&Ask::Execute {
            now,
            ticket,
            seen,
            commands,
        })?;
        self.commands += count;
        Ok(())
    }

    pub(crate) fn list(&mut self) -> Result<Vec<Summary>> {
        match self.ask(&Ask::List)? {
            Answer::Tickets { rows } => Ok(rows),
            _ => bail!("list tickets: another answer"),
        }
    }

    pub(crate) fn find(&mut self, ticket: TicketId) -> Result<Option<TicketView>> {
        match self.ask(&Ask::Show { ticket })? {
            Answer::Ticket { view } => Ok(view.map(|view| *view)),
            _ => bail!("show a ticket: another answer"),
        }
    }

    pub(crate) fn show(&mut self, ticket: TicketId) -> Result<TicketView> {
        self.find(ticket)?
            .with_context(|| format!("{}'s phone does not hold ticket {ticket}", self.name))
    }

    pub(crate) fn catalogue(&mut self) -> Result<Catalogue> {
        match self.ask(&Ask::Catalogue)? {
            Answer::Catalogue {
                catalogue: Some(catalogue),
            } => Ok(*catalogue),
            _ => bail!("{}'s phone holds no catalogue", self.name),
        }
    }

    pub(crate) fn outbox(&mut self) -> Result<OutboxCounts> {
        match self.ask(&Ask::Outbox)? {
            Answer::Outbox { counts } => Ok(counts),
            _ => bail!("show the outbox: another answer"),
        }
    }
}

fn tap(taps: &mut ChildStdin, ask: &Ask) -> Result<()> {
    let mut line = serde_json::to_vec(ask).context("tap")?;
    line.push(b'\n');
    taps.write_all(&line).context("tap")?;
    taps.flush().context("tap")
}
