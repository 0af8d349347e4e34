//! `GET /v1/tickets/{id}/export`: a ticket with everything that was signed behind it.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use gongdan_core::document::hydrate;
use gongdan_core::ids::Part;
use gongdan_core::policy::Capability;
use gongdan_core::ticket::Ticket;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::problem::{ApiError, ApiJson, ApiPath, Problem};
use super::{index_of, unknown_ticket};
use crate::AppState;
use crate::auth::extract::OfficeAuth;
use crate::evidence::{self, Evidence};
use crate::relay::{documents, tickets};

/// A ticket to take away.
#[derive(Serialize, ToSchema)]
#[schema(title = "TicketExport")]
pub(in crate::api) struct ExportBody {
    /// As its documents say it, all of them.
    ticket: Ticket,
    evidence: Evidence,
}

/// A ticket with its signed changesets and the certificates of the devices behind them, as a file. Asks for a
/// step-up.
#[utoipa::path(
    get, path = "/v1/tickets/{id}/export", tag = "tickets", security(("session" = [])),
    params(("id" = String, Path, description = "Id or number")),
    responses(
        (status = 200, body = ExportBody), (status = 401, body = Problem),
        (status = 403, body = Problem, description = "`forbidden`, `step_up_required`"),
        (status = 404, body = Problem, description = "`unknown_ticket`"),
    )
)]
pub(in crate::api) async fn export(
    State(state): State<AppState>,
    office: OfficeAuth,
    ApiPath(id): ApiPath<String>,
) -> Result<Response, ApiError> {
    office.require_capability(Capability::Export)?;
    office.require_recent(state.host.now())?;
    let organisation = state.organisation_key.public();
    let (ticket, evidence) = state
        .db
        .read_async(move |c| {
            let index = index_of(c, &id)?;
            let row = tickets::by_index(c, index)?.ok_or(unknown_ticket())?;
            let mut docs = Vec::new();
            for part in Part::ALL {
                docs.extend(documents::load(c, index, part)?);
            }
            let ticket = hydrate(row.id, row.number, &docs.iter().collect::<Vec<_>>())
                .ok_or(unknown_ticket())?;
            let evidence = evidence::of_ticket(c, index, &organisation)?;
            Ok::<_, ApiError>((ticket, evidence))
        })
        .await?;
    let file = format!("attachment; filename=\"{}.json\"", ticket.id);
    let file = HeaderValue::from_str(&file).expect("an id fits a header");
    let body = ApiJson(ExportBody { ticket, evidence });
    Ok(([(header::CONTENT_DISPOSITION, file)], body).into_response())
}
