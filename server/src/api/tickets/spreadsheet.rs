//! `GET /v1/tickets/export`: the list of tickets as a file for spreadsheet programs.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use gongdan_core::policy::Capability;
use serde::Deserialize;
use tokio::sync::Semaphore;
use utoipa::{IntoParams, ToSchema};

use super::super::problem::{ApiError, ApiQuery, Problem};
use super::list::ListQuery;
use super::readable;
use crate::AppState;
use crate::auth::extract::OfficeAuth;
use crate::organisation;
use crate::read_model::{self, Cursor, Filter, LIMIT_MAX, Order, Page};
use crate::spreadsheet::{
    BYTE_ORDER_MARK, CSV_ROWS_MAX, Cell, Language, SpreadsheetError, Vocabulary, XLSX_ROWS_MAX,
    lines, workbook,
};
use crate::store::{StoreError, blocking};

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
/// A workbook takes memory while it is made: one after another.
static WORKBOOKS: Semaphore = Semaphore::const_new(1);

/// A kind of file.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum FileFormat {
    Csv,
    Xlsx,
}

impl FileFormat {
    const fn rows_max(self) -> u64 {
        match self {
            Self::Csv => CSV_ROWS_MAX,
            Self::Xlsx => XLSX_ROWS_MAX,
        }
    }

    const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }
}

/// Which tickets, and as what; the filters are those of the list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct ExportQuery {
    /// Of which kind the file is.
    #[param(inline)]
    format: FileFormat,
    /// Of the headings and of what codes mean; Chinese unless given.
    #[serde(default)]
    #[param(inline, required = false)]
    language: Language,
    /// Words, parted by spaces, that number, facts, problem or notes must hold.
    pub(super) q: Option<String>,
    /// Name of a status.
    pub(super) status: Option<String>,
    /// A, B or C.
    pub(super) grade: Option<String>,
    /// Code of a region.
    pub(super) region: Option<String>,
    /// Employee number of the crew's lead.
    pub(super) lead: Option<String>,
    /// Only those with something to settle.
    pub(super) conflicts: Option<bool>,
    /// `overdue` or `soon`.
    pub(super) due: Option<String>,
    /// What a suspended ticket waits for.
    pub(super) waiting_for: Option<String>,
}

/// The tickets that filters let through, as a file: CSV (UTF-8 with its mark, every cell quoted, formulas made
/// text by an apostrophe) or XLSX (texts as texts). Asks for a step-up.
#[utoipa::path(
    get, path = "/v1/tickets/export", tag = "tickets", security(("session" = [])), params(ExportQuery),
    responses(
        (status = 200, description = "The newest first; `Content-Disposition` names the file",
            content((String = "text/csv"), (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"))),
        (status = 400, body = Problem, description = "`malformed_request`"), (status = 401, body = Problem),
        (status = 403, body = Problem, description = "`forbidden`, `step_up_required`"),
        (status = 422, body = Problem, description = "`too_many`: 200,000 rows of CSV and 20,000 of XLSX can be; filter"),
    )
)]
pub(in crate::api) async fn export_list(
    State(state): State<AppState>,
    office: OfficeAuth,
    ApiQuery(query): ApiQuery<ExportQuery>,
) -> Result<Response, ApiError> {
    office.require_capability(Capability::Export)?;
    readable(&office)?;
    let now = state.host.now();
    office.require_recent(now)?;
    let (format, language) = (query.format, query.language);
    let filter = ListQuery::of_export(query).filter(state.host.now())?;
    let asked = filter.clone();
    let (catalogue, first) = state
        .db
        .read_async(move |c| {
            let catalogue = organisation::current(c)?;
            Ok::<_, StoreError>((
                catalogue,
                read_model::list(c, &asked, Order::Newest, None, LIMIT_MAX)?,
            ))
        })
        .await?;
    if first.total > format.rows_max() {
        let problem = ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "too_many");
        return Err(problem.detail("more tickets than a file of this kind takes; filter them"));
    }
    let vocabulary = Arc::new(Vocabulary::new(language, catalogue));
    let name = format!("{}.{}", vocabulary.date(now), format.extension());
    let disposition = disposition(vocabulary.sheet(), &name);
    let (kind, body) = match format {
        FileFormat::Csv => (
            "text/csv; charset=utf-8",
            csv(state, filter, vocabulary, first)?,
        ),
        FileFormat::Xlsx => (XLSX, xlsx(state, filter, vocabulary, first).await?),
    };
    let head = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((head, body).into_response())
}

