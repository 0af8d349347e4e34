//! `gongdan user add|list|deactivate|activate`.

use std::io::BufRead;

use clap::Subcommand;
use gongdan_core::catalogue::Person;
use gongdan_core::clock::Timestamp;
use gongdan_core::ids::PersonId;
use gongdan_core::policy::Role;
use rusqlite::Transaction;

use super::{Global, Outcome, Output};
use crate::audit::{self, Action, Actor};
use crate::auth::password::{self, Weakness};
use crate::auth::users;
use crate::organisation;
use crate::store::StoreError;

#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// 新增人员或更新其资料并设置密码 · Add a person, or update one and set a password
    Add(Add),
    /// 列出人员 · List people
    List,
    /// 停用 · Make a person inactive: signed out, devices may only upload
    Deactivate {
        /// 工号 · Employee number
        id: PersonId,
    },
    /// 启用 · Make a person active again
    Activate {
        /// 工号 · Employee number
        id: PersonId,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// 工号 · Employee number
    id: PersonId,
    /// 姓名；已有人员可省略 · Name; may be left out for somebody who is there already
    #[arg(long)]
    name: Option<String>,
    /// 角色，可多次给出 · Role, may be given several times
    #[arg(long = "role", value_parser = role)]
    roles: Vec<Role>,
    /// 服务组代码 · Code of the service group
    #[arg(long)]
    group: Option<String>,
    /// 技能（产品线代码） · Code of a product line they are skilled in
    #[arg(long = "skill")]
    skills: Vec<String>,
    /// 所属合作商或分公司的代码 · Code of the partner or branch they work for
    #[arg(long)]
    unit: Option<String>,
    /// 从标准输入读取密码 · Read the password from standard input; one is drawn and printed otherwise
    #[arg(long)]
    password_stdin: bool,
}

fn role(text: &str) -> Result<Role, String> {
    let name = text.replace('-', "_");
    Role::ALL
        .into_iter()
        .find(|role| role_name(*role) == name)
        .ok_or_else(|| {
            let names: Vec<String> = Role::ALL.into_iter().map(role_name).collect();
            format!("one of {}", names.join(", "))
        })
}

fn role_name(role: Role) -> String {
    let json = serde_json::to_value(role).expect("a role is JSON");
    json.as_str().unwrap_or_default().to_owned()
}

impl User {
    pub(super) fn run(&self, global: &Global, out: Output<'_>) -> Outcome {
        match self {
            Self::Add(add) => add.run(global, out),
            Self::List => list(global, out),
            Self::Deactivate { id } => set_active(global, id, false),
            Self::Activate { id } => set_active(global, id, true),
        }
    }
}

impl Add {
    fn run(&self, global: &Global, out: Output<'_>) -> Outcome {
        let state = global.open()?;
        let (chosen, drawn) = if self.password_stdin {
            let mut line = String::new();
            std::io::stdin().lock().read_line(&mut line)?;
            let line = line.trim_end_matches(['\r', '\n']).to_owned();
            let own = [self.id.as_str(), self.name.as_deref().unwrap_or_default()];
            match password::weakness(&line, &own) {
                None => {}
                Some(Weakness::Length) => {
                    let (min, max) = (password::PASSWORD_CHARS_MIN, password::PASSWORD_BYTES_MAX);
                    return Err(format!(
                        "set a password: it must have at least {min} characters and at most {max} bytes"
                    )
                    .into());
                }
                Some(Weakness::Common) => {
                    return Err(
                        "set a password: it is among the first that would be guessed".into(),
                    );
                }
            }
            (line, false)
        } else {
            (password::generate(&state.host), true)
        };
        let hash = password::hash(&state.host, &chosen);
        let now = state.host.now();
        let person = state.db.write(|tx| {
            let person = self.person(users::find(tx, &self.id)?.map(|user| user.person));
            if let Some(person) = &person {
                users::upsert(tx, person, now)?;
                users::set_password(tx, &person.id, &hash, false)?;
                organisation::refresh(tx, now)?;
                changed(tx, &person.id, now)?;
            }
            Ok::<_, StoreError>(person)
        })?;
        let person = person.ok_or("add a person: a new one needs --name and --role")?;
        writeln!(out, "工号 · employee number: {}", person.id)?;
        if drawn {
            writeln!(out, "密码 · password: {chosen}")?;
        }
        Ok(())
    }

    /// What is given, over what is there; `None` if a new person would lack a name or roles.
    fn person(&self, there: Option<Person>) -> Option<Person> {
        let mut person = match (there, &self.name) {
            (Some(there), _) => there,
            (None, Some(name)) if !self.roles.is_empty() => Person {
                id: self.id.clone(),
                name: name.clone(),
                roles: Vec::new(),
                group: None,
                skills: Vec::new(),
                unit: None,
            },
            _ => return None,
        };
        if let Some(name) = &self.name {
            person.name.clone_from(name);
        }
        if !self.roles.is_empty() {
            person.roles.clone_from(&self.roles);
        }
        if self.group.is_some() {
            person.group.clone_from(&self.group);
        }
        if self.unit.is_some() {
            person.unit.clone_from(&self.unit);
        }
        if !self.skills.is_empty() {
            person.skills.clone_from(&self.skills);
        }
        Some(person)
    }
}

fn list(global: &Global, out: Output<'_>) -> Outcome {
    let state = global.open()?;
    for user in state.db.read(users::list)? {
        let roles: Vec<String> = user.person.roles.iter().copied().map(role_name).collect();
        let (active, password) = (
            if user.active {
                ""
            } else {
                " (停用 · inactive)"
            },
            user.password_hash.is_some(),
        );
        let signs_in = if password {
            "可登录 · signs in"
        } else {
            "-"
        };
        writeln!(
            out,
            "{}\t{}\t{}\t{signs_in}{active}",
            user.person.id,
            user.person.name,
            roles.join(",")
        )?;
    }
    Ok(())
}

fn set_active(global: &Global, id: &PersonId, active: bool) -> Outcome {
    let state = global.open()?;
    let now = state.host.now();
    let found = state.db.write(|tx| {
        let found = users::set_active(tx, id, active)?;
        organisation::refresh(tx, now)?;
        if found {
            changed(tx, id, now)?;
        }
        Ok::<_, StoreError>(found)
    })?;
    if found {
        Ok(())
    } else {
        Err(format!("find a person: nobody has the employee number {id}").into())
    }
}

fn changed(tx: &Transaction<'_>, id: &PersonId, now: Timestamp) -> Result<(), StoreError> {
    let detail = audit::about("person", id.as_str());
    audit::append(tx, now, &Actor::Operator, Action::PersonChanged, detail)
}
