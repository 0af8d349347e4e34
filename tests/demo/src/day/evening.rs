//! Evening: the phones come back, what meets is shown, people settle it, the rest is signed and closed.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};
use gongdan_core::ids::TicketId;
use gongdan_core::ticket::{Command, ConflictOn, Status, Value};

use super::apart::{SERIAL_ON_THE_PLATE, tell};
use super::morning::tell_sync;
use super::{Day, FIRST, cast, person};
use crate::office::Detail;
use crate::story::Story;

/// Tickets that the office calls after and closes.
const CLOSED: usize = 8;

/// What the day's edits came to before anybody settled anything.
#[derive(Debug, Default)]
pub(crate) struct Met {
    /// Rival values, by what they are on.
    pub(crate) hard: BTreeMap<String, usize>,
    /// Tickets with events that cannot both hold.
    pub(crate) clashed: usize,
    /// Pairs of such events.
    pub(crate) clashes: usize,
    /// Changesets that waited for a decision.
    pub(crate) quarantined: usize,
}

/// Both phones sync everything.
pub(crate) fn come_back(day: &mut Day) -> Result<()> {
    let at = day.first.clock.max(day.second.clock).plus(1800);
    for technician in [&mut day.first, &mut day.second] {
        technician.clock = at;
        let synced = technician.phone.sync()?;
        tell_sync(&mut day.story, technician, synced, "back");
        let verdicts = synced.verdicts;
        let name = &technician.phone.name;
        day.story.tell_at(
            at,
            "verdicts",
            &[
                ("name", name),
                ("admitted", &verdicts.admitted),
                ("duplicate", &verdicts.duplicate),
                ("held", &verdicts.held),
                ("quarantined", &verdicts.quarantined),
                ("refused", &verdicts.refused),
            ],
        );
        ensure!(verdicts.refused == 0, "{name}'s work was refused");
        day.story.step();
    }
    let opened = day.first.phone.show(cast(day.cast.opened)?)?.ticket;
    ensure!(
        opened.number.is_some(),
        "the ticket opened on the spot has no number"
    );
    day.story
        .tell_at(at, "numbered", &[("label", &opened.label())]);
    // The form that was opened at noon is sent now: its heads say what the person saw.
    let (from, until) = (day.start.plus(31 * 3600), day.start.plus(32 * 3600));
    let appointment = cast(day.cast.appointment)?;
    let form = std::mem::take(&mut day.cast.form);
    day.office
        .execute(appointment, &form, &[Command::Appoint { from, until }])?;
    let label = day.office.ticket(appointment)?.ticket.label();
    day.story
        .tell_at(at.plus(60), "desk_stale", &[("label", &label)]);
    Ok(())
}

/// Looks at every ticket, tells what met, and settles it over the console's API.
pub(crate) fn settle(day: &mut Day) -> Result<Met> {
    let mut met = Met::default();
    let mut unsettled: Vec<Detail> = Vec::new();
    for row in day.office.tickets()? {
        let detail = day.office.ticket(row.id)?;
        met.clashed += usize::from(!detail.ticket.clashes.is_empty());
        met.clashes += detail.ticket.clashes.len();
        for conflict in &detail.ticket.conflicts {
            *met.hard.entry(name(&conflict.on)).or_default() += 1;
        }
        if !detail.ticket.conflicts.is_empty() || !detail.ticket.clashes.is_empty() {
            unsettled.push(detail);
        }
    }
    let clash = cast(day.cast.clash)?;
    ensure!(
        met.hard.contains_key("serial"),
        "the clash on the serial number did not show"
    );
    ensure!(
        met.hard.contains_key("appointed_from"),
        "the stale form overwrote in silence"
    );
    ensure!(
        unsettled
            .iter()
            .any(|detail| detail.ticket.id == day.cast.cancelled.unwrap_or(clash)),
        "the cancellation against the completion did not show"
    );
    met.quarantined = decide(day)?;
    for detail in unsettled {
        settle_ticket(day, detail)?;
    }
    day.story.step();
    Ok(met)
}

fn name(on: &ConflictOn) -> String {
    match on {
        ConflictOn::Field { field } => field.name().to_owned(),
        ConflictOn::Checklist { item } => format!("checklist {item}"),
        ConflictOn::Crew { .. } => "crew".to_owned(),
        ConflictOn::Consent { .. } => "consent".to_owned(),
        ConflictOn::Status => "status".to_owned(),
    }
}

