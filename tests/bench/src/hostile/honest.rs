//! The honest device: a real replica that syncs without a pause, every tenth time with a new note.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{DeviceId, Part, TicketId};
use gongdan_core::replica::{Replica, Seen};
use gongdan_core::sync::keys::DeviceKey;
use gongdan_core::ticket::Command;

use super::Failure;
use super::attacks::{Attack, Attacker};
use super::http;
use super::process::Process;

/// A note comes with every exchange of this number.
const NOTE_EVERY: usize = 10;

/// Durations of exchanges.
#[derive(Debug, Clone, Default)]
pub(super) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(super) fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// The median and the 99th percentile in milliseconds.
    pub(super) fn millis(&self) -> (f64, f64) {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = |part: f64| {
            let place = (sorted.len() as f64 * part) as usize;
            let found = sorted.get(place.min(sorted.len().saturating_sub(1)));
            found.map_or(0.0, |d| d.as_secs_f64() * 1e3)
        };
        (at(0.5), at(0.99))
    }
}

/// Who works beside it.
pub(super) struct Beside<'a> {
    pub(super) attacker: &'a Attacker,
    pub(super) attack: &'a Attack,
    /// What is sent, one after another; a single one again and again.
    pub(super) bodies: &'a [&'a [u8]],
}

/// The device.
pub(super) struct Phone {
    replica: Replica,
    device: DeviceId,
    key: DeviceKey,
    ticket: TicketId,
    exchanges: usize,
    connection: http::Connection,
}

impl Phone {
    pub(super) fn new(
        replica: Replica,
        device: DeviceId,
        key: DeviceKey,
        ticket: TicketId,
    ) -> Self {
        Self {
            replica,
            device,
            key,
            ticket,
            exchanges: 0,
            connection: http::Connection::default(),
        }
    }

    /// One exchange; how long the server took to answer.
    pub(super) fn exchange(&mut self, server: &Process) -> Result<Duration, Failure> {
        self.exchanges += 1;
        if self.exchanges.is_multiple_of(NOTE_EVERY) {
            let note = Command::WriteNote {
                part: Part::Service,
                text: format!("第{}次同步", self.exchanges),
            };
            let now = Timestamp(1_800_000_000 + self.exchanges as i64);
            self.replica.execute(now, self.ticket, &Seen::new(), note)?;
        }
        let body = self.replica.next_request()?;
        let authorization = http::authorization(self.device, &self.key, &body);
        let started = Instant::now();
        let answer = self.connection.post(server, &authorization, &body)?;
        let took = started.elapsed();
        if answer.status != 200 {
            return Err(format!("the honest device is answered {}", answer.status).into());
        }
        self.replica.receive(&answer.body)?;
        Ok(took)
    }

    /// Exchanges for so many seconds, beside an attacker or alone. At the end all that was written is at the server.
    pub(super) fn window(
        &mut self,
        server: &Process,
        seconds: u64,
        beside: Option<Beside<'_>>,
    ) -> Result<Latencies, Failure> {
        let ended = AtomicBool::new(false);
        let mut latencies = Latencies::default();
        std::thread::scope(|scope| {
            let attack = beside.map(|beside| scope.spawn(|| keep_on(server, beside, &ended)));
            let until = Instant::now() + Duration::from_secs(seconds);
            let mut done = Ok(());
            while Instant::now() < until && done.is_ok() {
                done = self.exchange(server).map(|took| latencies.0.push(took));
            }
            ended.store(true, Ordering::Relaxed);
            if let Some(attack) = attack {
                attack.join().map_err(|_| "the attacker panicked")??;
            }
            done
        })?;
        if !self.replica.outbox()?.is_empty() {
            self.exchange(server)?;
        }
        if !self.replica.outbox()?.is_empty() {
            return Err("the honest device's work is not at the server".into());
        }
        Ok(latencies)
    }
}

/// Sends what the attack has until it is over, or nothing is left.
fn keep_on(server: &Process, beside: Beside<'_>, ended: &AtomicBool) -> Result<(), Failure> {
    let Beside {
        attacker,
        attack,
        bodies,
    } = beside;
    let mut n = 0;
    while !ended.load(Ordering::Relaxed) {
        let Some(body) = bodies.get(if attack.repeats { 0 } else { n }) else {
            return Ok(());
        };
        attack.check(attacker, &attacker.post(server, body)?)?;
        n += 1;
    }
    Ok(())
}
