//! A technician's work on one ticket, tap by tap, as the phone's screens would send it: every command is
//! an act of its own, but those that the customer's confirmation binds together.

use anyhow::{Context, Result};
use gongdan_core::catalogue::{Catalogue, Checklist, ProductLine};
use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{ChangeHash, TicketId};
use gongdan_core::replica::Seen;
use gongdan_core::ticket::command::{ChecklistEntry, InkPoint, WaitingFor};
use gongdan_core::ticket::{
    Answer, Capacity, Command, ConfirmationMethod, Field, FourAnswers, Ink, Ticket,
};
use sha2::{Digest, Sha256};

use crate::dice::Dice;
use crate::handset::Handset;
use crate::phrases::{Case, Phrases};

const MINUTE: i64 = 60;

/// A technician with a phone, on the road.
pub(crate) struct Technician {
    pub(crate) phone: Handset,
    /// Where this person's day is: claimed times come from here.
    pub(crate) clock: Timestamp,
    pub(crate) dice: Dice,
    /// The tickets of the day, in the order of the plan.
    pub(crate) tickets: Vec<TicketId>,
}

/// What a technician has at hand on site: all of it is on the phone.
pub(crate) struct Kit<'a> {
    pub(crate) phrases: &'a Phrases,
    pub(crate) catalogue: &'a Catalogue,
}

impl Technician {
    fn passes(&mut self, from_minutes: i64, to_minutes: i64) {
        let seconds = self
            .dice
            .between(from_minutes * MINUTE, to_minutes * MINUTE);
        self.clock = self.clock.plus(seconds);
    }

    /// One command on what the screen shows now.
    pub(crate) fn does(&mut self, ticket: TicketId, command: Command) -> Result<()> {
        self.act(ticket, vec![command])
    }

    fn act(&mut self, ticket: TicketId, commands: Vec<Command>) -> Result<()> {
        let names: Vec<_> = commands.iter().map(Command::action).collect();
        self.phone
            .execute(self.clock, ticket, &Seen::new(), commands)
            .with_context(|| format!("{names:?} on {ticket}"))
    }

    fn ticket(&mut self, id: TicketId) -> Result<Ticket> {
        Ok(self.phone.show(id)?.ticket)
    }

    /// The way there, the first half of the checklist, the diagnosis. Nothing that decides the ticket's state.
    pub(crate) fn begins(&mut self, kit: &Kit<'_>, id: TicketId) -> Result<()> {
        let ticket = self.ticket(id)?;
        let case = kit.case(&ticket)?;
        if !case.is_remote() {
            self.passes(2, 6);
            self.does(id, Command::Depart)?;
            self.passes(8, 18);
            self.does(id, Command::Arrive)?;
            self.passes(1, 3);
            let first = kit.answers(&ticket, &mut self.dice, Half::First)?;
            self.does(id, Command::AnswerChecklist { answers: first })?;
        }
        for (operation, result) in &case.steps {
            self.passes(2, 5);
            let (operation, result) = (operation.clone(), result.clone());
            self.does(id, Command::RecordStep { operation, result })?;
        }
        Ok(())
    }

    /// Root cause and route (R57, R58).
    pub(crate) fn diagnoses(&mut self, kit: &Kit<'_>, id: TicketId) -> Result<()> {
        let ticket = self.ticket(id)?;
        let case = kit.case(&ticket)?;
        self.passes(1, 2);
        let diagnosis = Command::Diagnose {
            cause: case.cause.clone(),
            route: case.route.clone(),
            conclusion: case.conclusion.clone(),
        };
        self.does(id, diagnosis)
    }

