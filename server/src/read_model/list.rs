//! Lists of tickets: filters, search by two characters, pages.
//!
//! Invariant: the newest first by admission is an order that never changes, so that its pages are complete and
//! without doubles whatever happens to the tickets meanwhile; every filter has an index that gives this
//! order, because an index of SQLite ends in the row's key. The order by clocks moves as tickets do: there a ticket
//! whose clock changed between two pages may be seen twice or not at all.

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{PersonId, TicketId};
use gongdan_core::service_clock::Clock;
use gongdan_core::sync::request_auth::{base64url, unbase64url};
use gongdan_core::ticket::Status;
use gongdan_core::ticket::summary::{Summary, grams};
use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, Row, params_from_iter};

use super::NextClock;
use super::write::key;
use crate::store::StoreError;

/// Rows of a page at most.
pub const LIMIT_MAX: usize = 200;
/// Rows of a page unless asked otherwise.
pub const LIMIT_DEFAULT: usize = 50;
/// Characters of a search.
pub const QUERY_CHARS_MAX: usize = 100;

/// Which tickets; everything that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Words, parted by spaces, that number, label, facts, problem or notes must hold.
    pub query: Option<String>,
    /// Status.
    pub status: Option<Status>,
    /// A, B or C.
    pub grade: Option<String>,
    /// Code of the region.
    pub region: Option<String>,
    /// Who leads the crew.
    pub lead: Option<PersonId>,
    /// Only those with something to settle.
    pub disputed: bool,
    /// What their clocks say at an instant.
    pub due: Option<(Due, Timestamp)>,
    /// What a suspended ticket waits for: `parts`, `customer`, `leader`.
    pub waiting_for: Option<String>,
}

/// What the clock that is over first says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Its time is over.
    Overdue,
    /// It is not, but less than a quarter of it is left.
    Soon,
}

/// In which order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest first.
    #[default]
    Newest,
    /// Those whose clock is over first; last those without one that runs.
    Due,
}

/// Where a page ended. Its text form is opaque to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    index: u64,
    /// In the order by clocks.
    due_at: Option<i64>,
}

impl Cursor {
    /// Whether a page of this order ended there.
    pub fn is_of(self, order: Order) -> bool {
        self.due_at.is_some() == (order == Order::Due)
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let due = self.due_at.map(i64::to_be_bytes);
        let due = due.as_ref().map_or(&[][..], |bytes| bytes.as_slice());
        let bytes = [self.index.to_be_bytes().as_slice(), due].concat();
        f.write_str(&base64url(&bytes))
    }
}

impl std::str::FromStr for Cursor {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let bytes = unbase64url(text).ok_or(())?;
        let (index, due) = bytes.split_first_chunk().ok_or(())?;
        let due_at = match due {
            [] => None,
            due => Some(i64::from_be_bytes(due.try_into().map_err(|_| ())?)),
        };
        let index = u64::from_be_bytes(*index);
        Ok(Self { index, due_at })
    }
}

/// A ticket of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its short name in this database.
    pub index: u64,
    /// Its row; `updated_at` is the receipt of what was last admitted.
    pub summary: Summary,
    /// Its clock that is over first.
    pub clock: Option<NextClock>,
    /// What it waits for.
    pub waiting_for: Option<String>,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The rows.
    pub items: Vec<Listed>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
    /// How many tickets the filter lets through, over all pages.
    pub total: u64,
}

/// One page of the tickets that `filter` lets through, in an order, at most `limit` (up to [`LIMIT_MAX`]); `after`
/// is of a page of the same order.
///
/// # Errors
/// The database fails.
pub fn list(
    connection: &Connection,
    filter: &Filter,
    order: Order,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Page, StoreError> {
    let limit = limit.clamp(1, LIMIT_MAX);
    let total = total(connection, filter)?;
    let paged = Statement::page(filter, order, after, limit + 1)?;
    let mut statement = connection.prepare_cached(&paged.sql)?;
    let mut found = statement.query(params_from_iter(paged.values))?;
    let mut items = Vec::new();
    while let Some(row) = found.next()? {
        items.push(listed(row)?);
    }
    // One row more than asked for says that there is a next page.
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|last| Cursor {
        index: last.index,
        due_at: match order {
            Order::Newest => None,
            Order::Due => {
                let due = last.clock.and_then(|clock| clock.due_at);
                Some(due.map_or(i64::MAX, Timestamp::seconds))
            }
        },
    });
    Ok(Page { items, next, total })
}

/// How many tickets the filter lets through.
pub(super) fn total(connection: &Connection, filter: &Filter) -> Result<u64, StoreError> {
    let counted = Statement::count(filter);
    let total: i64 = connection
        .prepare_cached(&counted.sql)?
        .query_row(params_from_iter(counted.values), |row| row.get(0))?;
    Ok(u64::try_from(total).unwrap_or(0))
}

const COLUMNS: &str =
    "ticket_index, id, number, label, status, grade, region, product_line, model, problem,
    customer_name, lead, appointed_from, conflicts, clashes, opened_at, updated_at,
    clock, clock_due_at, clock_soon_at, clock_paused_by, waiting_for";

/// What the order by clocks goes by, word for word as in its indexes.
const DUE: &str = "coalesce(clock_due_at, 9223372036854775807)";

/// SQL with what stands for its question marks.
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) values: Vec<SqlValue>,
}

impl Statement {
    fn count(filter: &Filter) -> Self {
        let mut statement = Self {
            sql: "SELECT count(*) FROM ticket_rows WHERE true".to_owned(),
            values: Vec::new(),
        };
        statement.filter(filter);
        statement
    }