/// A name in ASCII, and the same in the language of the file (RFC 6266 §4.3, RFC 8187).
fn disposition(title: &str, name: &str) -> HeaderValue {
    let encoded: String = title.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let text =
        format!("attachment; filename=\"tickets-{name}\"; filename*=UTF-8''{encoded}-{name}");
    HeaderValue::from_str(&text).expect("ASCII fits a header")
}

fn made(rows: Result<Vec<u8>, SpreadsheetError>) -> Result<Bytes, ApiError> {
    rows.map(Bytes::from)
        .map_err(|error| ApiError::internal(&error))
}

fn cells(vocabulary: &Vocabulary, page: &Page) -> Vec<[Cell; 14]> {
    let items = page.items.iter();
    items
        .map(|listed| vocabulary.cells(&listed.summary))
        .collect()
}

/// Page by page, as it is read: nothing of it is held.
fn csv(
    state: AppState,
    filter: Filter,
    vocabulary: Arc<Vocabulary>,
    first: Page,
) -> Result<Body, ApiError> {
    let headings = vocabulary
        .headings()
        .map(|name| Cell::Text(name.to_owned()));
    let mut head = BYTE_ORDER_MARK.as_bytes().to_vec();
    head.extend(made(lines([&headings]))?);
    head.extend(made(lines(&cells(&vocabulary, &first)))?);
    let rest = stream::try_unfold((first.next, CSV_ROWS_MAX), move |(after, left)| {
        let (state, filter, vocabulary) = (state.clone(), filter.clone(), vocabulary.clone());
        async move {
            // What is opened meanwhile comes before the first page and is not read; this bounds it all the same.
            let (Some(after), true) = (after, left > 0) else {
                return Ok(None);
            };
            let page = page(&state, filter, after).await?;
            let bytes = made(lines(&cells(&vocabulary, &page)))?;
            let left = left.saturating_sub(page.items.len() as u64);
            Ok::<_, ApiError>(Some((bytes, (page.next, left))))
        }
    });
    let first = stream::once(async move { Ok(Bytes::from(head)) });
    // A file that cannot be read to its end ends in a broken connection, not in what looks like a whole one.
    let all = first
        .chain(rest)
        .map_err(|error| std::io::Error::other(error.code()));
    Ok(Body::from_stream(all))
}

async fn xlsx(
    state: AppState,
    filter: Filter,
    vocabulary: Arc<Vocabulary>,
    first: Page,
) -> Result<Body, ApiError> {
    let _turn = WORKBOOKS.acquire().await;
    let mut rows = cells(&vocabulary, &first);
    let mut next = first.next;
    while let Some(after) = next
        && (rows.len() as u64) < XLSX_ROWS_MAX
    {
        let page = page(&state, filter.clone(), after).await?;
        rows.extend(cells(&vocabulary, &page));
        next = page.next;
    }
    let bytes = blocking(move || made(workbook(&vocabulary, &rows))).await?;
    Ok(Body::from(bytes))
}

async fn page(state: &AppState, filter: Filter, after: Cursor) -> Result<Page, ApiError> {
    let read = state
        .db
        .read_async(move |c| read_model::list(c, &filter, Order::Newest, Some(after), LIMIT_MAX));
    read.await.map_err(|error: StoreError| error.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_in_ascii_and_in_its_language() {
        assert_eq!(
            disposition("工单", "20261125.csv"),
            "attachment; filename=\"tickets-20261125.csv\"; filename*=UTF-8''%E5%B7%A5%E5%8D%95-20261125.csv"
        );
    }
}
