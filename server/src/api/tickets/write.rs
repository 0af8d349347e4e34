//! `POST /v1/tickets` and `POST /v1/tickets/{id}/commands`: what people at the desk mean.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use gongdan_core::document::check;
use gongdan_core::ids::{ChangeHash, Part, TicketId, TicketNumber};
use gongdan_core::limits;
use gongdan_core::sync::verdict::Verdict;
use gongdan_core::ticket::{Act, Command};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::problem::{ApiError, ApiJson, ApiPath, Problem};
use super::reading::{at_console, reader};
use super::refusal::{coerce, not_admitted, problem, unknown_code};
use super::{index_of, unknown_ticket};
use crate::AppState;
use crate::auth::extract::OfficeAuth;
use crate::read_model;
use crate::relay::desk::Seen;
use crate::relay::{DeskError, DeskOutcome};
use crate::store::blocking;

#[derive(Deserialize, ToSchema)]
pub(in crate::api) struct CommandsRequest {
    /// By part: the heads that the form was opened on, from `GET /v1/tickets/{id}`. What was written since
    /// is not overwritten but becomes a conflict. A part that is not named is taken as it is.
    #[serde(default)]
    seen: BTreeMap<Part, Vec<ChangeHash>>,
    /// Commands by their names in snake case, admitted together or not at all.
    #[schema(example = json!([{"correct": {"field": "model", "value": "KFR-35GW"}}]))]
    commands: Vec<Command>,
}

/// The gate's answer, one verdict for each part written.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct Verdicts {
    verdicts: Vec<Verdict>,
}

#[derive(Deserialize, ToSchema)]
pub(in crate::api) struct OpenRequest {
    /// `open`, and `record_customer` beside it.
    commands: Vec<Command>,
}

/// The new ticket.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct Opened {
    id: TicketId,
    number: Option<TicketNumber>,
}

/// Executes commands on what the person saw.
#[utoipa::path(
    post, path = "/v1/tickets/{id}/commands", tag = "tickets", security(("session" = [])),
    params(("id" = String, Path, description = "Id or number")),
    request_body = CommandsRequest,
    responses(
        (status = 200, body = Verdicts), (status = 400, body = Problem, description = "`malformed_body`"),
        (status = 401, body = Problem), (status = 403, body = Problem, description = "`forbidden`, `denied`"),
        (status = 404, body = Problem, description = "`unknown_ticket`"),
        (status = 409, body = Problem, description = "`unknown_heads`, `not_lawful`, `no_effect`, `not_admitted`"),
        (status = 422, body = Problem, description = "`misfit`, `unknown_code`, `field_not_here`, \
            `too_many`, `no_such_item`, `splice_outside`, `lead_not_in_crew`, `not_an_act`, `document_full`; \
            `pointer` says where in the body"),
    )
)]
pub(in crate::api) async fn execute(
    State(state): State<AppState>,
    office: OfficeAuth,
    ApiPath(id): ApiPath<String>,
    ApiJson(request): ApiJson<CommandsRequest>,
) -> Result<ApiJson<Verdicts>, ApiError> {
    let asking = office.clone();
    let ticket = state
        .db
        .read_async(move |c| {
            reader(c, &asking, index_of(c, &id)?)?;
            Ok::<_, ApiError>(read_model::id_of(c, &id)?)
        })
        .await?;
    let ticket = ticket.ok_or(unknown_ticket())?;
    let outcome = act(
        &state,
        &office,
        Some(ticket),
        request.seen,
        request.commands,
    )
    .await?;
    let verdicts = outcome
        .verdicts
        .into_iter()
        .map(|(_, verdict)| verdict)
        .collect();
    Ok(ApiJson(Verdicts { verdicts }))
}

/// Takes a request in (R15–R27): a new ticket with its number.
#[utoipa::path(
    post, path = "/v1/tickets", tag = "tickets", security(("session" = [])),
    request_body = OpenRequest,
    responses(
        (status = 201, body = Opened), (status = 400, body = Problem, description = "`malformed_body`"),
        (status = 401, body = Problem), (status = 403, body = Problem, description = "`forbidden`, `denied`"),
        (status = 409, body = Problem, description = "`not_lawful`, `not_admitted`"),
        (status = 422, body = Problem, description = "`misfit`, `unknown_code`, `field_not_here`, \
            `too_many`, `no_such_item`, `splice_outside`, `lead_not_in_crew`, `not_an_act`, `document_full`; \
            `pointer` says where in the body"),
    )
)]
pub(in crate::api) async fn open(
    State(state): State<AppState>,
    office: OfficeAuth,
    ApiJson(request): ApiJson<OpenRequest>,
) -> Result<(StatusCode, ApiJson<Opened>), ApiError> {
    at_console(&office)?;
    let outcome = act(&state, &office, None, Seen::new(), request.commands).await?;
    Ok((
        StatusCode::CREATED,
        ApiJson(Opened {
            id: outcome.ticket,
            number: outcome.number,
        }),
    ))
}

async fn act(
    state: &AppState,
    office: &OfficeAuth,
    ticket: Option<TicketId>,
    seen: Seen,
    commands: Vec<Command>,
) -> Result<DeskOutcome, ApiError> {
    if commands.len() > limits::CHANGESET_COMMANDS_MAX {
        return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "too_many"));
    }
    let commands: Vec<Command> = commands.into_iter().map(coerce).collect();
    let (relay, person, now) = (state.relay.clone(), office.person.clone(), state.host.now());
    let act = Act(commands.clone());
    let outcome = blocking(move || relay.execute(now, &person, ticket, &seen, &act)).await;
    outcome.map_err(|error| refused(&commands, error))
}

fn refused(commands: &[Command], error: DeskError) -> ApiError {
    match error {
        DeskError::UnknownTicket => unknown_ticket(),
        DeskError::UnknownHeads => ApiError::new(StatusCode::CONFLICT, "unknown_heads"),
        DeskError::Empty => ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "not_an_act"),
        DeskError::UnknownCode { place, subject } => unknown_code(commands, place, &subject),
        DeskError::Inexecutable(why) => {
            // What a command's form says, its form tells again; what the document says is of one command
            // where there is but one.
            let malformed = commands
                .iter()
                .position(|command| check(command).as_ref() == Err(&why));
            let place = malformed.or((commands.len() == 1).then_some(0));
            problem(
                commands,
                place,
                &gongdan_core::sync::verdict::Refusal::Inexecutable { why },
            )
        }
        DeskError::NotAdmitted {
            verdict: Verdict::Refused { command, reason },
        } => {
            // The gate counts within a part.
            let one_part = commands
                .windows(2)
                .all(|pair| pair[0].part() == pair[1].part());
            let place = usize::try_from(command).ok().filter(|_| one_part);
            problem(commands, place, &reason)
        }
        DeskError::NotAdmitted { .. } => not_admitted(),
        DeskError::Store(error) => error.into(),
    }
}
