//! `gongdan import FILE`: service requests of a file, through the intake's ordinary way.
//!
//! Invariant: a row becomes a ticket by an act of a person who may open one, signed by the desk and judged
//! by the gate like everything else; nothing is written past it.

use std::path::PathBuf;

use gongdan_core::catalogue::Person;
use gongdan_core::ids::PersonId;
use gongdan_core::policy::{Relation, Role, may};
use gongdan_core::ticket::{Act, Action};

use super::{Ended, Global, Outcome, Output};
use crate::AppState;
use crate::api::problem::Chain;
use crate::audit;
use crate::auth::users;
use crate::import::{self, Intake, IntakeError, Language};
use crate::relay::DeskError;
use crate::relay::desk::Seen;
use crate::store::StoreError;
use crate::{organisation, read_model};

/// The exit code when some rows were not taken.
const SOME_BAD: u8 = 2;

#[derive(Debug, clap::Args)]
pub(super) struct Import {
    /// 服务请求文件（CSV 或 XLSX） · File of service requests (CSV or XLSX)
    file: PathBuf,
    /// 报告的语言 · Language of the report: zh, en
    #[arg(long, default_value = "zh", value_parser = language)]
    lang: Language,
    /// 以谁的名义受理（工号），默认第一位受理员或派单员 · In whose name (employee number); the first intake
    /// clerk or dispatcher unless given
    #[arg(long = "as")]
    person: Option<PersonId>,
}

fn language(text: &str) -> Result<Language, String> {
    match text {
        "zh" | "zh-CN" => Ok(Language::Chinese),
        "en" => Ok(Language::English),
        _ => Err("zh, en".to_owned()),
    }
}

impl Import {
    pub(super) fn run(&self, global: &Global, out: Output<'_>) -> Outcome {
        let state = global.open()?;
        let catalogue = state.db.read(organisation::current)?;
        let catalogue =
            catalogue.ok_or("import: no organisation is loaded; see `gongdan org load`")?;
        let clerk = clerk(&state, self.person.as_ref())?;
        let bytes = import::read(&self.file).map_err(|error| self.told(&error))?;
        let parsed = import::parse(&bytes, &catalogue, state.host.now())
            .map_err(|error| self.told(&error))?;
        let mut desk = Desk { state, clerk };
        let report = import::run(parsed, &mut desk);
        let detail = audit::about("person", desk.clerk.id.as_str());
        super::tell(&desk.state, audit::Action::RequestsImported, detail)?;
        writeln!(out, "{}", report.text(self.lang))?;
        if let Some(interrupted) = &report.interrupted {
            return Err(format!("import: {}", Chain(&interrupted.source)).into());
        }
        if report.errors.is_empty() {
            Ok(())
        } else {
            Err(Ended(SOME_BAD).into())
        }
    }

    fn told(&self, error: &import::FileError) -> String {
        format!("{}: {}", self.file.display(), error.text(self.lang))
    }
}

/// In whose name: who was asked for, or the first who takes requests in.
fn clerk(state: &AppState, asked: Option<&PersonId>) -> Result<Person, String> {
    let users = state
        .db
        .read(users::list)
        .map_err(|error| format!("import: {}", Chain(&error)))?;
    let mut active = users
        .into_iter()
        .filter(|user| user.active)
        .map(|user| user.person);
    match asked {
        Some(id) => active
            .find(|person| person.id == *id)
            .ok_or(format!("import: no active person {id}")),
        None => {
            let people: Vec<Person> = active.collect();
            let first = |role: Role| people.iter().find(|person| person.roles.contains(&role));
            let opens =
                |role: &Role| may(&[*role], Relation::OTHER, Action::Open) && role.is_office();
            let found = Role::ALL.into_iter().filter(opens).find_map(first);
            found
                .cloned()
                .ok_or("import: nobody may take requests in; see `gongdan user add`".to_owned())
        }
    }
}

/// The desk as an intake.
struct Desk {
    state: AppState,
    clerk: Person,
}

fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> IntakeError {
    IntakeError::Unavailable(Box::new(error))
}

impl Intake for Desk {
    fn seen(&mut self, external_ref: &str) -> Result<bool, IntakeError> {
        let found = self
            .state
            .db
            .read(|c| read_model::has_external_ref(c, external_ref));
        found.map_err(|error: StoreError| unavailable(error))
    }

    fn open(&mut self, act: Act) -> Result<(), IntakeError> {
        let now = self.state.host.now();
        let refused = |code: &str| {
            Err(IntakeError::Refused {
                code: code.to_owned(),
            })
        };
        match self
            .state
            .relay
            .execute(now, &self.clerk.id, None, &Seen::new(), &act)
        {
            Ok(_) => Ok(()),
            Err(DeskError::Store(error)) => Err(unavailable(error)),
            Err(DeskError::NotAdmitted { verdict }) => refused(verdict.name()),
            Err(DeskError::Inexecutable(_)) => refused("inexecutable"),
            Err(DeskError::UnknownCode { .. }) => refused("unknown_code"),
            Err(DeskError::Empty | DeskError::UnknownHeads | DeskError::UnknownTicket) => {
                refused("not_an_act")
            }
        }
    }
}
