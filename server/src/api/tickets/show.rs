//! `GET /v1/tickets/{id}`.

use std::collections::BTreeMap;

use axum::extract::State;
use gongdan_core::ids::{ActorId, ChangeHash, DeviceId, Part, PersonId};
use gongdan_core::policy::{Grant, Role, grant};
use gongdan_core::ticket::{Action, Ticket, lifecycle};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::problem::{ApiError, ApiJson, ApiPath, Problem};
use super::{index_of, readable, unknown_ticket};
use crate::AppState;
use crate::auth::extract::OfficeAuth;
use crate::read_model::{Author, Detail, detail};

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
fn allowed(roles: &[Role], person: &PersonId, detail: &Detail) -> Vec<Action> {
    let crew = detail.ticket.crew.contains(person);
    let opened = detail.opener == *person && detail.ticket.crew.is_empty();
    let may = |action: Action| {
        roles.iter().any(|role| match grant(*role, action) {
            Grant::No => false,
            Grant::Own => crew,
            Grant::OwnOrOpened => crew || opened,
            Grant::All => true,
        })
    };
    let lawful = |action: Action| lifecycle::is_lawful(action, Some(detail.ticket.status));
    Action::ALL
        .into_iter()
        .filter(|action| lawful(*action) && may(*action))
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
    let parts = readable(&office)?;
    let found = state
        .db
        .read_async(move |c| Ok::<_, ApiError>(detail(c, index_of(c, &id)?, &parts)?))
        .await?;
    let found = found.ok_or(unknown_ticket())?;
    let allowed = allowed(&office.roles, &office.person, &found);
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
    }))
}
