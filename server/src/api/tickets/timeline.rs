//! `GET /v1/tickets/{id}/timeline`.

use axum::extract::State;
use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{DeviceId, Part, PersonId};
use gongdan_core::ticket::Command;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::problem::{ApiError, ApiJson, ApiPath, Problem};
use super::index_of;
use super::reading::reader;
use crate::AppState;
use crate::auth::extract::OfficeAuth;
use crate::read_model::{self, Entry};

/// What happened to a ticket.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct Timeline {
    entries: Vec<TimelineEntry>,
}

/// One signed changeset.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct TimelineEntry {
    /// Its place in the log.
    seq: u64,
    /// `service`, `customer` or `office`.
    part: Part,
    /// Employee number.
    person: PersonId,
    name: String,
    device: DeviceId,
    device_name: String,
    /// What the device's clock said.
    claimed_at: Timestamp,
    /// It happened before this.
    received_at: Timestamp,
    /// And after this, where anything proves it.
    earliest: Option<Timestamp>,
    /// What was meant, in order.
    commands: Vec<Command>,
    /// How it met what others wrote meanwhile: `none`, `soft` (other fields) or `hard` (the same).
    merged: String,
    /// Its author was not assigned any more when it came; he was when he wrote it.
    marked: bool,
}

impl From<Entry> for TimelineEntry {
    fn from(entry: Entry) -> Self {
        Self {
            seq: entry.seq,
            part: entry.part,
            person: entry.person,
            name: entry.name,
            device: entry.device,
            device_name: entry.device_name,
            claimed_at: entry.claimed_at,
            received_at: entry.received_at,
            earliest: entry.earliest,
            commands: entry.commands,
            merged: entry.merged,
            marked: entry.marked,
        }
    }
}

/// A ticket's timeline from the signed changesets, in the order they were admitted.
#[utoipa::path(
    get, path = "/v1/tickets/{id}/timeline", tag = "tickets", security(("session" = [])),
    params(("id" = String, Path, description = "Id or number")),
    responses(
        (status = 200, body = Timeline), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem, description = "`unknown_ticket`"),
    )
)]
pub(in crate::api) async fn timeline(
    State(state): State<AppState>,
    office: OfficeAuth,
    ApiPath(id): ApiPath<String>,
) -> Result<ApiJson<Timeline>, ApiError> {
    let entries = state
        .db
        .read_async(move |c| {
            let index = index_of(c, &id)?;
            let reader = reader(c, &office, index)?;
            Ok::<_, ApiError>(read_model::timeline(c, index, &reader.parts)?)
        })
        .await?;
    Ok(ApiJson(Timeline {
        entries: entries.into_iter().map(TimelineEntry::from).collect(),
    }))
}
