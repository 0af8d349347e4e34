//! `gongdan-simulator`: runs seeds and ends with a table. `cargo xtask prove` builds and starts it.
//!
//! ```text
//! gongdan-simulator [--seeds N] [--minutes M] [--first S] [--json]   seeds, each twice, within M CPU-minutes (3)
//! gongdan-simulator --seed S [--fewest]                              one seed, told step by step
//! gongdan-simulator --planted [--minutes M] [--json]                 the planted defects, each within M (10)
//! ```
//! `--with FAULT` turns a fault on whatever the seed draws, by its name in the table.
//!
//! Invariant: the exit code is zero only if no promise was broken, or every planted defect was found.
#![expect(
    clippy::print_stdout,
    reason = "it is a program that ends with a table"
)]

use std::process::ExitCode;
use std::time::Duration;

use gongdan_simulation::faults::{Fault, Swarm};
use gongdan_simulation::planted::search_all;
use gongdan_simulation::prove::{Totals, prove};
use gongdan_simulation::run::{minimise, run};
use gongdan_simulation::simulation::Plan;
use gongdan_simulation::violation::Kind;
use serde_json::json;

/// An eighth of the time goes into small allocations by the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// CPU-minutes unless another number is asked for.
const MINUTES: f64 = 3.0;
/// The same for each planted defect.
const MINUTES_PLANTED: f64 = 10.0;

#[derive(Default)]
struct Arguments {
    seeds: Option<u64>,
    seed: Option<u64>,
    first: Option<u64>,
    minutes: Option<f64>,
    json: bool,
    planted: bool,
    fewest: bool,
    with: Vec<Fault>,
}

fn arguments() -> Result<Arguments, String> {
    let mut arguments = Arguments::default();
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        if name == "--with" {
            let fault = given.next().as_deref().and_then(Swarm::named);
            arguments
                .with
                .push(fault.ok_or("--with needs a fault as the table names it")?);
            continue;
        }
        let mut number = || {
            let value = given.next().and_then(|value| value.parse::<f64>().ok());
            let value = value.filter(|value| *value >= 0.0);
            value.ok_or_else(|| format!("{name} needs a number"))
        };
        match name.as_str() {
            "--seeds" => arguments.seeds = Some(number()? as u64),
            "--seed" => arguments.seed = Some(number()? as u64),
            "--first" => arguments.first = Some(number()? as u64),
            "--minutes" => arguments.minutes = Some(number()?),
            "--json" => arguments.json = true,
            "--planted" => arguments.planted = true,
            "--fewest" => arguments.fewest = true,
            other => return Err(format!("unknown argument: {other}")),
        }
    }
    Ok(arguments)
}

