//! What was measured, ready to print: for people a table, for machines one figure an object and line.
//!
//! Every figure names what it is compared with: the same quantity of everyone else in the same run, and the figures of
//! those who are not part of it, quoted as such.

use std::io::{self, Write};

use serde::Serialize;

use crate::{
    contender::{
        BenchError, Contender, FIRST_SYNC_ZSTD_LEVEL, RECONNECT_ZSTD_LEVEL, Situation, Traffic,
    },
    standard_work::StandardWork,
};

/// One figure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Figure {
    /// `sync.<situation>.<contender>.<quantity>`.
    pub name: String,
    pub value: u64,
    pub unit: &'static str,
    /// The same quantity of the others.
    pub compared_with: String,
    /// What must be known to read it.
    pub conditions: String,
}

/// What one contender took in one situation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    pub contender: String,
    pub situation: Situation,
    pub traffic: Traffic,
    pub conditions: String,
}

/// Bytes of bodies both ways that others took for 500 tickets, measured before on work of the same description:
/// not repeated in this run, because they are not libraries of Rust.
const QUOTED_AT_TICKETS: usize = 500;
const QUOTED_BYTES: [(Situation, &str, u64); 5] = [
    (Situation::Idle, "PouchDB", 5_700),
    (Situation::Reconnect, "automerge-repo (JavaScript)", 237_000),
    (Situation::Reconnect, "PouchDB", 403_000),
    (Situation::FirstSync, "PouchDB", 815_000),
    (Situation::FirstSync, "Yjs", 2_900_000),
];

/// A quantity of [`Traffic`]: its name, its unit, and how to read it.
type Quantity = (&'static str, &'static str, fn(&Traffic) -> u64);

const QUANTITIES: [Quantity; 6] = [
    ("round_trips", "round trips", |traffic| traffic.round_trips),
    ("messages", "messages", |traffic| traffic.messages),
    ("bytes", "bytes", Traffic::bytes),
    ("bytes_up", "bytes", |traffic| traffic.bytes_up),
    ("bytes_down", "bytes", |traffic| traffic.bytes_down),
    ("pages", "pages", |traffic| traffic.pages),
];

/// Prepares a contender and measures it in all situations that it has an exchange for.
pub fn measure(
    contender: &mut dyn Contender,
    work: &StandardWork,
) -> Result<Vec<Measured>, BenchError> {
    contender.prepare(work)?;
    let mut measured = Vec::new();
    for situation in Situation::ALL {
        if let Some(traffic) = contender.measure(situation)? {
            measured.push(Measured {
                contender: contender.name().to_owned(),
                situation,
                traffic,
                conditions: contender.conditions(situation),
            });
        }
    }
    Ok(measured)
}

/// The same values as plain JSON, raw and as one zstd stream: no merging, no history, no protocol.
pub fn plain_json(work: &StandardWork) -> Vec<Measured> {
    let (phone, office) = work.edits_as_json();
    let tickets = work.tickets_as_json();
    [
        (
            Situation::Reconnect,
            phone,
            office,
            RECONNECT_ZSTD_LEVEL,
            "the edits, one object a side and ticket",
        ),
        (
            Situation::FirstSync,
            Vec::new(),
            tickets,
            FIRST_SYNC_ZSTD_LEVEL,
            "the last values, one object a ticket",
        ),
    ]
    .into_iter()
    .flat_map(|(situation, up, down, level, what)| {
        let compress = |json: &[u8]| {
            zstd::bulk::compress(json, level).expect("compressing into memory does not fail")
        };
        let (small_up, small_down) = (compress(&up), compress(&down));
        [
            ("plain JSON", up, down, "uncompressed".to_owned()),
            (
                "plain JSON, one zstd stream",
                small_up,
                small_down,
                format!("one zstd stream each way, level {level}"),
            ),
        ]
        .map(|(contender, up, down, how)| {
            let mut traffic = Traffic {
                round_trips: 1,
                pages: 1,
                ..Traffic::default()
            };
            // A first sync sends nothing up.
            if situation == Situation::Reconnect {
                traffic.sent_up(&up);
            }
            traffic.sent_down(&down);
            let conditions =
                format!("{what}, {how}; values alone: no history, no merging, no protocol");
            Measured {
                contender: contender.to_owned(),
                situation,
                traffic,
                conditions,
            }
        })
    })
    .collect()
}

