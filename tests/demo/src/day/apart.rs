//! Apart: the phones work for hours without a network, are closed, dropped, and opened again.

use anyhow::{Result, ensure};
use gongdan_core::ids::TicketId;
use gongdan_core::ticket::command::FieldValue;
use gongdan_core::ticket::{Command, Field, Value};

use super::{Day, cast};
use crate::phone::protocol::Cut;
use crate::story::Story;
use crate::visit::{Kit, Technician};

/// The serial number as the first technician reads it from the name plate.
pub(crate) const SERIAL_ON_THE_PLATE: &str = "CHA210620118";

/// The network goes; both phones are put away and opened again on their files.
pub(crate) fn lose_the_network(day: &mut Day) -> Result<()> {
    for technician in [&mut day.first, &mut day.second] {
        let before = technician.phone.list()?;
        technician.phone.switch_off()?;
        technician.phone.switch_on()?;
        let after = technician.phone.list()?;
        ensure!(before == after, "a phone opened again shows other tickets");
    }
    let at = day.start.plus(2100);
    (day.first.clock, day.second.clock) = (at, at);
    day.story.tell_at(at, "lost", &[]);
    day.story.step();
    Ok(())
}

/// Visits until noon.
pub(crate) fn morning(day: &mut Day) -> Result<()> {
    let (clash, reassigned) = (cast(day.cast.clash)?, cast(day.cast.reassigned)?);
    let (cancelled, appointment, signed) = (
        cast(day.cast.cancelled)?,
        cast(day.cast.appointment)?,
        cast(day.cast.signed)?,
    );
    let start = day.start;
    let (kit, first, second, story) = day.field()?;

    first.begins(&kit, clash)?;
    let value = Value::from(SERIAL_ON_THE_PLATE);
    first.does(
        clash,
        Command::Correct {
            field: Field::Serial,
            value,
        },
    )?;
    tell(story, first, clash, "read_the_plate")?;
    first.diagnoses(&kit, clash)?;
    first.repairs(&kit, clash)?;
    first.completes(&kit, clash)?;
    first.has_it_confirmed(&kit, clash)?;
    tell(story, first, clash, "confirmed")?;
    story.step();

    first.begins(&kit, cancelled)?;
    first.diagnoses(&kit, cancelled)?;
    first.repairs(&kit, cancelled)?;
    first.completes(&kit, cancelled)?;
    tell(story, first, cancelled, "completed")?;
    story.step();

    visit_all(&kit, first, story, 4..6)?;
    first.begins(&kit, reassigned)?;
    first.repairs(&kit, reassigned)?;
    tell(story, first, reassigned, "begun")?;

    second.visits(&kit, signed)?;
    tell(story, second, signed, "confirmed")?;
    let (from, until) = (start.plus(26 * 3600), start.plus(27 * 3600));
    second.does(appointment, Command::Appoint { from, until })?;
    tell(story, second, appointment, "put_off")?;
    story.step();
    visit_all(&kit, second, story, 3..6)
}

/// Noon: one battery dies, one request is cut; nothing of it costs anybody's work.
pub(crate) fn noon(day: &mut Day) -> Result<()> {
    let waiting = day.first.phone.outbox()?.pending;
    day.first.phone.pull_the_battery();
    day.first.phone.switch_on()?;
    let kept = day.first.phone.outbox()?.pending;
    ensure!(
        kept == waiting,
        "{kept} commands of {waiting} survived the battery"
    );
    let name = day.first.phone.name.clone();
    day.story
        .tell_at(day.first.clock, "battery", &[("name", &name), ("n", &kept)]);

    // The request arrives whole, its answer never does: the phone does not know what the server has.
    let cut = day.first.phone.sync_cut(Cut::BeforeAnswer)?;
    let sent = super::morning::bytes(cut.traffic.bytes_up);
    day.story.tell_at(
        day.first.clock,
        "cut_answer",
        &[("name", &name), ("bytes", &sent)],
    );
    let cut = day.second.phone.sync_cut(Cut::MidRequest)?;
    let sent = super::morning::bytes(cut.traffic.bytes_up);
    let name = &day.second.phone.name;
    day.story.tell_at(
        day.second.clock,
        "cut_request",
        &[("name", name), ("bytes", &sent)],
    );
    day.story.step();
    Ok(())
}

/// Visits until the evening.
pub(crate) fn afternoon(day: &mut Day) -> Result<()> {
    let reassigned = cast(day.cast.reassigned)?;
    let (kit, first, second, story) = day.field()?;

    first.diagnoses(&kit, reassigned)?;
    first.completes(&kit, reassigned)?;
    tell(story, first, reassigned, "completed")?;
    visit_all(&kit, first, story, 6..10)?;
    let waiting = first.tickets[3];
    first.suspends(&kit, waiting)?;
    tell(story, first, waiting, "suspended")?;
    let opened = open(first)?;
    tell(story, first, opened, "opened")?;
    story.step();

    visit_all(&kit, second, story, 6..9)?;
    let waiting = second.tickets[2];
    second.suspends(&kit, waiting)?;
    tell(story, second, waiting, "suspended")?;
    story.step();
    // Closed once more: what waits is in the file, not in the process.
    second.phone.switch_off()?;
    second.phone.switch_on()?;

    for technician in [first, second] {
        let counts = technician.phone.outbox()?;
        let n = counts.pending + counts.in_flight;
        let name = &technician.phone.name;
        story.tell_at(technician.clock, "waits", &[("name", name), ("n", &n)]);
    }
    day.cast.opened = Some(opened);
    Ok(())
}

fn visit_all(
    kit: &Kit<'_>,
    technician: &mut Technician,
    story: &mut Story,
    which: std::ops::Range<usize>,
) -> Result<()> {
    let planned: Vec<_> = technician.tickets[which].to_vec();
    for ticket in planned {
        technician.visits(kit, ticket)?;
        tell(story, technician, ticket, "confirmed")?;
        story.step();
    }
    Ok(())
}

/// One line about a ticket as the phone shows it.
pub(crate) fn tell(
    story: &mut Story,
    technician: &mut Technician,
    ticket: TicketId,
    key: &str,
) -> Result<()> {
    let shown = technician.phone.show(ticket)?.ticket;
    let label = shown.label();
    let conclusion = shown.text(Field::Conclusion).unwrap_or_default();
    let name = &technician.phone.name;
    story.tell_at(
        technician.clock,
        key,
        &[
            ("name", name),
            ("label", &label),
            ("conclusion", &conclusion),
        ],
    );
    Ok(())
}

/// The neighbour asks for help too: a ticket is opened on the spot, without a number.
fn open(technician: &mut Technician) -> Result<TicketId> {
    technician.clock = technician.clock.plus(300);
    let field = |field, value: &str| FieldValue {
        field,
        value: Value::from(value),
    };
    let open = Command::Open {
        fields: vec![
            field(Field::TicketType, "repair"),
            field(Field::Channel, "on_site"),
            field(Field::Region, "east"),
            field(Field::District, "临溪市"),
            field(Field::ProductLine, "aircon"),
            field(Field::Model, "CH-KFR35G-A1"),
            field(Field::Grade, "C"),
        ],
        problem: "邻居当面报修：客厅空调开机有异响，关机后消失".to_owned(),
    };
    let customer = Command::RecordCustomer {
        fields: vec![
            field(Field::CustomerKind, "individual"),
            field(Field::CustomerName, "孟听澜"),
            field(Field::CustomerPhone, "13800002999"),
        ],
    };
    technician
        .phone
        .open(technician.clock, vec![open, customer])
}