fn main() -> ExitCode {
    let arguments = match arguments() {
        Ok(arguments) => arguments,
        Err(why) => {
            println!("gongdan-simulator: {why}");
            return ExitCode::FAILURE;
        }
    };
    // A panic of a run is one of its violations and told with them.
    std::panic::set_hook(Box::new(|_| {}));
    let ended = if let Some(seed) = arguments.seed {
        one(seed, arguments.fewest, &arguments.with)
    } else if arguments.planted {
        let cpu = minutes(arguments.minutes.unwrap_or(MINUTES_PLANTED));
        planted(cpu, arguments.json)
    } else {
        let first = arguments.first.unwrap_or(1);
        let cpu = minutes(arguments.minutes.unwrap_or(MINUTES));
        let totals = prove(first, arguments.seeds, cpu, &arguments.with);
        if arguments.json {
            print_json(&totals);
        } else {
            print_table(first, &totals);
        }
        totals.violations.is_empty()
    };
    if ended {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn minutes(minutes: f64) -> Duration {
    Duration::from_secs_f64(minutes * 60.0)
}

/// Tells one seed, or the least of it that breaks a promise.
fn one(seed: u64, fewest: bool, with: &[Fault]) -> bool {
    let plan = Plan {
        seed,
        swarm: Swarm::drawn_with(seed, with),
        days: None,
        tell: true,
    };
    let plan = if fewest {
        Plan {
            tell: true,
            ..minimise(plan)
        }
    } else {
        plan
    };
    let report = run(plan);
    for line in &report.story {
        println!("{line}");
    }
    if let Some(swarm) = plan.swarm {
        println!("faults: {:?}", swarm.names());
    }
    match &report.violation {
        Some(violation) => println!("seed {seed}: {violation}"),
        None => println!("seed {seed}: no promise broken"),
    }
    report.violation.is_none()
}

fn count(totals: &Totals, kinds: &[Kind]) -> usize {
    let violations = totals.violations.iter();
    violations
        .filter(|(_, violation)| kinds.contains(&violation.kind))
        .count()
}

fn print_table(first: u64, totals: &Totals) {
    for (seed, violation) in &totals.violations {
        println!("seed {seed}: {violation}");
    }
    println!("{:<22} {:>10}", "fault", "times");
    for fault in Fault::ALL {
        println!("{:<22} {:>10}", fault.name(), totals.faults.of(*fault));
    }
    println!();
    let last = (first + totals.seeds).saturating_sub(1);
    println!("{:<22} {:>10}   {first} to {last}", "seeds", totals.seeds);
    let rate = |name: &str, count: u64| {
        println!(
            "{name:<22} {count:>10}   {:.0} a CPU-minute",
            totals.per_cpu_minute(count)
        );
    };
    rate("device-days", totals.device_days);
    rate("faults", totals.faults.total());
    rate("exchanges", totals.exchanges);
    rate("commands", totals.commands);
    let daily = totals.commands_per_day();
    println!(
        "{:<22} {:>10}   {daily:.1} a phone's working day",
        "  of phones", totals.phone_commands
    );
    let (once, in_all) = (totals.cpu.as_secs_f64(), totals.cpu_in_all.as_secs_f64());
    println!(
        "{:<22} {once:>10.1}   {in_all:.1} with every seed's second run",
        "CPU seconds"
    );
    println!("{:<22} {:>10}", "losses", count(totals, &[Kind::Loss]));
    println!("{:<22} {:>10}", "stalls", count(totals, &[Kind::Stall]));
    println!("{:<22} {:>10}", "leaks", count(totals, &[Kind::Leak]));
    let others = [Kind::Effect, Kind::Divergence, Kind::Number, Kind::Failure];
    println!(
        "{:<22} {:>10}",
        "other broken promises",
        count(totals, &others)
    );
}

fn print_json(totals: &Totals) {
    let faults: serde_json::Map<_, _> = Fault::ALL
        .iter()
        .map(|fault| (fault.name().to_owned(), totals.faults.of(*fault).into()))
        .collect();
    let broken: Vec<_> = totals
        .violations
        .iter()
        .map(|(seed, violation)| json!({"seed": seed, "kind": violation.kind.name(), "text": violation.text}))
        .collect();
    let out = json!({
        "seeds": totals.seeds,
        "device_days": totals.device_days,
        "commands": totals.commands,
        "phone_commands": totals.phone_commands,
        "exchanges": totals.exchanges,
        "faults": faults,
        "cpu_seconds": totals.cpu.as_secs_f64(),
        "cpu_seconds_in_all": totals.cpu_in_all.as_secs_f64(),
        "device_days_per_cpu_minute": totals.per_cpu_minute(totals.device_days),
        "faults_per_cpu_minute": totals.per_cpu_minute(totals.faults.total()),
        "commands_per_phone_day": totals.commands_per_day(),
        "losses": count(totals, &[Kind::Loss]),
        "stalls": count(totals, &[Kind::Stall]),
        "leaks": count(totals, &[Kind::Leak]),
        "broken": broken,
    });
    println!("{out}");
}

fn planted(cpu: Duration, as_json: bool) -> bool {
    if !as_json {
        println!(
            "{:<26} {:>5} {:>8}  {:<10}  what is wrong",
            "defect", "seed", "CPU s", "seen as"
        );
    }
    let (found, all) = search_all(cpu, &|search| {
        let (seed, kind) = match &search.found {
            Some((seed, violation)) => (seed.to_string(), violation.kind.name()),
            None => ("-".to_owned(), "not found"),
        };
        let (name, seconds) = (format!("{:?}", search.defect), search.cpu.as_secs_f64());
        if as_json {
            println!(
                "{}",
                json!({"defect": name, "seed": search.found.as_ref().map(|(seed, _)| seed), "cpu_seconds": seconds, "seen_as": kind})
            );
        } else {
            println!(
                "{name:<26} {seed:>5} {seconds:>8.1}  {kind:<10}  {}",
                search.defect.about()
            );
        }
    });
    if !as_json {
        println!("{found} of {all} found");
    }
    found == all
}
