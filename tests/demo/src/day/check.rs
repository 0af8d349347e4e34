//! The end: every part of every ticket that a phone holds is compared with the server, head by head, and
//! what each phone should hold with what it holds.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use gongdan_core::catalogue::Group;
use gongdan_core::ids::{ChangeHash, Part, TicketId};
use gongdan_core::ticket::{Field, Status, Ticket, Value};

use super::Day;
use crate::handset::Handset;
use crate::office::{Detail, Office};

/// What was compared and counted.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// Tickets on the server.
    pub(crate) tickets: usize,
    /// Parts of tickets that a phone holds, over both phones.
    pub(crate) parts_compared: usize,
    /// Changesets in the log.
    pub(crate) changesets: usize,
    /// Commands in the log.
    pub(crate) commands: u64,
    /// Changesets that met edits of other fields.
    pub(crate) soft: usize,
    /// What differs, a line each; empty where everything converged.
    pub(crate) differences: Vec<String>,
}

/// Compares and counts everything. Differences are values; an error is a step that failed.
pub(crate) fn everything(day: &mut Day) -> Result<Checked> {
    let mut details = BTreeMap::new();
    let mut checked = Checked::default();
    for row in day.office.tickets()? {
        count(&day.office, row.id, &mut checked)?;
        details.insert(row.id, day.office.ticket(row.id)?);
    }
    checked.tickets = details.len();
    let Some(catalogue) = &day.catalogue else {
        bail!("no phone ever had a catalogue");
    };
    for technician in [&mut day.first, &mut day.second] {
        let group = catalogue
            .person(&technician.phone.person)
            .and_then(|person| person.group.as_ref())
            .and_then(|code| catalogue.groups.iter().find(|group| group.code == *code));
        compare(&mut technician.phone, group, &details, &mut checked)?;
        let counts = technician.phone.outbox()?;
        let left =
            counts.pending + counts.in_flight + counts.held + counts.quarantined + counts.refused;
        if left > 0 {
            let name = &technician.phone.name;
            checked.differences.push(format!(
                "{name}: {left} commands are left in the outbox: {counts:?}"
            ));
        }
    }
    if checked.parts_compared == 0 {
        bail!("nothing was compared");
    }
    Ok(checked)
}

fn count(office: &Office, ticket: TicketId, checked: &mut Checked) -> Result<()> {
    for entry in office.timeline(ticket)? {
        checked.changesets += 1;
        checked.commands += entry.commands.len() as u64;
        checked.soft += usize::from(entry.merged == "soft");
    }
    Ok(())
}

fn compare(
    phone: &mut Handset,
    group: Option<&Group>,
    details: &BTreeMap<TicketId, Detail>,
    checked: &mut Checked,
) -> Result<()> {
    let held: BTreeSet<TicketId> = phone.list()?.into_iter().map(|row| row.id).collect();
    let is_own = |ticket: &Ticket| ticket.crew.contains(&phone.person);
    let may_pick = |ticket: &Ticket| group.is_some_and(|group| is_in_pool(ticket, group));
    let due: BTreeSet<TicketId> = details
        .values()
        .filter(|detail| is_own(&detail.ticket) || may_pick(&detail.ticket))
        .map(|detail| detail.ticket.id)
        .collect();
    let own: BTreeSet<TicketId> = details
        .values()
        .filter(|detail| is_own(&detail.ticket))
        .map(|detail| detail.ticket.id)
        .collect();
    for ticket in held.symmetric_difference(&due) {
        let what = if due.contains(ticket) {
            "is missing"
        } else {
            "should be gone"
        };
        let label = details.get(ticket).map(|detail| detail.ticket.label());
        let label = label.unwrap_or_else(|| ticket.to_string());
        checked
            .differences
            .push(format!("{}: {label} {what}", phone.name));
    }
    for ticket in held.intersection(&due) {
        let view = phone.show(*ticket)?;
        let there = &details[ticket];
        let label = there.ticket.label();
        // Of a ticket that nobody has picked, the customer stays at the office.
        let parts: &[Part] = if own.contains(ticket) {
            &[Part::Service, Part::Customer]
        } else {
            &[Part::Service]
        };
        for part in parts {
            let part = *part;
            let (here, there) = (
                sorted(view.heads.get(&part)),
                sorted(there.heads.get(&part)),
            );
            if here != there {
                let part = part.name();
                checked
                    .differences
                    .push(format!("{}: {label} {part}: other heads", phone.name));
            }
            checked.parts_compared += usize::from(!here.is_empty());
        }
        if !own.contains(ticket) {
            if view.ticket.parts != [Part::Service] {
                checked
                    .differences
                    .push(format!("{}: {label}: a customer too many", phone.name));
            }
            continue;
        }
        // Equal documents read alike; the office keeps no third part in this day.
        let mut read = there.ticket.clone();
        read.parts.clone_from(&view.ticket.parts);
        if view.ticket != read {
            checked
                .differences
                .push(format!("{}: {label}: reads otherwise", phone.name));
        }
    }
    Ok(())
}

/// Whether a ticket is one that a group's people may pick (R43, R44).
fn is_in_pool(ticket: &Ticket, group: &Group) -> bool {
    let code = |field: Field| ticket.fields.get(&field).and_then(Value::as_text);
    let serves = match code(Field::Group) {
        Some(code) => code == group.code,
        None => {
            let among = |codes: &[String], field: Field| {
                code(field).is_some_and(|code| codes.iter().any(|known| known == code))
            };
            among(&group.regions, Field::Region) && among(&group.product_lines, Field::ProductLine)
        }
    };
    serves && ticket.status == Status::Received && ticket.crew.is_empty()
}

fn sorted(heads: Option<&Vec<ChangeHash>>) -> Vec<ChangeHash> {
    let mut heads = heads.cloned().unwrap_or_default();
    heads.sort();
    heads
}
