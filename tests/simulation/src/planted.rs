//! Proof that the simulator can see: each planted defect is found, by which seed, in what CPU time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gongdan_core::planted::{self, Defect};
use gongdan_tests::random::Random;

use crate::faults::Swarm;
use crate::prove::cpu_of_thread;
use crate::run::run;
use crate::simulation::Plan;
use crate::violation::Violation;

/// A search for one defect.
#[derive(Debug)]
pub struct Search {
    /// What was planted.
    pub defect: Defect,
    /// Seeds run.
    pub seeds: u64,
    /// CPU time it took.
    pub cpu: Duration,
    /// The seed that found it, and what it saw.
    pub found: Option<(u64, Violation)>,
}

/// Looks for a defect with seeds from 1 on, until it is found or the CPU time is used.
pub fn search(defect: Defect, cpu: Duration) -> Search {
    let began = cpu_of_thread();
    let mut search = Search {
        defect,
        seeds: 0,
        cpu: Duration::ZERO,
        found: None,
    };
    planted::plant(Some(defect));
    while search.found.is_none() && search.cpu < cpu {
        search.seeds += 1;
        let seed = search.seeds;
        let report = run(Plan {
            seed,
            swarm: Some(Swarm::of_all(&mut Random::new(seed))),
            days: None,
            tell: false,
        });
        search.found = report.violation.map(|violation| (seed, violation));
        search.cpu = cpu_of_thread().saturating_sub(began);
    }
    planted::plant(None);
    search
}

/// Looks for all of them, each in at most so much CPU time, and tells of each as its search ends: how many were
/// found, of how many.
pub fn search_all(cpu: Duration, tell: &(impl Fn(&Search) + Sync)) -> (usize, usize) {
    let next = AtomicUsize::new(0);
    let found = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(defect) = Defect::ALL.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let search = search(*defect, cpu);
                    found.fetch_add(usize::from(search.found.is_some()), Ordering::Relaxed);
                    tell(&search);
                }
            });
        }
    });
    (found.into_inner(), Defect::ALL.len())
}