    /// Quote and consent before the work (R71), parts, a note.
    pub(crate) fn repairs(&mut self, kit: &Kit<'_>, id: TicketId) -> Result<()> {
        let ticket = self.ticket(id)?;
        let case = kit.case(&ticket)?;
        self.passes(1, 2);
        let quote = Command::Quote {
            amount_fen: case.amount_fen,
            explanation: case.explanation.clone(),
        };
        self.does(id, quote)?;
        let quote = self
            .ticket(id)?
            .quotes
            .pop()
            .context("a quote just given")?;
        self.passes(1, 2);
        let consent = Command::RecordConsent {
            quote: quote.key,
            agreed: true,
            by: Capacity::Customer,
        };
        self.does(id, consent)?;
        if let Some(part) = &case.part {
            self.passes(5, 12);
            let used = Command::UsePart {
                part_number: part.clone(),
                name: kit.part_name(&ticket, part)?,
                quantity: case.quantity,
            };
            self.does(id, used)?;
        }
        self.passes(1, 3);
        let note = Command::WriteNote {
            part: gongdan_core::ids::Part::Service,
            text: case.note.clone(),
        };
        self.does(id, note)
    }

    /// The rest of the checklist, and the work is done.
    pub(crate) fn completes(&mut self, kit: &Kit<'_>, id: TicketId) -> Result<()> {
        let ticket = self.ticket(id)?;
        let case = kit.case(&ticket)?;
        if !case.is_remote() {
            self.passes(4, 9);
            let answers = kit.answers(&ticket, &mut self.dice, Half::Second)?;
            self.does(id, Command::AnswerChecklist { answers })?;
        }
        self.passes(1, 2);
        let summary = case.summary.clone();
        self.does(id, Command::Complete { summary })
    }

    /// The customer confirms what the screen shows: four answers (R90) and a drawn signature in one act, or
    /// a reply where nobody met.
    pub(crate) fn has_it_confirmed(&mut self, kit: &Kit<'_>, id: TicketId) -> Result<()> {
        let ticket = self.ticket(id)?;
        let case = kit.case(&ticket)?;
        self.passes(1, 3);
        let shown = shown(&ticket, kit.catalogue);
        let answers = FourAnswers {
            solved: true,
            satisfied: true,
            professionalism: u8::try_from(self.dice.between(8, 10)).unwrap_or(10),
            comments: Some(self.dice.one(&kit.phrases.comments.satisfied).clone()),
        };
        if case.is_remote() {
            let method = ConfirmationMethod::Reply;
            return self.does(
                id,
                Command::Confirm {
                    method,
                    answers,
                    shown,
                },
            );
        }
        let signer = ticket
            .text(Field::CustomerName)
            .unwrap_or("客户")
            .to_owned();
        let ink = signature(&mut self.dice, signer.chars().count());
        let confirm = Command::Confirm {
            method: ConfirmationMethod::Signature,
            answers,
            shown,
        };
        let signature = Command::RecordSignature {
            signer,
            capacity: Capacity::Customer,
            shown,
            ink,
        };
        self.act(id, vec![confirm, signature])
    }

    /// All of it.
    pub(crate) fn visits(&mut self, kit: &Kit<'_>, id: TicketId) -> Result<()> {
        self.begins(kit, id)?;
        self.diagnoses(kit, id)?;
        self.repairs(kit, id)?;
        self.completes(kit, id)?;
        self.has_it_confirmed(kit, id)
    }

    /// A part is missing: begun, diagnosed, and left waiting.
    pub(crate) fn suspends(&mut self, kit: &Kit<'_>, id: TicketId) -> Result<()> {
        self.begins(kit, id)?;
        self.diagnoses(kit, id)?;
        self.passes(1, 2);
        let suspend = Command::Suspend {
            waiting_for: WaitingFor::Parts,
            reason: "车上无此配件，仓库调拨后再次上门".to_owned(),
        };
        self.does(id, suspend)
    }
}

/// Which half of the checklist.
#[derive(Clone, Copy)]
enum Half {
    First,
    Second,
}