    pub(super) fn page(
        filter: &Filter,
        order: Order,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Self, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM ticket_rows WHERE true");
        let mut statement = Self {
            sql,
            values: Vec::new(),
        };
        statement.filter(filter);
        // Few are late: they are found by their clocks and sorted, not looked for along the whole list.
        let row = match filter.due {
            Some(_) => "+ticket_index",
            None => "ticket_index",
        };
        if let Some(Cursor { index, due_at }) = after {
            let index = SqlValue::Integer(key(index)?);
            match due_at {
                None => statement.and(&format!("{row} < ?"), [index]),
                // The first condition is what an index is searched by.
                Some(due) => statement.and(
                    &format!("{DUE} >= ? AND ({DUE}, ticket_index) > (?, ?)"),
                    [SqlValue::Integer(due), SqlValue::Integer(due), index],
                ),
            }
        }
        let by = match order {
            Order::Newest => format!("{row} DESC"),
            Order::Due => format!("{DUE}, ticket_index"),
        };
        statement.sql.push_str(&format!(" ORDER BY {by} LIMIT ?"));
        statement
            .values
            .push(SqlValue::Integer(i64::try_from(limit).unwrap_or(i64::MAX)));
        Ok(statement)
    }

    fn and(&mut self, condition: &str, values: impl IntoIterator<Item = SqlValue>) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.values.extend(values);
    }

    fn filter(&mut self, filter: &Filter) {
        let text = |text: &str| [SqlValue::Text(text.to_owned())];
        if let Some(status) = filter.status {
            self.and("status = ?", text(status.name()));
        }
        if let Some(grade) = &filter.grade {
            self.and("grade = ?", text(grade));
        }
        if let Some(region) = &filter.region {
            self.and("region = ?", text(region));
        }
        if let Some(lead) = &filter.lead {
            self.and("lead = ?", text(lead.as_str()));
        }
        if filter.disputed {
            self.and("disputed = 1", []);
        }
        if let Some((due, now)) = filter.due {
            let now = SqlValue::Integer(now.seconds());
            match due {
                Due::Overdue => self.and(&format!("{DUE} < ?"), [now]),
                Due::Soon => self.and(
                    &format!("{DUE} >= ? AND {DUE} < {} AND clock_soon_at <= ?", i64::MAX),
                    [now.clone(), now],
                ),
            }
        }
        if let Some(waiting_for) = &filter.waiting_for {
            self.and("waiting_for = ?", text(waiting_for));
        }
        for word in filter
            .query
            .iter()
            .flat_map(|query| query.split_whitespace())
        {
            self.word(&word.to_lowercase());
        }
    }

    /// Candidates by the pieces of a word, verified on the text as `summary::matches` does. A single
    /// character has no piece that leads to it inside a longer text, so it is looked for in the texts.
    fn word(&mut self, folded: &str) {
        if folded.chars().count() > 1 {
            let pieces: Vec<String> = grams(folded)
                .into_iter()
                .filter(|gram| gram.chars().count() == 2)
                .collect();
            if !pieces.is_empty() {
                let one = "SELECT ticket_index FROM ticket_grams WHERE gram = ?";
                let all = vec![one; pieces.len()].join(" INTERSECT ");
                self.and(
                    &format!("ticket_index IN ({all})"),
                    pieces.into_iter().map(SqlValue::Text),
                );
            }
        }
        self.and(
            "instr(search_text, ?) > 0",
            [SqlValue::Text(folded.to_owned())],
        );
    }
}

fn listed(row: &Row<'_>) -> Result<Listed, StoreError> {
    let malformed = |what| StoreError::Malformed { what };
    let number: Option<String> = row.get("number")?;
    let status: String = row.get("status")?;
    let lead: Option<String> = row.get("lead")?;
    let instant =
        |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(Timestamp));
    let index: i64 = row.get("ticket_index")?;
    let clock: Option<String> = row.get("clock")?;
    let paused_by: Option<String> = row.get("clock_paused_by")?;
    let clock = match clock {
        None => None,
        Some(name) => Some(NextClock {
            clock: Clock::by_name(&name).ok_or_else(|| malformed("ticket_rows.clock"))?,
            due_at: instant("clock_due_at")?,
            soon_at: instant("clock_soon_at")?,
            paused_by: paused_by.and_then(|name| Status::by_name(&name)),
        }),
    };
    Ok(Listed {
        clock,
        waiting_for: row.get("waiting_for")?,
        index: u64::try_from(index).map_err(|_| malformed("ticket_rows.ticket_index"))?,
        summary: Summary {
            id: TicketId::from_bytes(row.get("id")?),
            number: number
                .map(|n| n.parse())
                .transpose()
                .map_err(|_| malformed("ticket_rows.number"))?,
            label: row.get("label")?,
            status: Status::by_name(&status).ok_or_else(|| malformed("ticket_rows.status"))?,
            grade: row.get("grade")?,
            region: row.get("region")?,
            product_line: row.get("product_line")?,
            model: row.get("model")?,
            problem: row.get("problem")?,
            customer_name: row.get("customer_name")?,
            lead: lead
                .map(|lead| lead.parse())
                .transpose()
                .map_err(|_| malformed("ticket_rows.lead"))?,
            appointed_from: instant("appointed_from")?,
            conflicts: row.get("conflicts")?,
            clashes: row.get("clashes")?,
            opened_at: instant("opened_at")?,
            updated_at: instant("updated_at")?,
        },
    })
}
