//! Acts that span parts: which changesets stand or fall together.
//!
//! Invariant: members are found by what each names as the one before it, never by their numbers alone. Two copies
//! of a phone give the same numbers to acts of their own until they hear of each other.

use gongdan_core::planted::{self, Defect};
use gongdan_core::sync::changeset::ActLink;
use gongdan_core::sync::verdict::Verdict;
use rusqlite::params;

use super::inbox::{self, Received};
use super::work::Work;
use crate::store::StoreError;

/// What stands or falls with a changeset.
pub(super) enum Members {
    /// All of them, the service part's first.
    These(Vec<Received>),
    /// Some have not come yet.
    Missing,
    /// They cannot be an act.
    NoAct(Vec<Received>),
}

/// The changesets that stand or fall with this one.
pub(super) fn members(work: &Work<'_, '_>, row: &Received) -> Result<Members, StoreError> {
    let act = row.changeset.header.act;
    let Some(act) = act.filter(|_| !planted::is(Defect::ActSplit)) else {
        return Ok(Members::These(vec![row.clone()]));
    };
    let Line { mut own, breaks } = line(work, row, act)?;
    // Members are admitted together: one that was admitted before was so without this one.
    let decided_before = own.iter().any(|member| {
        member.id != row.id && matches!(member.verdict, Some(Verdict::Admitted { .. }))
    });
    if decided_before && !matches!(row.verdict, Some(Verdict::Admitted { .. })) {
        return Ok(Members::NoAct(vec![row.clone()]));
    }
    own.sort_by_key(|member| (member.changeset.header.part, member.id));
    let one_ticket = own.iter().all(|member| member.ticket() == row.ticket());
    let parts_differ = own
        .windows(2)
        .all(|pair| pair[0].changeset.header.part != pair[1].changeset.header.part);
    if breaks || !one_ticket || !parts_differ {
        return Ok(Members::NoAct(own));
    }
    Ok(if own.len() < act.count as usize {
        Members::Missing
    } else {
        Members::These(own)
    })
}

/// The quarantined changesets that stand or fall with this one.
pub(super) fn quarantined(
    work: &Work<'_, '_>,
    row: &Received,
) -> Result<Vec<Received>, StoreError> {
    let Some(act) = row.changeset.header.act else {
        return Ok(vec![row.clone()]);
    };
    let mut own = line(work, row, act)?.own;
    own.retain(Received::is_quarantined);
    Ok(own)
}

/// A changeset with the members of its act that lead to it and go on from it.
struct Line {
    own: Vec<Received>,
    /// Something that is not of the act stands among them, or it goes on two ways.
    breaks: bool,
}

fn line(work: &Work<'_, '_>, row: &Received, act: ActLink) -> Result<Line, StoreError> {
    let found = inbox::select(
        work.tx,
        "device_idx = ?1 AND device_sequence BETWEEN ?2 AND ?3 AND chained = 1",
        params![
            row.device_index,
            act.first,
            act.first.saturating_add(act.count - 1)
        ],
    )?;
    let number = |of: &Received| of.changeset.header.device_sequence;
    let is_member = |of: &Received| of.changeset.header.act == Some(act);
    let follows = |one: &Received, other: &Received| {
        number(one).checked_add(1) == Some(number(other))
            && other.changeset.header.previous == one.changeset.link()
    };
    let mut line = Line {
        own: vec![row.clone()],
        breaks: false,
    };
    let mut first = row;
    while number(first) > act.first {
        let Some(before) = found.iter().find(|other| follows(other, first)) else {
            break;
        };
        if !is_member(before) {
            line.breaks = true;
            break;
        }
        line.own.push(before.clone());
        first = before;
    }
    let mut last = row;
    while number(last) - act.first + 1 < act.count {
        let after: Vec<&Received> = found.iter().filter(|other| follows(last, other)).collect();
        match after[..] {
            [] => break,
            [next] if is_member(next) => {
                line.own.push(next.clone());
                last = next;
            }
            _ => {
                line.breaks = true;
                break;
            }
        }
    }
    Ok(line)
}
