//! The counts at the top of the desk's list.

use std::collections::BTreeMap;

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::{ApiError, ApiJson, Problem};
use crate::AppState;
use crate::auth::devices;
use crate::auth::extract::OfficeAuth;
use crate::read_model::{counts, quarantined_count};
use crate::store::StoreError;

/// How many tickets there are, by what the desk asks first.
#[derive(Serialize, ToSchema)]
#[schema(title = "Overview")]
pub(super) struct OverviewBody {
    /// Neither closed nor cancelled.
    open: u64,
    /// Open and in nobody's hands: status `received`.
    unassigned: u64,
    /// With something that a person has to settle.
    conflicts: u64,
    /// Changesets that a person has to decide about.
    quarantined: u64,
    /// With a clock whose time is over.
    overdue: u64,
    /// With a clock of whose time less than a quarter is left.
    soon: u64,
    /// Suspended, by what they wait for: `parts`, `customer`, `leader`.
    waiting: BTreeMap<String, u64>,
    /// Phones that had work which they had not sent when they were last in touch.
    unsent_phones: u64,
    /// How many in each status that has any.
    by_status: BTreeMap<&'static str, u64>,
}

/// Counts of tickets.
#[utoipa::path(
    get, path = "/v1/overview", tag = "tickets", security(("session" = [])),
    responses((status = 200, body = OverviewBody), (status = 401, body = Problem), (status = 403, body = Problem))
)]
pub(super) async fn show(
    State(state): State<AppState>,
    office: OfficeAuth,
) -> Result<ApiJson<OverviewBody>, ApiError> {
    super::tickets::readable(&office)?;
    let now = state.host.now();
    let (overview, quarantined, unsent_phones) = state
        .db
        .read_async(move |c| {
            let unsent = devices::with_unsent_work(c)?;
            Ok::<_, StoreError>((counts(c, now)?, quarantined_count(c)?, unsent))
        })
        .await?;
    Ok(ApiJson(OverviewBody {
        open: overview.open,
        unassigned: overview.unassigned,
        conflicts: overview.conflicts,
        quarantined,
        overdue: overview.overdue,
        soon: overview.soon,
        waiting: overview.waiting,
        unsent_phones,
        by_status: overview.by_status,
    }))
}
