//! A phone: its own process, its own database file. It knows the server's address, its owner's
//! taps (JSON lines on standard input) and nothing else of the day.
//!
//! Invariant: what an answer says was done is durable; the process may be killed at any moment.

mod app;
mod link;
pub(crate) mod protocol;

use std::io::{BufRead, Write};
use std::path::Path;

use anyhow::{Context, Result};

use app::App;
use protocol::{Answer, Ask};

/// Serves taps until told to quit or until standard input ends.
pub(crate) fn run(store: &Path, server: &str) -> Result<()> {
    let mut app = App::open(store, server)?;
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let ask: Ask = serde_json::from_str(&line.context("read a tap")?).context("read a tap")?;
        if matches!(ask, Ask::Quit) {
            break;
        }
        let answer = app.answer(ask).unwrap_or_else(|error| Answer::Failed {
            what: format!("{error:#}"),
        });
        serde_json::to_writer(&mut out, &answer).context("answer a tap")?;
        out.write_all(b"\n")?;
        out.flush()?;
    }
    Ok(())
}
