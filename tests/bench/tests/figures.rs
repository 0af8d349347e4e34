//! The figures that the product promises, on the standard work. Counts, so exact.
#![expect(clippy::print_stdout, reason = "the figures are to be seen")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use gongdan_bench::contender::Contender;
use gongdan_bench::ours::Gongdan;
use gongdan_bench::standard_work::{STANDARD_SEED, StandardWork};
use gongdan_core::limits::PAGE_BYTES_MAX;

#[test]
fn the_standard_work_of_500_tickets_stays_within_its_figures() {
    let work = StandardWork::generate(STANDARD_SEED, 500);
    let mut ours = Gongdan::default();
    ours.prepare(&work).unwrap();

    let idle = ours.idle().unwrap().unwrap();
    assert_eq!(idle.round_trips, 1);
    assert!(idle.bytes() <= 240, "idle: {} bytes", idle.bytes());
    assert_eq!(ours.loads_idle(), 0, "idle loads no document");

    let reconnect = ours.reconnect().unwrap().unwrap();
    assert_eq!(reconnect.round_trips, 1);
    assert!(
        reconnect.bytes() <= 21_000,
        "reconnect: {} bytes",
        reconnect.bytes()
    );

    let first = ours.first_sync().unwrap().unwrap();
    println!(
        "{idle:?}\n{reconnect:?}\n{first:?}\nlargest page {}",
        ours.largest_answer()
    );
    assert!(
        first.bytes() <= 520_000,
        "first sync: {} bytes",
        first.bytes()
    );
    assert_eq!(first.round_trips, first.pages, "one round trip a page");
    assert!(
        ours.largest_answer() <= PAGE_BYTES_MAX as u64,
        "largest page: {} bytes",
        ours.largest_answer()
    );
}

#[test]
fn idle_costs_the_same_whatever_the_number_of_tickets() {
    let idle = |tickets| {
        let mut ours = Gongdan::default();
        ours.prepare(&StandardWork::generate(STANDARD_SEED, tickets))
            .unwrap();
        assert_eq!(ours.loads_idle(), 0);
        ours.idle().unwrap().unwrap()
    };
    let (few, many) = (idle(20), idle(200));
    for idle in [few, many] {
        assert_eq!(idle.round_trips, 1);
        assert!(idle.bytes() <= 240, "idle: {} bytes", idle.bytes());
    }
    println!("idle: {} and {} bytes", few.bytes(), many.bytes());
    // The cursor's numbers are a byte or two longer.
    assert!(
        few.bytes().abs_diff(many.bytes()) <= 8,
        "{} and {} bytes",
        few.bytes(),
        many.bytes()
    );
}
