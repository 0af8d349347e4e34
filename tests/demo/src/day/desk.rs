//! The desk meanwhile: the office edits the very tickets that the phones work on.

use anyhow::Result;
use gongdan_core::ids::Part;
use gongdan_core::ticket::{Command, Field, Value};

use super::{Day, SECOND, cast, person};

/// The serial number as the office finds it in the purchase record.
const SERIAL_IN_THE_RECORD: &str = "CHA210620131";

/// One clash on a field, two cancellations, one reassignment, and edits that meet nobody's.
pub(crate) fn edit(day: &mut Day) -> Result<()> {
    let at = day.start.plus(4 * 3600);
    let office = &mut day.office;
    let story = &mut day.story;

    let clash = cast(day.cast.clash)?;
    let correct = Command::Correct {
        field: Field::Serial,
        value: Value::from(SERIAL_IN_THE_RECORD),
    };
    office.say(clash, &[correct])?;
    let label = office.ticket(clash)?.ticket.label();
    story.tell_at(at, "desk_serial", &[("label", &label)]);

    let cancelled = cast(day.cast.cancelled)?;
    let reason = "客户来电称自行断电后恢复，取消上门".to_owned();
    office.say(cancelled, &[Command::Cancel { reason }])?;
    let label = office.ticket(cancelled)?.ticket.label();
    story.tell_at(at.plus(180), "desk_cancel", &[("label", &label)]);

    let signed = cast(day.cast.signed)?;
    let reason = "系统显示重复报修，取消其一".to_owned();
    office.say(signed, &[Command::Cancel { reason }])?;
    let label = office.ticket(signed)?.ticket.label();
    story.tell_at(at.plus(300), "desk_cancel", &[("label", &label)]);

    let reassigned = cast(day.cast.reassigned)?;
    let lead = person(SECOND)?;
    let assign = Command::Assign {
        crew: vec![lead.clone()],
        lead,
        group: Some("home".to_owned()),
    };
    office.say(reassigned, &[assign])?;
    let label = office.ticket(reassigned)?.ticket.label();
    let (from, to) = (&day.first.phone.name, &day.second.phone.name);
    story.tell_at(
        at.plus(420),
        "desk_reassign",
        &[("label", &label), ("from", from), ("to", to)],
    );

    let mut n = 0;
    let busy = day.first.tickets[4..8]
        .iter()
        .chain(&day.second.tickets[3..6]);
    for ticket in busy {
        let note = Command::WriteNote {
            part: Part::Service,
            text: "客户来电补充：小区北门可停车，上楼请走货梯。".to_owned(),
        };
        let remark = Command::Correct {
            field: Field::AppointmentRemark,
            value: Value::from("北门停车，走货梯"),
        };
        office.say(*ticket, &[note])?;
        office.say(*ticket, &[remark])?;
        n += 1;
    }
    story.tell_at(at.plus(900), "desk_notes", &[("n", &n)]);

    // A form is opened now and sent in the evening: see `evening`.
    let appointment = cast(day.cast.appointment)?;
    let detail = office.ticket(appointment)?;
    story.tell_at(
        at.plus(1200),
        "desk_form",
        &[("label", &detail.ticket.label())],
    );
    day.cast.form = detail.heads;
    story.step();
    Ok(())
}
