//! `GET /v1/tickets`.

use axum::extract::State;
use gongdan_core::clock::Timestamp;
use gongdan_core::ids::PersonId;
use gongdan_core::ticket::Status;
use gongdan_core::ticket::summary::Summary;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::problem::{ApiError, ApiJson, ApiQuery, Problem};
use super::readable;
use super::spreadsheet::ExportQuery;
use crate::AppState;
use crate::auth::extract::OfficeAuth;
use crate::read_model::{self, Cursor, Due, Filter, Listed, NextClock, Order};

/// Which tickets; an empty value is as good as none.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct ListQuery {
    /// Words, parted by spaces, that number, facts, problem or notes must hold; two characters are enough.
    q: Option<String>,
    /// Name of a status.
    status: Option<String>,
    /// A, B or C.
    grade: Option<String>,
    /// Code of a region.
    region: Option<String>,
    /// Employee number of the crew's lead.
    lead: Option<String>,
    /// Only those with something to settle.
    conflicts: Option<bool>,
    /// `overdue`: with a clock whose time is over; `soon`: with one of whose time less than a quarter is left.
    due: Option<String>,
    /// What a suspended ticket waits for: `parts`, `customer`, `leader`.
    waiting_for: Option<String>,
    /// `newest`, which it is unless given, or `due`: those whose clock is over first, last those that have none.
    order: Option<String>,
    /// Rows of a page, 1 to 200; 50 unless given.
    limit: Option<usize>,
    /// `next` of the page before.
    after: Option<String>,
}

/// A line of the list.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct TicketRow {
    #[serde(flatten)]
    summary: Summary,
    /// The clock that is over first.
    clock: Option<NextClock>,
    /// What a suspended ticket waits for.
    waiting_for: Option<String>,
}

impl From<Listed> for TicketRow {
    fn from(listed: Listed) -> Self {
        Self {
            summary: listed.summary,
            clock: listed.clock,
            waiting_for: listed.waiting_for,
        }
    }
}

/// A page of tickets.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct TicketList {
    items: Vec<TicketRow>,
    /// Where the next page begins; opaque.
    next: Option<String>,
    /// How many tickets there are over all pages.
    total: u64,
}

impl ListQuery {
    /// The same filters, without a page.
    pub(super) fn of_export(query: ExportQuery) -> Self {
        let ExportQuery {
            q,
            status,
            grade,
            region,
            lead,
            conflicts,
            due,
            waiting_for,
            ..
        } = query;
        Self {
            q,
            status,
            grade,
            region,
            lead,
            conflicts,
            due,
            waiting_for,
            order: None,
            limit: None,
            after: None,
        }
    }

    /// What the list lets through at `now`.
    pub(super) fn filter(&self, now: Timestamp) -> Result<Filter, ApiError> {
        let text = |value: &Option<String>| value.clone().filter(|text| !text.trim().is_empty());
        let query = text(&self.q);
        if query
            .as_ref()
            .is_some_and(|query| query.chars().count() > read_model::QUERY_CHARS_MAX)
        {
            return Err(ApiError::malformed("the search is too long"));
        }
        let status = text(&self.status)
            .map(|name| Status::by_name(&name).ok_or(ApiError::malformed("no such status")))
            .transpose()?;
        let lead = text(&self.lead)
            .map(|id| {
                id.parse::<PersonId>()
                    .map_err(|_| ApiError::malformed("lead is no employee number"))
            })
            .transpose()?;
        let due = match text(&self.due).as_deref() {
            None => None,
            Some("overdue") => Some((Due::Overdue, now)),
            Some("soon") => Some((Due::Soon, now)),
            Some(_) => return Err(ApiError::malformed("due is `overdue` or `soon`")),
        };
        let disputed = self.conflicts.unwrap_or(false);
        Ok(Filter {
            query,
            status,
            grade: text(&self.grade),
            region: text(&self.region),
            lead,
            disputed,
            due,
            waiting_for: text(&self.waiting_for),
        })
    }

    fn order(&self) -> Result<Order, ApiError> {
        match self.order.as_deref().unwrap_or_default().trim() {
            "" | "newest" => Ok(Order::Newest),
            "due" => Ok(Order::Due),
            _ => Err(ApiError::malformed("order is `newest` or `due`")),
        }
    }

    fn cursor(&self, order: Order) -> Result<Option<Cursor>, ApiError> {
        let after = self.after.as_deref().filter(|after| !after.is_empty());
        let cursor: Option<Result<Cursor, ()>> = after.map(str::parse);
        match cursor {
            None => Ok(None),
            Some(Ok(cursor)) if cursor.is_of(order) => Ok(Some(cursor)),
            Some(_) => Err(ApiError::malformed("no such page")),
        }
    }
}

/// Tickets by filters and search.
#[utoipa::path(
    get, path = "/v1/tickets", tag = "tickets", security(("session" = [])), params(ListQuery),
    responses(
        (status = 200, body = TicketList), (status = 400, body = Problem, description = "`malformed_request`"),
        (status = 401, body = Problem), (status = 403, body = Problem),
    )
)]
pub(in crate::api) async fn list(
    State(state): State<AppState>,
    office: OfficeAuth,
    ApiQuery(query): ApiQuery<ListQuery>,
) -> Result<ApiJson<TicketList>, ApiError> {
    readable(&office)?;
    let order = query.order()?;
    let (filter, after) = (query.filter(state.host.now())?, query.cursor(order)?);
    let limit = query.limit.unwrap_or(read_model::LIMIT_DEFAULT);
    let page = state
        .db
        .read_async(move |c| read_model::list(c, &filter, order, after, limit))
        .await?;
    Ok(ApiJson(TicketList {
        items: page.items.into_iter().map(Into::into).collect(),
        next: page.next.map(|next| next.to_string()),
        total: page.total,
    }))
}
