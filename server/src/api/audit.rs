//! `GET /v1/audit`: who did, read and exported what.

use axum::extract::State;
use gongdan_core::clock::Timestamp;
use gongdan_core::ids::PersonId;
use gongdan_core::policy::Capability;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::problem::{ApiError, ApiJson, ApiQuery, Problem};
use crate::AppState;
use crate::audit::{self, Action, Entry, Filter};
use crate::auth::extract::OfficeAuth;
use crate::backup::hex;
use crate::read_model;
use crate::relay::tickets;

/// Which entries; an empty value is as good as none.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditQuery {
    /// Employee number: what they did at the console or by a phone.
    person: Option<String>,
    /// Name of an action.
    action: Option<String>,
    /// Id or number of a ticket that entries name.
    ticket: Option<String>,
    /// Only entries before this one.
    before: Option<u64>,
    /// Entries of a page, 1 to 500; 100 unless given.
    limit: Option<usize>,
}

/// One entry of the chain.
#[derive(Serialize, ToSchema)]
#[schema(title = "AuditEntry")]
pub(super) struct EntryBody {
    seq: u64,
    at: Timestamp,
    /// `person:<employee number>`, `device:<id>`, `operator` (a command on the server's machine), or `server`.
    actor: String,
    /// Employee number; of a phone, whose it is.
    person: Option<PersonId>,
    person_name: Option<String>,
    device_name: Option<String>,
    action: String,
    /// Ids and counts; `status` where the request was refused.
    #[schema(value_type = Object)]
    detail: audit::Detail,
    /// SHA-256 over this entry and the hash before it, in hexadecimal.
    hash: String,
}

/// The newest first.
#[derive(Serialize, ToSchema)]
#[schema(title = "AuditPage")]
pub(super) struct AuditPage {
    entries: Vec<EntryBody>,
    /// `before` of the next page; `null` where there is none.
    next: Option<u64>,
}

impl From<Entry> for EntryBody {
    fn from(entry: Entry) -> Self {
        let (person, person_name) = entry.person.unzip();
        Self {
            seq: entry.seq,
            at: entry.at,
            actor: entry.actor,
            person,
            person_name,
            device_name: entry.device,
            action: entry.action,
            detail: entry.detail,
            hash: hex(&entry.hash),
        }
    }
}

/// Entries of the audit chain. For administrators and auditors.
#[utoipa::path(
    get, path = "/v1/audit", tag = "audit", security(("session" = [])), params(AuditQuery),
    responses(
        (status = 200, body = AuditPage), (status = 400, body = Problem, description = "`malformed_request`"),
        (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem, description = "`unknown_ticket`"),
    )
)]
pub(super) async fn list(
    State(state): State<AppState>,
    office: OfficeAuth,
    ApiQuery(query): ApiQuery<AuditQuery>,
) -> Result<ApiJson<AuditPage>, ApiError> {
    office.require_capability(Capability::Audit)?;
    let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let person = given(query.person)
        .map(|id| {
            id.parse()
                .map_err(|_| ApiError::malformed("person is no employee number"))
        })
        .transpose()?;
    let action = given(query.action)
        .map(|name| {
            let known = Action::ALL.into_iter().find(|action| action.name() == name);
            known.ok_or(ApiError::malformed("no such action"))
        })
        .transpose()?;
    let limit = query
        .limit
        .unwrap_or(audit::LIMIT_DEFAULT)
        .clamp(1, audit::LIMIT_MAX);
    let (name, before) = (given(query.ticket), query.before);
    let entries = state
        .db
        .read_async(move |c| {
            let ticket = match name {
                None => None,
                Some(name) => {
                    let index = read_model::find(c, &name)?;
                    let row = index.map(|index| tickets::by_index(c, index)).transpose()?;
                    let row = row.flatten().ok_or(super::tickets::unknown_ticket())?;
                    Some((row.id, row.number))
                }
            };
            let filter = Filter {
                person,
                action,
                ticket,
                before,
            };
            Ok::<_, ApiError>(audit::list(c, &filter, limit)?)
        })
        .await?;
    let next = entries
        .last()
        .filter(|last| entries.len() == limit && last.seq > 1)
        .map(|last| last.seq);
    Ok(ApiJson(AuditPage {
        entries: entries.into_iter().map(EntryBody::from).collect(),
        next,
    }))
}
