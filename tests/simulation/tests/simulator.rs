//! The simulator does the same twice, and does what it is there for.

use gongdan_core::planted::{self, Defect};
use gongdan_simulation::faults::{Fault, Swarm};
use gongdan_simulation::run::run;
use gongdan_simulation::simulation::{Plan, Report};
use gongdan_simulation::violation::Kind;

fn plan(seed: u64) -> Plan {
    Plan {
        seed,
        swarm: None,
        days: Some(1),
        tell: false,
    }
}

#[test]
fn a_seed_does_the_same_twice_to_the_byte() {
    for seed in [1, 2, 3] {
        let (first, second) = (run(plan(seed)), run(plan(seed)));
        assert_eq!(first, second);
        assert!(first.exchanges > 50 && first.commands > 30, "{first:?}");
    }
}

#[test]
fn another_seed_does_something_else() {
    assert_ne!(run(plan(1)).trace, run(plan(2)).trace);
}

#[test]
fn without_faults_nothing_goes_wrong() {
    let report: Report = run(Plan {
        swarm: Some(Swarm::none()),
        ..plan(4)
    });
    assert_eq!(report.violation, None);
    assert_eq!(report.faults.total(), 0);
}

#[test]
fn a_fault_that_is_on_happens_and_one_that_is_off_does_not() {
    let swarm = Swarm::none().with(Fault::PhoneDies).with(Fault::CutsAnswer);
    let report = run(Plan {
        swarm: Some(swarm),
        ..plan(5)
    });
    assert_eq!(report.violation, None);
    for fault in Fault::ALL {
        assert_eq!(report.faults.of(*fault) > 0, swarm.has(*fault), "{fault:?}");
    }
}

#[test]
fn a_mark_of_the_office_part_on_a_phone_is_seen() {
    planted::plant(Some(Defect::OfficePartSent));
    let found = (1..20).find_map(|seed| run(plan(seed)).violation);
    planted::plant(None);
    let found = found.expect("the office writes notes of its own every day");
    assert_eq!(found.kind, Kind::Leak);
    assert!(found.text.contains("mark"), "{found}");
}
