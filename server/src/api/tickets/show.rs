//! `GET /v1/tickets/{id}`.

use std::collections::BTreeMap;

use axum::extract::State;
use gongdan_core::ids::{ActorId, ChangeHash, DeviceId, Part, PersonId};
use gongdan_core::policy::{Relation, Role, may};
use gongdan_core::service_clock::Reading;
use gongdan_core::ticket::{Action, Ticket, lifecycle};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::problem::{ApiError, ApiJson, ApiPath, Problem};
use super::reading::reader;
use super::{index_of, unknown_ticket};
use crate::AppState;
use crate::auth::extract::OfficeAuth;
use crate::read_model::{Author, Detail, NextClock, clocks, detail, next_clock};

/// A ticket in full.
#[derive(Serialize, ToSchema)]
#[schema(title = "TicketDetail")]
pub(in crate::api) struct TicketBody {
    /// As its documents say it: facts, collections, events, unsettled conflicts with all candidates.
    ticket: Ticket,
    /// By part: the heads this answer was read at. A form sends them back with what it writes.
    heads: BTreeMap<Part, Vec<ChangeHash>>,
    /// Who stands behind each actor named in the ticket.
    authors: BTreeMap<ActorId, AuthorBody>,
    /// What the asker may do with the ticket as it stands: advice, the gate decides.
    allowed: Vec<Action>,
    /// What its clocks show now (X1).
    clocks: Vec<Reading>,
    /// Of these the one that is over first, as in the list.
    clock: Option<NextClock>,
}

/// Who wrote, on what.
#[derive(Serialize, ToSchema)]
#[schema(title = "Author")]
pub(in crate::api) struct AuthorBody {
    /// Employee number.
    person: PersonId,
    name: String,
    device: DeviceId,
    device_name: String,
}

impl From<Author> for AuthorBody {
    fn from(author: Author) -> Self {
        Self {
            person: author.person,
            name: author.name,
            device: author.device,
            device_name: author.device_name,
        }
    }
}

/// What these roles may do with a ticket as it stands.
fn allowed(roles: &[Role], relation: Relation, detail: &Detail) -> Vec<Action> {
    Action::ALL
        .into_iter()
        .filter(|action| lifecycle::is_lawful(*action, Some(detail.ticket.status)))
        .filter(|action| *action != Action::Close || detail.ticket.covered)
        .filter(|action| may(roles, relation, *action))
        .collect()
}

/// A ticket by id or number, as far as the asker may read it.
#[utoipa::path(
    get, path = "/v1/tickets/{id}", tag = "tickets", security(("session" = [])),
    params(("id" = String, Path, description = "Id or number")),
    responses(
        (status = 200, body = TicketBody), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem, description = "`unknown_ticket`"),
    )
)]
pub(in crate::api) async fn show(
    State(state): State<AppState>,
    office: OfficeAuth,
    ApiPath(id): ApiPath<String>,
) -> Result<ApiJson<TicketBody>, ApiError> {
    let roles = office.roles.clone();
    let now = state.host.now();
    let (found, relation, clocks) = state
        .db
        .read_async(move |c| {
            let index = index_of(c, &id)?;
            let reader = reader(c, &office, index)?;
            let found = detail(c, index, &reader.parts)?;
            let clocks = match &found {
                Some(found) => clocks(c, index, &found.ticket, now)?,
                None => Vec::new(),
            };
            Ok::<_, ApiError>((found, reader.relation, clocks))
        })
        .await?;
    let found = found.ok_or(unknown_ticket())?;
    let allowed = allowed(&roles, relation, &found);
    let authors = found
        .authors
        .into_iter()
        .map(|(actor, author)| (actor, author.into()))
        .collect();
    Ok(ApiJson(TicketBody {
        ticket: found.ticket,
        heads: found.heads,
        authors,
        allowed,
        clock: next_clock(&clocks),
        clocks,
    }))
}
