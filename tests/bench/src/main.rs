//! `gongdan-bench sync`: prints what synchronising the standard work costs, for everyone who carries it.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use gongdan_bench::{
    contender::Contender,
    ours::Gongdan,
    peers, report,
    standard_work::{STANDARD_SEED, StandardWork},
};

const USAGE: &str = "usage: gongdan-bench sync [--n TICKETS] [--json] [--peers]
  --n TICKETS  tickets of the standard work (500)
  --json       one JSON object a line instead of a table
  --peers      measure the peers too";

/// What was asked for on the command line.
struct Options {
    tickets: usize,
    json: bool,
    peers: bool,
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    if arguments.next().as_deref() != Some("sync") {
        return Err(USAGE.to_owned());
    }
    let mut options = Options {
        tickets: 500,
        json: false,
        peers: false,
    };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--json" => options.json = true,
            "--peers" => options.peers = true,
            "--n" => {
                let tickets = arguments.next().and_then(|tickets| tickets.parse().ok());
                options.tickets =
                    tickets.ok_or_else(|| format!("--n takes a number of tickets\n{USAGE}"))?;
            }
            other => return Err(format!("unknown argument {other}\n{USAGE}")),
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    let outcome = options(std::env::args().skip(1))
        .and_then(|options| run(&options).map_err(|error| chain(&*error)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // Nothing is left to tell if standard error is closed.
            let _ = writeln!(io::stderr(), "{message}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    let work = StandardWork::generate(STANDARD_SEED, options.tickets);
    let mut contenders: Vec<Box<dyn Contender>> = vec![Box::new(Gongdan::default())];
    if options.peers {
        contenders.extend(peers::all());
    }
    let mut measured = report::plain_json(&work);
    for contender in &mut contenders {
        measured.extend(report::measure(contender.as_mut(), &work)?);
    }
    let mut out = io::stdout().lock();
    if options.json {
        let mut figures = report::figures(&measured, options.tickets);
        figures.extend(gongdan_bench::ours::commit::figures(&work)?);
        for figure in figures {
            writeln!(out, "{}", serde_json::to_string(&figure)?)?;
        }
    } else {
        report::print_table(&mut out, &measured, options.tickets)?;
        for figure in gongdan_bench::ours::commit::figures(&work)? {
            writeln!(
                out,
                "{}: {} {} ({}; {})",
                figure.name, figure.value, figure.unit, figure.compared_with, figure.conditions
            )?;
        }
    }
    out.flush()?;
    Ok(())
}

/// An error with all that caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        message = format!("{message}: {source}");
        cause = source.source();
    }
    message
}
