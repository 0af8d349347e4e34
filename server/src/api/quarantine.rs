//! What waits for a person's decision, and deciding it.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{ChangesetHash, Part, PersonId, TicketId};
use gongdan_core::policy::Capability;
use gongdan_core::sync::verdict::{HeldWhy, QuarantineReason, Verdict};
use gongdan_core::ticket::Command;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::problem::{ApiError, ApiJson, ApiPath, ApiQuery, Problem};
use crate::AppState;
use crate::auth::extract::OfficeAuth;
use crate::read_model::{self, QuarantineCursor, Quarantined};
use crate::relay::{DecideError, Decision};
use crate::store::{StoreError, blocking};

/// A changeset that is kept and not in its ticket.
#[derive(Serialize, ToSchema)]
#[schema(title = "Quarantined")]
pub(super) struct Item {
    /// Its hash, by which it is decided.
    changeset: ChangesetHash,
    ticket: TicketId,
    /// The ticket's number, or its provisional label.
    label: String,
    /// `service`, `customer` or `office`.
    part: Part,
    /// Employee number.
    person: PersonId,
    name: String,
    /// Why it waits.
    reason: QuarantineReason,
    received_at: Timestamp,
    /// What was meant, in order.
    commands: Vec<Command>,
}

impl From<Quarantined> for Item {
    fn from(item: Quarantined) -> Self {
        Self {
            changeset: item.changeset,
            ticket: item.ticket,
            label: item.label,
            part: item.part,
            person: item.person,
            name: item.name,
            reason: item.reason,
            received_at: item.received_at,
            commands: item.commands,
        }
    }
}

/// Which; an empty value is as good as none.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct QuarantineQuery {
    /// Only those that wait for this reason.
    reason: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    /// Items of a page, 1 to 200; 50 unless given.
    limit: Option<usize>,
}

/// What customers signed first, then the oldest.
#[derive(Serialize, ToSchema)]
pub(super) struct Items {
    items: Vec<Item>,
    /// Where the next page begins; opaque. `null` where there is none.
    next: Option<String>,
    /// How many wait for each reason, whatever is asked for.
    waiting: BTreeMap<String, u64>,
}

/// What waits for a decision.
#[utoipa::path(
    get, path = "/v1/quarantine", tag = "quarantine", security(("session" = [])), params(QuarantineQuery),
    responses(
        (status = 200, body = Items), (status = 400, body = Problem, description = "`malformed_request`"),
        (status = 401, body = Problem), (status = 403, body = Problem),
    )
)]
pub(super) async fn list(
    State(state): State<AppState>,
    office: OfficeAuth,
    ApiQuery(query): ApiQuery<QuarantineQuery>,
) -> Result<ApiJson<Items>, ApiError> {
    let parts = super::tickets::readable(&office)?;
    let given = |value: Option<String>| value.filter(|value| !value.is_empty());
    let reason: Option<QuarantineReason> = given(query.reason)
        .map(|code| serde_json::from_value(code.into()))
        .transpose()
        .map_err(|_| ApiError::malformed("no such reason"))?;
    let after: Option<QuarantineCursor> = given(query.after)
        .map(|after| after.parse())
        .transpose()
        .map_err(|()| ApiError::malformed("no such page"))?;
    let limit = query.limit.unwrap_or(read_model::ITEMS_DEFAULT);
    let (page, waiting) = state
        .db
        .read_async(move |c| {
            let page = read_model::quarantined(c, reason, after, limit)?;
            Ok::<_, StoreError>((page, read_model::quarantined_by_reason(c)?))
        })
        .await?;
    let items = page.items.into_iter();
    let items = items.filter(|item| parts.contains(&item.part));
    Ok(ApiJson(Items {
        items: items.map(Item::from).collect(),
        next: page.next.map(|next| next.to_string()),
        waiting,
    }))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum DecisionBody {
    /// It comes in, whatever its author's rights are now.
    Admit,
    /// It does not; its author can still read it.
    Decline,
}

#[derive(Deserialize, ToSchema)]
pub(super) struct DecisionRequest {
    decision: DecisionBody,
}

/// What became of it.
#[derive(Serialize, ToSchema)]
pub(super) struct Decided {
    /// One verdict; an admission may still fail by what it would write.
    verdicts: Vec<Verdict>,
}

/// Decides a changeset, with all that depends on it. For dispatchers and supervisors.
#[utoipa::path(
    post, path = "/v1/quarantine/{changeset}", tag = "quarantine", security(("session" = [])),
    params(("changeset" = String, Path, description = "Its hash in hexadecimal")),
    request_body = DecisionRequest,
    responses(
        (status = 200, body = Decided), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem, description = "`not_quarantined`: unknown, or decided already"),
        (status = 409, body = Problem, description = "`not_admissible`: what it builds on is not in its ticket, so \
            nothing was changed; `detail` names what is missing"),
    )
)]
pub(super) async fn decide(
    State(state): State<AppState>,
    office: OfficeAuth,
    ApiPath(changeset): ApiPath<String>,
    ApiJson(request): ApiJson<DecisionRequest>,
) -> Result<ApiJson<Decided>, ApiError> {
    const NOT_QUARANTINED: ApiError = ApiError::new(StatusCode::NOT_FOUND, "not_quarantined");
    office.require_capability(Capability::Decide)?;
    let hash: ChangesetHash = changeset.parse().map_err(|_| NOT_QUARANTINED)?;
    let decision = match request.decision {
        DecisionBody::Admit => Decision::Admit,
        DecisionBody::Decline => Decision::Decline,
    };
    let (relay, now) = (state.relay.clone(), state.host.now());
    let verdict = blocking(move || relay.decide(now, &office.person, hash, decision)).await;
    match verdict {
        Ok(verdict) => Ok(ApiJson(Decided {
            verdicts: vec![verdict],
        })),
        Err(DecideError::NotQuarantined) => Err(NOT_QUARANTINED),
        Err(DecideError::NotAdmissible { verdict }) => Err(not_admissible(&verdict)),
        Err(DecideError::Store(error)) => Err(error.into()),
    }
}

/// It would be held, or stay where it is: in either case for want of what it builds on.
fn not_admissible(verdict: &Verdict) -> ApiError {
    let missing = match verdict {
        Verdict::Held {
            why: HeldWhy::Incomplete,
        } => "other parts of its act never came",
        Verdict::Held {
            why: HeldWhy::OtherHash,
        } => "it does not come out as its author had it",
        Verdict::Quarantined { .. } => "what it builds on waits for a decision itself",
        _ => "changes that it builds on never came",
    };
    ApiError::new(StatusCode::CONFLICT, "not_admissible").detail(missing)
}
