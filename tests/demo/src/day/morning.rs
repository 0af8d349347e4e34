//! Morning: the office assigns, the phones enrol, take their tickets and answer while there is a network.

use std::collections::BTreeSet;

use anyhow::{Result, bail, ensure};
use gongdan_core::ids::TicketId;
use gongdan_core::ticket::Command;

use super::{Day, FIRST, SECOND, THIRD, cast, person};
use crate::handset::Synced;
use crate::office::Row;
use crate::story::Story;
use crate::visit::Technician;

/// Tickets of the first technician.
const FIRST_TICKETS: usize = 14;
/// Tickets of the second.
const SECOND_TICKETS: usize = 13;
/// From the start of one appointment to the next, in seconds.
const APPOINTMENT_SECONDS: i64 = 2400;

/// The office assigns by region and skill.
pub(crate) fn assign(day: &mut Day) -> Result<()> {
    let mut rows = day.office.tickets()?;
    rows.sort_by(|a, b| a.label.cmp(&b.label));
    day.first.tickets = choose(&mut rows, "east", ["aircon", "purifier"], FIRST_TICKETS)?;
    day.second.tickets = choose(&mut rows, "south", ["aircon", "lock"], SECOND_TICKETS)?;
    for (technician, id) in [(&day.first, FIRST), (&day.second, SECOND)] {
        let lead = person(id)?;
        for ticket in &technician.tickets {
            let assign = Command::Assign {
                crew: vec![lead.clone()],
                lead: lead.clone(),
                group: Some("home".to_owned()),
            };
            day.office.say(*ticket, &[assign])?;
        }
        let (name, n) = (&technician.phone.name, technician.tickets.len());
        day.story.tell("assigned", &[("name", name), ("n", &n)]);
        day.story.step();
    }
    let (first, second) = (&day.first.tickets, &day.second.tickets);
    let cast = &mut day.cast;
    (cast.clash, cast.reassigned, cast.cancelled) =
        (Some(first[0]), Some(first[1]), Some(first[2]));
    (cast.appointment, cast.signed, cast.declined) =
        (Some(second[0]), Some(second[1]), Some(second[2]));
    let grade = Command::Grade {
        grade: "A".to_owned(),
        reasons: vec!["家中有老人和婴儿，室温过高".to_owned()],
    };
    day.office.say(first[3], &[grade])
}

/// The region's tickets of these lines first, then others of the lines.
fn choose(
    rows: &mut Vec<Row>,
    region: &str,
    lines: [&str; 2],
    count: usize,
) -> Result<Vec<TicketId>> {
    let fits = |row: &Row| {
        row.product_line
            .as_deref()
            .is_some_and(|line| lines.contains(&line))
    };
    let near = |row: &Row| row.region.as_deref() == Some(region);
    let mut chosen: Vec<TicketId> = Vec::with_capacity(count);
    for here in [true, false] {
        for row in rows.iter().filter(|row| fits(row) && near(row) == here) {
            if chosen.len() < count {
                chosen.push(row.id);
            }
        }
    }
    if chosen.len() < count {
        bail!(
            "{} requests of {lines:?} where {count} are needed",
            chosen.len()
        );
    }
    rows.retain(|row| !chosen.contains(&row.id));
    Ok(chosen)
}

/// The phones enrol and take everything down.
pub(crate) fn take(day: &mut Day, codes: [String; 2]) -> Result<()> {
    for (technician, code) in [&mut day.first, &mut day.second].into_iter().zip(codes) {
        let phone = &mut technician.phone;
        phone.switch_on()?;
        phone.enrol(&code, &format!("{}的手机", phone.name))?;
        let synced = phone.sync()?;
        let held: BTreeSet<TicketId> = phone.list()?.into_iter().map(|row| row.id).collect();
        // The rest is what the group may pick from.
        let missing = technician.tickets.iter().filter(|id| !held.contains(id));
        let missing = missing.count();
        ensure!(
            missing == 0,
            "{missing} tickets are not on {}'s phone",
            phone.name
        );
        tell_sync(&mut day.story, technician, synced, "took");
        day.story.step();
    }
    day.catalogue = Some(day.first.phone.catalogue()?);
    Ok(())
}

/// One line about a sync that was answered.
pub(crate) fn tell_sync(story: &mut Story, technician: &mut Technician, synced: Synced, key: &str) {
    let traffic = synced.traffic;
    let (up, down) = (bytes(traffic.bytes_up), bytes(traffic.bytes_down));
    let n = technician.phone.list().map_or(0, |rows| rows.len());
    let name = technician.phone.name.clone();
    story.tell_at(
        technician.clock,
        key,
        &[
            ("name", &name),
            ("n", &n),
            ("trips", &traffic.round_trips),
            ("up", &up),
            ("down", &down),
        ],
    );
}

/// Bytes as people read them.
pub(crate) fn bytes(count: u64) -> String {
    if count < 10_000 {
        format!("{count} B")
    } else {
        format!("{:.1} kB", count as f64 / 1000.0)
    }
}

/// While there is still a network: accept, agree the hours, decline what does not fit.
pub(crate) fn answer(day: &mut Day) -> Result<()> {
    let declined = cast(day.cast.declined)?;
    for technician in [&mut day.first, &mut day.second] {
        technician.clock = day.start.plus(600);
        let mut from = day.start.plus(3600);
        for ticket in technician.tickets.clone() {
            technician.clock = technician.clock.plus(25);
            if ticket == declined {
                let reason = "需要专用校准工装，本人未带，请改派".to_owned();
                technician.does(ticket, Command::Decline { reason })?;
                continue;
            }
            technician.does(ticket, Command::Accept)?;
            let until = from.plus(3600);
            technician.does(ticket, Command::Appoint { from, until })?;
            from = from.plus(APPOINTMENT_SECONDS);
        }
        let synced = technician.phone.sync()?;
        tell_sync(&mut day.story, technician, synced, "answered");
        day.story.step();
    }
    let third = person(THIRD)?;
    let assign = Command::Assign {
        crew: vec![third.clone()],
        lead: third,
        group: Some("home".to_owned()),
    };
    day.office.say(declined, &[assign])?;
    let name = &day.second.phone.name;
    day.story
        .tell_at(day.second.clock, "declined", &[("name", name)]);
    // The phone hears of it before the network goes: what was handed back leaves the phone.
    let synced = day.second.phone.sync()?;
    tell_sync(&mut day.story, &mut day.second, synced, "evicted");
    let evicted = day.second.phone.find(declined)?.is_none();
    ensure!(evicted, "the declined ticket is still on the phone");
    day.second.tickets.retain(|ticket| *ticket != declined);
    Ok(())
}
