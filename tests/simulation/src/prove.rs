//! Many seeds, on all cores, within a number of CPU-minutes, and what they came to together.
//!
//! Invariant: seeds are run in their order, each twice, whichever thread takes it; the second run must come to
//! the same in every byte, and no figure counts it. CPU time is measured by the threads' own clocks.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::faults::{Counts, Fault, Swarm};
use crate::run::run;
use crate::simulation::{Plan, Report};
use crate::violation::{Kind, Violation};

/// What runs came to.
#[derive(Debug, Default)]
pub struct Totals {
    /// Seeds run.
    pub seeds: u64,
    /// Phones times days.
    pub device_days: u64,
    /// Commands that were said to be saved, on phones.
    pub phone_commands: u64,
    /// On phones and at the desk.
    pub commands: u64,
    /// Exchanges begun.
    pub exchanges: u64,
    /// Faults by kind.
    pub faults: Counts,
    /// Promises broken, by seed.
    pub violations: Vec<(u64, Violation)>,
    /// CPU time of the first runs, which the figures are of.
    pub cpu: Duration,
    /// CPU time of everything.
    pub cpu_in_all: Duration,
}

impl Totals {
    fn add(&mut self, report: Report, cpu: Duration) {
        self.cpu += cpu;
        self.seeds += 1;
        self.device_days += report.device_days;
        self.phone_commands += report.phone_commands;
        self.commands += report.commands;
        self.exchanges += report.exchanges;
        self.faults.add(&report.faults);
        if let Some(violation) = report.violation {
            self.violations.push((report.seed, violation));
        }
    }

    /// So much of something in a minute of CPU time.
    pub fn per_cpu_minute(&self, count: u64) -> f64 {
        count as f64 * 60.0 / self.cpu.as_secs_f64().max(0.001)
    }

    /// Commands of a phone on a day of work.
    pub fn commands_per_day(&self) -> f64 {
        self.phone_commands as f64 / self.device_days.max(1) as f64
    }
}

fn came_out_otherwise() -> Violation {
    let text = "the second run came out otherwise than the first";
    Violation::new(Kind::Failure, text)
}

/// CPU time of this process so far.
pub fn cpu_of_process() -> Duration {
    time_of(ClockId::ProcessCPUTime)
}

/// CPU time of this thread so far.
pub fn cpu_of_thread() -> Duration {
    time_of(ClockId::ThreadCPUTime)
}

fn time_of(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), nanoseconds)
}

/// Runs seeds from `first` on, with these faults whatever they draw: at most `seeds` of them, and none begun
/// after `cpu` was used.
pub fn prove(first: u64, seeds: Option<u64>, cpu: Duration, with: &[Fault]) -> Totals {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let began = cpu_of_process();
    let (next, ended) = (AtomicU64::new(first), AtomicBool::new(false));
    let totals = Mutex::new(Totals::default());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let used = cpu_of_process().saturating_sub(began);
                    if seeds.is_some_and(|seeds| seed - first >= seeds) || used >= cpu {
                        ended.store(true, Ordering::Relaxed);
                        break;
                    }
                    let plan = Plan {
                        seed,
                        swarm: Swarm::drawn_with(seed, with),
                        days: None,
                        tell: false,
                    };
                    let before = cpu_of_thread();
                    let report = run(plan);
                    let cpu = cpu_of_thread().saturating_sub(before);
                    let again = run(plan);
                    if let Ok(mut totals) = totals.lock() {
                        if again != report {
                            totals.violations.push((seed, came_out_otherwise()));
                        }
                        totals.add(report, cpu);
                    }
                }
            });
        }
    });
    let mut totals = totals.into_inner().unwrap_or_default();
    totals.violations.sort_by_key(|(seed, _)| *seed);
    totals.cpu_in_all = cpu_of_process().saturating_sub(began);
    totals
}