impl Kit<'_> {
    pub(crate) fn case(&self, ticket: &Ticket) -> Result<&Case> {
        let line = ticket.text(Field::ProductLine).unwrap_or_default();
        self.phrases.case(line, &ticket.problem)
    }

    fn product_line(&self, ticket: &Ticket) -> Result<&ProductLine> {
        let code = ticket.text(Field::ProductLine);
        let mut lines = self.catalogue.product_lines.iter();
        lines
            .find(|line| Some(line.code.as_str()) == code)
            .with_context(|| format!("product line {code:?} is not in the catalogue"))
    }

    fn checklist(&self, ticket: &Ticket) -> Result<&Checklist> {
        let code = &self.product_line(ticket)?.checklist;
        let mut lists = self.catalogue.checklists.iter();
        lists
            .find(|list| list.code == *code)
            .with_context(|| format!("checklist {code} is not in the catalogue"))
    }

    fn part_name(&self, ticket: &Ticket, number: &str) -> Result<String> {
        let parts = &self.product_line(ticket)?.parts;
        let part = parts.iter().find(|part| part.code == number);
        let part = part.with_context(|| format!("part {number} is not in the catalogue"))?;
        Ok(part.label.zh.clone())
    }

    fn answers(&self, ticket: &Ticket, dice: &mut Dice, half: Half) -> Result<Vec<ChecklistEntry>> {
        let items = &self.checklist(ticket)?.items;
        let (first, second) = items.split_at(items.len() / 2);
        let items = match half {
            Half::First => first,
            Half::Second => second,
        };
        let answer = |code: &str, dice: &mut Dice| match self.phrases.readings.get(code) {
            Some(readings) if !readings.is_empty() => Answer::Reading {
                text: dice.one(readings).clone(),
            },
            _ => Answer::Done,
        };
        Ok(items
            .iter()
            .map(|item| ChecklistEntry {
                item: item.code.clone(),
                answer: answer(&item.code, dice),
            })
            .collect())
    }
}

/// SHA-256 of the lines that the customer reads before confirming.
fn shown(ticket: &Ticket, catalogue: &Catalogue) -> ChangeHash {
    let mut lines = vec![ticket.label(), ticket.problem.clone()];
    lines.extend(ticket.text(Field::CompletionSummary).map(str::to_owned));
    for part in ticket.parts_used.iter().filter(|part| !part.struck_out) {
        lines.push(format!(
            "{} {} ×{}",
            part.part_number, part.name, part.quantity
        ));
    }
    for quote in &ticket.quotes {
        let (yuan, fen) = (quote.amount_fen / 100, quote.amount_fen % 100);
        lines.push(format!("{} ¥{yuan}.{fen:02}", quote.explanation));
    }
    lines.push(catalogue.consent.zh.clone());
    ChangeHash(Sha256::digest(lines.join("\n")).into())
}

/// A hand at work: a few bent strokes for every character.
fn signature(dice: &mut Dice, characters: usize) -> Ink {
    let (width, height) = (32_000, 12_000);
    let characters = i64::try_from(characters.clamp(1, 6)).unwrap_or(1);
    let cell = 28_000 / characters;
    let (mut strokes, mut millis) = (Vec::new(), 0);
    for character in 0..characters {
        let left = 2_000 + character * cell;
        for _ in 0..dice.between(3, 5) {
            let mut x = left + dice.between(0, cell / 2);
            let mut y = dice.between(2_500, 8_000);
            let (along, down) = (dice.between(-60, 260), dice.between(-40, 220));
            let bend = dice.between(-9, 9);
            let mut stroke = Vec::new();
            for point in 0..dice.between(9, 16) {
                stroke.push(InkPoint {
                    x: i32::try_from(x).unwrap_or(0),
                    y: i32::try_from(y).unwrap_or(0),
                    millis,
                    pressure: u16::try_from(dice.between(350, 800)).ok(),
                });
                x += along + bend * point;
                y += down - bend * point;
                millis += u32::try_from(dice.between(7, 11)).unwrap_or(8);
            }
            millis += u32::try_from(dice.between(60, 180)).unwrap_or(60);
            strokes.push(stroke);
        }
    }
    Ink {
        width,
        height,
        strokes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_has_strokes_for_every_character_and_time_goes_on() {
        let ink = signature(&mut Dice::new(3), 3);
        assert!((9..=15).contains(&ink.strokes.len()));
        let times: Vec<u32> = ink
            .strokes
            .iter()
            .flatten()
            .map(|point| point.millis)
            .collect();
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(ink, signature(&mut Dice::new(3), 3));
    }
}
