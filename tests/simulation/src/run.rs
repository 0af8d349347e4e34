//! One seed from its beginning to its end.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gongdan_core::testing;

use crate::faults::{Fault, Swarm};
use crate::simulation::{DAY, Plan, Report, Simulation};
use crate::violation::{Kind, Violation};
use gongdan_tests::random::Random;

/// Runs a plan. A panic is a violation like others.
pub fn run(plan: Plan) -> Report {
    let days = plan.days.unwrap_or_else(|| {
        // Of a stream of its own: the rest of the seed does not depend on it.
        2 + u32::try_from(Random::new(plan.seed ^ 0xda75).below(3)).unwrap_or(0)
    });
    let mut simulation = None;
    let ended = catch_unwind(AssertUnwindSafe(|| {
        let started = simulation.insert(Simulation::new(plan)?);
        live(started, days)
    }));
    let violation = match ended {
        Ok(ended) => ended.err(),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            let text = text.unwrap_or_else(|| "a panic".to_owned());
            Some(Violation::new(Kind::Failure, text))
        }
    };
    testing::know_commands(None);
    testing::limit_pages(None);
    match simulation {
        Some(simulation) => simulation.report(plan, days, violation),
        None => Report {
            seed: plan.seed,
            device_days: 0,
            commands: 0,
            phone_commands: 0,
            exchanges: 0,
            faults: Default::default(),
            trace: [0; 32],
            violation,
            story: Vec::new(),
        },
    }
}

/// The plan of a run that broke a promise, with as few faults and days as still break one.
pub fn minimise(plan: Plan) -> Plan {
    let mut fewest = Plan {
        swarm: Some(
            plan.swarm
                .unwrap_or_else(|| Swarm::of(&mut Random::new(plan.seed))),
        ),
        tell: false,
        ..plan
    };
    let breaks = |plan: Plan| run(plan).violation.is_some();
    for fault in Fault::ALL {
        let swarm = fewest.swarm.unwrap_or(Swarm::none());
        if swarm.has(*fault) {
            let fewer = Plan {
                swarm: Some(swarm.without(*fault)),
                ..fewest
            };
            if breaks(fewer) {
                fewest = fewer;
            }
        }
    }
    for days in 1..=2 {
        let fewer = Plan {
            days: Some(days),
            ..fewest
        };
        if breaks(fewer) {
            return fewer;
        }
    }
    fewest
}

/// Days of work, with a rest after each second one and after the last.
fn live(simulation: &mut Simulation, days: u32) -> Result<(), Violation> {
    let start = testing::at(0).seconds();
    for day in 1..=days {
        simulation.run_until(start + i64::from(day) * DAY)?;
        if day == days || day % 2 == 0 {
            simulation.rest()?;
        }
    }
    Ok(())
}
