//! What the operator watches, in the text format of Prometheus (OpenMetrics 1.0).
//!
//! Invariant: no label holds what somebody wrote, a person, a device or a ticket; how many series there are is
//! bounded by routes, statuses and codes. What the database knows is asked when it is scraped, from indexes.

mod database;
mod listen;

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

pub(crate) use listen::listen;

use crate::AppState;
use crate::store::StoreError;

/// Type of the answer.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// From a millisecond to a minute.
pub(crate) fn seconds() -> Histogram {
    Histogram::new([
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0,
    ])
}

/// From a second to a month.
fn skews() -> Histogram {
    Histogram::new([1.0, 5.0, 30.0, 120.0, 600.0, 3600.0, 86_400.0, 2_592_000.0])
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: String,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Synced {
    outcome: &'static str,
}

/// What is counted while the server runs; clones share it.
#[derive(Debug, Clone)]
pub struct Metrics {
    requests: Family<Answered, Counter>,
    syncs: Family<Synced, Histogram, fn() -> Histogram>,
    skews: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            syncs: Family::new_with_constructor(seconds),
            skews: skews(),
        }
    }
}

impl Metrics {
    /// A request was answered.
    pub(crate) fn answered(&self, method: &str, route: &str, status: u16) {
        let labels = Answered {
            method: method.to_owned(),
            route: route.to_owned(),
            status,
        };
        self.requests.get_or_create(&labels).inc();
    }

    /// A device's sync ended, `took` after its body was there.
    pub(crate) fn synced(&self, is_answered: bool, took: Duration) {
        let outcome = if is_answered { "answered" } else { "refused" };
        let histogram = self.syncs.get_or_create(&Synced { outcome });
        histogram.observe(took.as_secs_f64());
    }

    /// A device's clock said another time, by so many seconds either way.
    pub(crate) fn skewed(&self, seconds: u64) {
        self.skews.observe(seconds as f64);
    }
}

/// Everything, as it is now. Blocks.
///
/// # Errors
/// The database fails.
pub fn text(state: &AppState) -> Result<String, StoreError> {
    let mut registry = Registry::with_prefix("gongdan");
    let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("build", "The program", build);
    let metrics = &state.metrics;
    registry.register(
        "http_requests",
        "Requests answered",
        metrics.requests.clone(),
    );
    registry.register_with_unit(
        "sync",
        "Syncs of devices",
        Unit::Seconds,
        metrics.syncs.clone(),
    );
    registry.register_with_unit(
        "device_clock_skew",
        "How far devices' clocks are off, either way, by request",
        Unit::Seconds,
        metrics.skews.clone(),
    );
    registry.register_with_unit(
        "commit",
        "Durable commits: the log's fsync",
        Unit::Seconds,
        state.db.commits().clone(),
    );
    let now = state.host.now();
    state
        .db
        .read(|c| database::register(&mut registry, c, now))?;
    let mut text = String::new();
    encode_registry(&mut text, &registry)
        .and_then(|()| encode_eof(&mut text))
        .expect("a string takes what is written");
    Ok(text)
}