/// All figures of all that was measured over `tickets` tickets.
pub fn figures(all: &[Measured], tickets: usize) -> Vec<Figure> {
    let mut figures = Vec::new();
    for measured in all {
        let Measured {
            contender,
            situation,
            traffic,
            conditions,
        } = measured;
        for (quantity, unit, read) in QUANTITIES {
            let mut others: Vec<String> = all
                .iter()
                .filter(|other| other.situation == *situation && other.contender != *contender)
                .map(|other| format!("{} {}", other.contender, read(&other.traffic)))
                .collect();
            if quantity == "bytes" && tickets == QUOTED_AT_TICKETS {
                others.extend(
                    quoted(*situation).map(|(who, bytes)| format!("{who} {bytes} (quoted)")),
                );
            }
            figures.push(Figure {
                name: format!("sync.{situation}.{}.{quantity}", key(contender)),
                value: read(traffic),
                unit,
                compared_with: others.join("; "),
                conditions: format!("N={tickets}; {conditions}"),
            });
        }
    }
    figures
}

fn quoted(situation: Situation) -> impl Iterator<Item = (&'static str, u64)> {
    QUOTED_BYTES
        .into_iter()
        .filter(move |(at, ..)| *at == situation)
        .map(|(_, who, bytes)| (who, bytes))
}

/// A contender's name as part of a figure's.
fn key(contender: &str) -> String {
    contender
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join("_")
        .to_ascii_lowercase()
}

/// Prints one table a situation, smallest first, and then the conditions.
pub fn print_table(out: &mut impl Write, all: &[Measured], tickets: usize) -> io::Result<()> {
    for situation in Situation::ALL {
        let mut rows: Vec<&Measured> = all
            .iter()
            .filter(|measured| measured.situation == situation)
            .collect();
        rows.sort_by_key(|measured| measured.traffic.bytes());
        writeln!(out, "{situation}, N={tickets}")?;
        writeln!(
            out,
            "  {:<30} {:>11} {:>9} {:>11} {:>11} {:>11} {:>7}",
            "", "round trips", "messages", "bytes", "up", "down", "pages"
        )?;
        for Measured {
            contender, traffic, ..
        } in rows
        {
            let Traffic {
                round_trips,
                messages,
                bytes_up,
                bytes_down,
                pages,
            } = traffic;
            let bytes = traffic.bytes();
            writeln!(
                out,
                "  {contender:<30} {round_trips:>11} {messages:>9} {bytes:>11} {bytes_up:>11} {bytes_down:>11} {pages:>7}"
            )?;
        }
        if tickets == QUOTED_AT_TICKETS {
            for (who, bytes) in quoted(situation) {
                writeln!(
                    out,
                    "  {:<30} {:>11} {:>9} {bytes:>11}",
                    format!("{who}, quoted"),
                    "",
                    ""
                )?;
            }
        }
        writeln!(out)?;
    }
    for Measured {
        contender,
        situation,
        conditions,
        ..
    } in all
    {
        writeln!(out, "{contender}, {situation}: {conditions}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(contender: &str, bytes_up: u64) -> Measured {
        let traffic = Traffic {
            bytes_up,
            ..Traffic::default()
        };
        Measured {
            contender: contender.to_owned(),
            situation: Situation::Idle,
            traffic,
            conditions: "none".to_owned(),
        }
    }

    #[test]
    fn a_figure_names_the_same_quantity_of_all_others() {
        let all = [measured("A, b", 1), measured("c", 2), measured("d", 3)];
        let figures = figures(&all, 500);
        let of = |name: &str| {
            figures
                .iter()
                .find(|figure| figure.name == name)
                .expect("the figure is there")
        };
        assert_eq!(
            of("sync.idle.a_b.bytes").compared_with,
            "c 2; d 3; PouchDB 5700 (quoted)"
        );
        assert_eq!(of("sync.idle.c.bytes_up").compared_with, "A, b 1; d 3");
        assert_eq!(of("sync.idle.c.bytes_up").conditions, "N=500; none");
    }

    #[test]
    fn what_was_measured_for_other_numbers_of_tickets_is_not_quoted() {
        assert_eq!(figures(&[measured("a", 1)], 40)[2].compared_with, "");
    }
}
