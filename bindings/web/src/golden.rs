//! Golden files: what commands must come to, in every build and for ever.
//!
//! Invariant: [`run`] reads the commands, their bases and authors, and nothing of what is expected; a file
//! that a release made comes out of every later build byte for byte as it went in.

use gongdan_core::clock::Timestamp;
use gongdan_core::document::{Inexecutable, TicketDoc};
use gongdan_core::ids::{ActorId, ChangeHash, CommandId, Part};
use gongdan_core::ticket::{Authored, Command};
use serde::{Deserialize, Serialize};

/// A golden file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// The release that made it.
    pub release: String,
    /// Documents, each with the commands that make it.
    pub documents: Vec<Document>,
}

/// A document by its commands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// What it shows.
    pub name: String,
    /// Which part.
    pub part: Part,
    /// The commands in the order they are executed here.
    pub steps: Vec<Step>,
    /// The heads after all of them.
    pub heads: Vec<ChangeHash>,
}

/// A command and what it comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The heads it is executed on; the tip where there are none named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Vec<ChangeHash>>,
    /// Who writes the change.
    pub actor: ActorId,
    /// The command's name.
    pub id: CommandId,
    /// Its claimed time, in seconds since 1970.
    pub at: i64,
    /// The command in JSON.
    pub command: Command,
    /// The command on the wire, in hexadecimal digits.
    pub cbor: String,
    /// What comes of it.
    pub outcome: Outcome,
}

/// What comes of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A change of this hash.
    Change(ChangeHash),
    /// Nothing is written.
    Inexecutable(Inexecutable),
    /// The base is not there.
    UnknownBase,
    /// The bytes of the wire are not this command.
    OtherCommand,
}

/// Executes a file's commands; the same file with what came out.
pub fn run(file: &File) -> File {
    let documents = file.documents.iter().map(run_document).collect();
    File {
        release: file.release.clone(),
        documents,
    }
}

fn run_document(document: &Document) -> Document {
    let mut doc = TicketDoc::genesis(document.part);
    let steps = document
        .steps
        .iter()
        .map(|step| {
            let outcome = run_step(&mut doc, step);
            let cbor = hex(&encode(&step.command));
            Step {
                outcome,
                cbor,
                ..step.clone()
            }
        })
        .collect();
    Document {
        steps,
        heads: doc.heads(),
        ..document.clone()
    }
}

fn run_step(doc: &mut TicketDoc, step: &Step) -> Outcome {
    // What other replicas get is the wire's form, so that is what is executed.
    let Some(command) =
        unhex(&step.cbor).and_then(|bytes| minicbor::decode::<Command>(&bytes).ok())
    else {
        return Outcome::OtherCommand;
    };
    if command != step.command {
        return Outcome::OtherCommand;
    }
    let base = step.base.clone().unwrap_or_else(|| doc.heads());
    let Some(mut fork) = doc.fork_at(&base) else {
        return Outcome::UnknownBase;
    };
    let authored = Authored {
        id: step.id,
        at: Timestamp(step.at),
        command,
    };
    match fork.execute(step.actor, &authored) {
        Ok(executed) => {
            doc.merge(&mut fork);
            Outcome::Change(executed.hash)
        }
        Err(why) => Outcome::Inexecutable(why),
    }
}

/// A command as it is on the wire.
pub fn encode(command: &Command) -> Vec<u8> {
    gongdan_core::sync::codec::encode(command)
}

/// Bytes in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of hexadecimal digits.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}
