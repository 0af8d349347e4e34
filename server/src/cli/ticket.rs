//! `gongdan ticket show|list`.

use clap::Subcommand;
use gongdan_core::ids::{ActorId, Part};
use gongdan_core::ticket::{Conflict, Status, Value};

use super::{Global, Outcome, Output};
use crate::audit::{self, Action};
use crate::read_model::{self, Detail, Filter, Order};
use crate::relay::{damage, tickets};
use crate::store::StoreError;

#[derive(Debug, Subcommand)]
pub(super) enum Ticket {
    /// 显示一张工单 · Show a ticket
    Show {
        /// 工单号或编号 · Number or id
        ticket: String,
        /// 以 JSON 输出 · As JSON
        #[arg(long)]
        json: bool,
    },
    /// 列出工单，最新的在前 · List tickets, the newest first
    List {
        /// 搜索词 · Words to look for
        #[arg(long, short)]
        query: Option<String>,
        /// 状态 · Status
        #[arg(long, value_parser = status)]
        status: Option<Status>,
        /// 只列有待处理冲突的 · Only those with something to settle
        #[arg(long)]
        conflicts: bool,
        /// 只列文档曾损坏的，并说明是否已由日志重建 · Only those with a document that was damaged, and whether the log gave it again
        #[arg(long, conflicts_with_all = ["query", "status", "conflicts", "limit"])]
        damaged: bool,
        /// 行数 · Rows
        #[arg(long, default_value_t = read_model::LIMIT_DEFAULT)]
        limit: usize,
    },
}

fn status(text: &str) -> Result<Status, String> {
    Status::by_name(text)
        .ok_or_else(|| format!("one of {}", Status::ALL.map(Status::name).join(", ")))
}

impl Ticket {
    pub(super) fn run(&self, global: &Global, out: Output<'_>) -> Outcome {
        match self {
            Self::List { damaged: true, .. } => list_damaged(global, out),
            Self::Show { ticket, json } => show(global, out, ticket, *json),
            Self::List {
                query,
                status,
                conflicts,
                damaged: false,
                limit,
            } => {
                let filter = Filter {
                    query: query.clone(),
                    status: *status,
                    disputed: *conflicts,
                    ..Filter::default()
                };
                list(global, out, &filter, *limit)
            }
        }
    }
}

fn list(global: &Global, out: Output<'_>, filter: &Filter, limit: usize) -> Outcome {
    let state = global.open()?;
    super::tell(&state, Action::TicketsPrinted, audit::Detail::new())?;
    let mut left = limit;
    let mut after = None;
    loop {
        let page = state
            .db
            .read(|c| read_model::list(c, filter, Order::Newest, after, left))?;
        for listed in &page.items {
            let row = &listed.summary;
            let mark = if row.conflicts + row.clashes > 0 {
                "!"
            } else {
                ""
            };
            let (grade, region) = (
                row.grade.as_deref().unwrap_or("-"),
                row.region.as_deref().unwrap_or("-"),
            );
            let lead = row.lead.as_ref().map_or("-", |lead| lead.as_str());
            let problem = row.problem.replace(['\n', '\t'], " ");
            writeln!(
                out,
                "{}{mark}\t{}\t{grade}\t{region}\t{lead}\t{problem}",
                row.label,
                row.status.name()
            )?;
        }
        left = left.saturating_sub(page.items.len());
        after = page.next;
        if after.is_none() || left == 0 {
            writeln!(out, "共 · total: {}", page.total)?;
            return Ok(());
        }
    }
}

fn list_damaged(global: &Global, out: Output<'_>) -> Outcome {
    let state = global.open()?;
    let found = state.db.read(|c| {
        let mut found = Vec::new();
        for damaged in damage::list(c)? {
            found.extend(tickets::by_index(c, damaged.ticket_index)?.map(|row| (row, damaged)));
        }
        Ok::<_, StoreError>(found)
    })?;
    for (row, damaged) in &found {
        let name = row
            .number
            .map_or_else(|| row.id.to_string(), |number| number.to_string());
        let state = if damaged.mended {
            "已由日志重建 · made anew from the log"
        } else {
            "损坏，请恢复备份 · damaged, restore a backup"
        };
        writeln!(out, "{name}\t{}\t{state}", damaged.part.name())?;
    }
    writeln!(out, "共 · total: {}", found.len())?;
    Ok(())
}

fn show(global: &Global, out: Output<'_>, name: &str, json: bool) -> Outcome {
    let state = global.open()?;
    let found = state.db.read(|c| match read_model::find(c, name)? {
        Some(index) => read_model::detail(c, index, &Part::ALL),
        None => Ok::<_, StoreError>(None),
    })?;
    let detail = found.ok_or_else(|| format!("show a ticket: there is no ticket {name}"))?;
    let told = audit::about("id", detail.ticket.id.to_string());
    super::tell(&state, Action::TicketsPrinted, told)?;
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&detail.ticket)?)?;
        return Ok(());
    }
    print(out, &detail)?;
    Ok(())
}

fn print(out: Output<'_>, detail: &Detail) -> std::io::Result<()> {
    let ticket = &detail.ticket;
    let who = |actor: &ActorId| {
        detail
            .authors
            .get(actor)
            .map_or("?", |author| author.person.as_str())
    };
    writeln!(
        out,
        "{}\t{}\t{}",
        ticket.label(),
        ticket.status.name(),
        ticket.id
    )?;
    writeln!(out, "problem: {}", ticket.problem)?;
    for (field, value) in &ticket.fields {
        writeln!(out, "{}: {}", field.name(), shown(value))?;
    }
    if !ticket.crew.is_empty() {
        let crew: Vec<&str> = ticket.crew.iter().map(|person| person.as_str()).collect();
        writeln!(out, "crew: {}", crew.join(", "))?;
    }
    for event in &ticket.events {
        let reason = event.reason.as_deref().unwrap_or_default();
        writeln!(
            out,
            "{}\t{}\t{}\t{reason}",
            event.at,
            event.kind.name(),
            who(&event.actor)
        )?;
    }
    for note in ticket.notes.iter().filter(|note| !note.struck_out) {
        writeln!(
            out,
            "{}\tnote ({})\t{}\t{}",
            note.at,
            note.part.name(),
            who(&note.actor),
            note.text
        )?;
    }
    for conflict in &ticket.conflicts {
        writeln!(out, "conflict: {}", place(conflict))?;
        for candidate in &conflict.candidates {
            writeln!(
                out,
                "\t{}\t{}\t{}",
                shown(&candidate.value),
                who(&candidate.actor),
                candidate.at
            )?;
        }
    }
    for clash in &ticket.clashes {
        writeln!(
            out,
            "clash: {} / {}",
            clash.cancelled.as_str(),
            clash.progress.as_str()
        )?;
    }
    Ok(())
}

fn place(conflict: &Conflict) -> String {
    serde_json::to_string(&conflict.on).expect("a place is JSON")
}

fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Integer(n) => n.to_string(),
        Value::Instant(at) => at.to_string(),
        Value::Empty => "-".to_owned(),
    }
}