fn settle_ticket(day: &mut Day, detail: Detail) -> Result<()> {
    let ticket = &detail.ticket;
    let label = ticket.label();
    for conflict in &ticket.conflicts {
        let plate = Value::from(SERIAL_ON_THE_PLATE);
        // What was read on the spot is right about the machine; else what work goes on with.
        let on_site = conflict
            .candidates
            .iter()
            .find(|candidate| candidate.value == plate);
        let Some(chosen) = on_site.or(conflict.candidates.first()) else {
            bail!("{label}: a conflict without candidates");
        };
        let rivals: Vec<String> = conflict
            .candidates
            .iter()
            .map(|candidate| {
                let author = detail.authors.get(&candidate.actor.to_string());
                let author = author.map_or("?", |author| author.name.as_str());
                format!(
                    "{author} {}",
                    shown(&day.story, &conflict.on, &candidate.value)
                )
            })
            .collect();
        let (field, rivals, value) = (
            name(&conflict.on),
            rivals.join(" / "),
            shown(&day.story, &conflict.on, &chosen.value),
        );
        day.story.tell(
            "settled",
            &[
                ("label", &label),
                ("field", &field),
                ("rivals", &rivals),
                ("value", &value),
            ],
        );
        let settle = Command::SettleConflict {
            on: conflict.on.clone(),
            value: chosen.value.clone(),
        };
        day.office.say(ticket.id, &[settle])?;
    }
    if !ticket.clashes.is_empty() {
        let confirmed = !ticket.confirmations.is_empty();
        let status = if confirmed {
            Status::Confirmed
        } else {
            Status::Completed
        };
        let (before, after) = (ticket.status.name(), status.name());
        day.story.tell(
            "settled_status",
            &[("label", &label), ("before", &before), ("after", &after)],
        );
        day.office
            .say(ticket.id, &[Command::SettleStatus { status }])?;
    }
    let after = day.office.ticket(ticket.id)?.ticket;
    ensure!(
        after.conflicts.is_empty() && after.clashes.is_empty(),
        "{label} is not settled"
    );
    Ok(())
}

fn shown(story: &Story, on: &ConflictOn, value: &Value) -> String {
    // JSON has no instants: the field knows which texts are some.
    let value = match on {
        ConflictOn::Field { field } => field.coerce(value.clone()),
        _ => value.clone(),
    };
    match value {
        Value::Text(text) => text,
        Value::Integer(number) => number.to_string(),
        Value::Instant(at) => story.hour(at),
        Value::Empty => "—".to_owned(),
    }
}

/// What waited in quarantine comes in by the office's word.
fn decide(day: &mut Day) -> Result<usize> {
    let reassigned = cast(day.cast.reassigned)?;
    let waiting = day.office.quarantine()?;
    ensure!(
        waiting.iter().any(|item| item.ticket == reassigned),
        "the completion of the reassigned ticket did not wait for the office"
    );
    let before = day.office.ticket(reassigned)?.ticket;
    ensure!(
        !before.notes.is_empty(),
        "the notes of the reassigned ticket waited too"
    );
    let (label, n) = (before.label(), before.notes.len());
    let (from, to) = (&day.first.phone.name, &day.second.phone.name);
    day.story.tell(
        "quarantined",
        &[("label", &label), ("from", from), ("to", to), ("n", &n)],
    );
    let count = waiting.len();
    // One decision takes what depends on it along.
    while let Some(item) = day.office.quarantine()?.first() {
        let commands = item.commands.len();
        day.office.admit(&item.changeset)?;
        day.story.tell("admitted", &[("n", &commands)]);
    }
    Ok(count)
}

/// The phones hear of it, and customers sign what is still open.
pub(crate) fn sign(day: &mut Day) -> Result<()> {
    let lead = person(FIRST)?;
    let assign = Command::Assign {
        crew: vec![lead.clone()],
        lead,
        group: Some("home".to_owned()),
    };
    let opened = cast(day.cast.opened)?;
    day.office.say(opened, &[assign])?;
    day.first.phone.sync()?;
    day.second.phone.sync()?;
    let (cancelled, reassigned) = (cast(day.cast.cancelled)?, cast(day.cast.reassigned)?);
    let (kit, first, second, story) = day.field()?;
    first.has_it_confirmed(&kit, cancelled)?;
    tell(story, first, cancelled, "signed")?;
    second.has_it_confirmed(&kit, reassigned)?;
    tell(story, second, reassigned, "signed")?;
    for technician in [first, second] {
        let synced = technician.phone.sync()?;
        ensure!(
            synced.verdicts.refused + synced.verdicts.quarantined == 0,
            "a signature did not come in"
        );
    }
    story.step();
    Ok(())
}

/// The office calls after and closes (R86: never without a confirmation); the phones hear of it.
pub(crate) fn close(day: &mut Day) -> Result<()> {
    let mine: Vec<TicketId> = day
        .first
        .tickets
        .iter()
        .chain(&day.second.tickets)
        .copied()
        .collect();
    let mut closed = 0;
    for ticket in mine {
        if closed == CLOSED {
            break;
        }
        let there = day.office.ticket(ticket)?.ticket;
        if there.status != Status::Confirmed || !there.covered {
            continue;
        }
        let call = Command::FollowUp {
            satisfied: true,
            score: 9,
            remarks: Some("回访：客户满意，已恢复使用".to_owned()),
        };
        day.office.say(ticket, &[call])?;
        day.office.say(ticket, &[Command::Close])?;
        closed += 1;
    }
    ensure!(closed == CLOSED, "{closed} tickets could be closed");
    day.first.phone.sync()?;
    day.second.phone.sync()?;
    day.story.tell("closed", &[("n", &closed)]);
    day.story.step();
    Ok(())
}
