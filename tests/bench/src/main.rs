//! `gongdan-bench sync`: prints what synchronising the standard work costs, for everyone who carries it.
//! `gongdan-bench hostile`: prints what hostile requests cost the server's program.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use gongdan_bench::{
    contender::Contender,
    hostile,
    ours::Gongdan,
    peers, report,
    standard_work::{STANDARD_SEED, StandardWork},
};

const USAGE: &str = "usage: gongdan-bench sync [--n TICKETS] [--json] [--peers]
  --n TICKETS  tickets of the standard work (500)
  --json       one JSON object a line instead of a table
  --peers      measure the peers too
usage: gongdan-bench hostile [--requests N] [--window SECONDS] [--only PART]
  --requests N      requests of each attack whose cost is taken (10)
  --window SECONDS  length of each window of an honest device beside it (3); 0: none
  --only PART       attacks whose name holds this";

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

fn hostile_options(
    mut arguments: impl Iterator<Item = String>,
) -> Result<hostile::Options, String> {
    let here = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut options = hostile::Options {
        program: here.with_file_name(format!("gongdan{}", std::env::consts::EXE_SUFFIX)),
        requests: 10,
        window_seconds: 3,
        only: None,
    };
    while let Some(argument) = arguments.next() {
        let value = arguments
            .next()
            .ok_or_else(|| format!("{argument} takes a value\n{USAGE}"))?;
        let number = || {
            value
                .parse::<u64>()
                .map_err(|_| format!("{argument} takes a number\n{USAGE}"))
        };
        match argument.as_str() {
            "--requests" => options.requests = number()?.max(1) as usize,
            "--window" => options.window_seconds = number()?,
            "--only" => options.only = Some(value),
            other => return Err(format!("unknown argument {other}\n{USAGE}")),
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    let outcome = if arguments.next_if_eq("hostile").is_some() {
        hostile_options(arguments).and_then(|options| {
            hostile::run(&options, &mut io::stdout().lock()).map_err(|error| chain(&*error))
        })
    } else {
        options(arguments).and_then(|options| run(&options).map_err(|error| chain(&*error)))
    };
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
