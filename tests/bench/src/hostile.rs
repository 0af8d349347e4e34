//! What hostile requests cost the server's own program, and what an honest device beside them notices.
//!
//! The real `gongdan serve` runs as a process on a data folder of its own. Each attack is sent to a freshly started one,
//! request by request, and what the process took is read from the system: CPU time of all its threads, and how far its
//! memory grew beyond what it had before. Then an honest device syncs, by turns alone and beside the attacker, in the
//! same minutes. Answers are asserted, figures are printed.

mod attacks;
mod honest;
mod http;
mod process;
mod slow;
mod world;

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::PathBuf;

use attacks::{Attack, Attacker};
use honest::Latencies;
use process::{Cost, Process};
use world::World;

/// Why there is no figure.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server's program.
    pub program: PathBuf,
    /// Requests of each attack whose cost is taken.
    pub requests: usize,
    /// Seconds of each window of the honest device; 0: no such windows.
    pub window_seconds: u64,
    /// Only attacks whose name holds this.
    pub only: Option<String>,
}

/// Windows of the honest device without and with the attack, by turns.
const TURNS: usize = 2;
/// What the issue asks for: CPU of one request, memory of one request, and the honest device's p99 over its p99 alone.
const CPU_MILLIS_AIM: f64 = 10.0;
const MEMORY_MB_AIM: f64 = 32.0;
const RATIO_AIM: f64 = 1.2;

/// What one attack came to.
struct Row {
    name: &'static str,
    answer: String,
    bytes: usize,
    costs: Vec<Cost>,
    changesets: usize,
    honest: Option<(Latencies, Latencies)>,
}

/// Runs all of it and prints the table.
///
/// # Errors
/// The server does not run, or answers something else than it should.
pub fn run(options: &Options, out: &mut impl Write) -> Result<(), Failure> {
    let mut world = World::new()?;
    let mut rows = Vec::new();
    for attack in attacks::ALL {
        if wanted(options, attack.name) {
            rows.push(one(options, &mut world, attack)?);
            let line = line(rows.last().expect("a row"));
            writeln!(out, "{line}")?;
        }
    }
    if wanted(options, slow::NAME) {
        let row = slow::run(options, &mut world)?;
        writeln!(out, "{}", line(&row))?;
        rows.push(row);
    }
    conditions(options, &rows, out)?;
    Ok(())
}

fn wanted(options: &Options, name: &str) -> bool {
    options
        .only
        .as_ref()
        .is_none_or(|part| name.contains(part.as_str()))
}

fn one(options: &Options, world: &mut World, attack: &Attack) -> Result<Row, Failure> {
    let mut attacker = Attacker::new(world, attack)?;
    let honest = world.phone()?;
    let turns = if options.window_seconds == 0 {
        0
    } else {
        TURNS
    };
    let requests = match attack.repeats {
        true => 1,
        false => options.requests + turns * attacks::WINDOW_REQUESTS_MAX,
    };
    let bodies = attacker.bodies(attack, requests);
    let server = Process::start(&options.program, world.data())?;
    let mut phone = honest;
    phone.exchange(&server)?;
    let mut costs = Vec::new();
    let mut answer = String::new();
    for n in 0..options.requests {
        let body = &bodies[n % bodies.len()];
        let (answered, cost) = server.measured(|| attacker.post(&server, body))?;
        answer = attack.check(&attacker, &answered?)?;
        costs.push(cost);
    }
    let honest = if turns > 0 {
        let mut next = bodies.iter().skip(options.requests);
        let (mut alone, mut beside) = (Latencies::default(), Latencies::default());
        for _ in 0..TURNS {
            alone.extend(phone.window(&server, options.window_seconds, None)?);
            let bodies: Vec<&[u8]> = match attack.repeats {
                true => vec![&bodies[0]],
                false => next
                    .by_ref()
                    .take(attacks::WINDOW_REQUESTS_MAX)
                    .map(|b| &b[..])
                    .collect(),
            };
            let beside_it = honest::Beside {
                attacker: &attacker,
                attack,
                bodies: &bodies,
            };
            beside.extend(phone.window(&server, options.window_seconds, Some(beside_it))?);
        }
        Some((alone, beside))
    } else {
        None
    };
    Ok(Row {
        name: attack.name,
        answer,
        bytes: bodies[0].len(),
        costs,
        changesets: attack.changesets,
        honest,
    })
}

fn line(row: &Row) -> String {
    let mut cpu: Vec<f64> = row
        .costs
        .iter()
        .map(|cost| cost.cpu.as_secs_f64() * 1e3)
        .collect();
    cpu.sort_by(f64::total_cmp);
    let memory = row
        .costs
        .iter()
        .map(|cost| cost.memory_bytes)
        .max()
        .unwrap_or(0) as f64
        / 1e6;
    let (half, most) = (cpu[cpu.len() / 2], cpu[cpu.len() - 1]);
    let mark = |missed: bool| if missed { "!" } else { " " };
    let mut line = format!(
        "{:<44} {:>9} bytes  {:<34} CPU {half:>7.2} ms, at most {most:>7.2}{} memory {memory:>6.1} MB{}",
        row.name,
        row.bytes,
        row.answer,
        mark(half > CPU_MILLIS_AIM),
        mark(memory > MEMORY_MB_AIM),
    );
    if row.changesets > 1 {
        let each = half * 1e3 / row.changesets as f64;
        let _ = write!(line, " ({each:.0} µs a changeset)");
    }
    if let Some((alone, beside)) = &row.honest {
        let (a, b) = (alone.millis(), beside.millis());
        let ratio = b.1 / a.1;
        let _ = write!(
            line,
            "  honest p50/p99 {:.1}/{:.1} ms alone, {:.1}/{:.1} beside, p99 {ratio:.2}×{}",
            a.0,
            a.1,
            b.0,
            b.1,
            mark(ratio > RATIO_AIM)
        );
    }
    line
}

fn conditions(options: &Options, rows: &[Row], out: &mut impl Write) -> io::Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    writeln!(
        out,
        "{} attacks; {} requests of each, one after another, to a process started for it; CPU: half of them took no \
         more; memory: the most that one grew the process by; honest: {TURNS} windows of {} s each, alone and beside \
         one attacker who sends without a pause, by turns; {cores} cores, {} build; `!`: past {CPU_MILLIS_AIM} ms, \
         {MEMORY_MB_AIM} MB or {RATIO_AIM}×",
        rows.len(),
        options.requests,
        options.window_seconds,
        if cfg!(debug_assertions) {
            "dev (optimisation 1)"
        } else {
            "release"
        },
    )
}
