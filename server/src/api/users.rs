//! Keeping accounts: who there is, with which roles, and how they get back in. For administrators.
//!
//! Invariant: every change asks for a recent proof and makes a new catalogue where it shows there; nobody
//! takes the keeping of accounts or the account from themselves, so that one is always left.

use axum::extract::State;
use axum::http::StatusCode;
use gongdan_core::catalogue::Person;
use gongdan_core::clock::Timestamp;
use gongdan_core::ids::PersonId;
use gongdan_core::policy::{Capability, Role, holds};
use rusqlite::Transaction;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::account::{SessionList, parse_session};
use super::problem::{ApiError, ApiJson, ApiPath, Problem};
use crate::AppState;
use crate::audit::{self, Action, Actor};
use crate::auth::extract::OfficeAuth;
use crate::auth::users::User;
use crate::auth::{password, second_factor, sessions, users};
use crate::organisation;
use crate::store::{StoreError, blocking};

/// Characters of a name.
const NAME_CHARS_MAX: usize = 60;
/// Product lines that one person is skilled in.
const SKILLS_MAX: usize = 100;

/// A person with an account.
#[derive(Serialize, ToSchema)]
#[schema(title = "User")]
pub(super) struct UserBody {
    /// Employee number.
    id: PersonId,
    name: String,
    roles: Vec<Role>,
    /// Code of the service group.
    group: Option<String>,
    /// Codes of product lines.
    skills: Vec<String>,
    /// Code of the partner or branch they work for.
    unit: Option<String>,
    active: bool,
    /// Has a password.
    has_password: bool,
    /// The password was drawn for them and is to be changed.
    password_temporary: bool,
    /// An authenticator app is set up.
    totp: bool,
    passkeys: u32,
    /// Recovery codes left.
    recovery_codes: u32,
    /// Sessions open now.
    sessions: usize,
}

#[derive(Serialize, ToSchema)]
pub(super) struct UserList {
    users: Vec<UserBody>,
}

fn body(
    connection: &rusqlite::Connection,
    user: User,
    now: Timestamp,
) -> Result<UserBody, StoreError> {
    let factors = second_factor::factors(connection, &user.person.id)?;
    let sessions = sessions::list(connection, &user.person.id, now)?.len();
    Ok(UserBody {
        has_password: user.password_hash.is_some(),
        id: user.person.id,
        name: user.person.name,
        roles: user.person.roles,
        group: user.person.group,
        skills: user.person.skills,
        unit: user.person.unit,
        active: user.active,
        password_temporary: user.password_temporary,
        totp: factors.totp,
        passkeys: factors.passkeys,
        recovery_codes: factors.recovery_codes,
        sessions,
    })
}

/// Everybody, by employee number. For administrators.
#[utoipa::path(
    get, path = "/v1/users", tag = "users", security(("session" = [])),
    responses((status = 200, body = UserList), (status = 401, body = Problem), (status = 403, body = Problem))
)]
pub(super) async fn list(
    State(state): State<AppState>,
    office: OfficeAuth,
) -> Result<ApiJson<UserList>, ApiError> {
    office.require_capability(Capability::KeepAccounts)?;
    let now = state.host.now();
    let users = state
        .db
        .read_async(move |c| {
            let all = users::list(c)?.into_iter();
            all.map(|user| body(c, user, now))
                .collect::<Result<_, StoreError>>()
        })
        .await?;
    Ok(ApiJson(UserList { users }))
}

#[derive(Deserialize, ToSchema)]
pub(super) struct NewUser {
    /// Employee number: 1 to 32 of letters, digits and hyphens.
    id: String,
    /// 1 to 60 characters.
    name: String,
    /// At least one.
    roles: Vec<Role>,
    #[serde(default)]
    group: Option<String>,
    #[serde(default)]
    skills: Vec<String>,
    /// Code of the partner or branch they work for.
    #[serde(default)]
    unit: Option<String>,
}

/// Adds a person, who has no password yet. For administrators; asks for a step-up.
#[utoipa::path(
    post, path = "/v1/users", tag = "users", security(("session" = [])), request_body = NewUser,
    responses(
        (status = 201, body = UserBody),
        (status = 400, body = Problem, description = "`malformed_body`, `invalid_person`, `invalid_name`, \
            `no_role`, `unknown_group`, `unknown_product_line`, `unknown_unit`"),
        (status = 401, body = Problem),
        (status = 403, body = Problem, description = "`forbidden`, `step_up_required`, `foreign_request`"),
        (status = 409, body = Problem, description = "`person_exists`"),
    )
)]
pub(super) async fn add(
    State(state): State<AppState>,
    office: OfficeAuth,
    ApiJson(request): ApiJson<NewUser>,
) -> Result<(StatusCode, ApiJson<UserBody>), ApiError> {
    let now = state.host.now();
    require(&office, now)?;
    let id: PersonId = request
        .id
        .trim()
        .parse()
        .map_err(|_| bad("invalid_person"))?;
    let person = Person {
        id,
        name: request.name.trim().to_owned(),
        roles: request.roles,
        group: request.group,
        skills: request.skills,
        unit: request.unit,
    };
    let added = state
        .db
        .write_async(move |tx| {
            if users::find(tx, &person.id)?.is_some() {
                return Err(ApiError::new(StatusCode::CONFLICT, "person_exists"));
            }
            save(tx, &person, now)?;
            let detail = audit::about("person", person.id.as_str());
            let actor = Actor::Person(office.person);
            audit::append(tx, now, &actor, Action::PersonChanged, detail)?;
            shown(tx, &person.id, now)
        })
        .await?;
    state.wake.ring();
    Ok((StatusCode::CREATED, ApiJson(added)))
}

/// What is to change; what is left out stays.
#[derive(Deserialize, ToSchema)]
pub(super) struct UserChange {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    roles: Option<Vec<Role>>,
    /// Code of the service group; empty for none.
    #[serde(default)]
    group: Option<String>,
    #[serde(default)]
    skills: Option<Vec<String>>,
    /// Code of the partner or branch they work for; empty for none.
    #[serde(default)]
    unit: Option<String>,
    /// An inactive person is signed out, and their devices may only upload.
    #[serde(default)]
    active: Option<bool>,
}

/// Changes a person's name, roles, group, skills or activity. For administrators; asks for a step-up.
#[utoipa::path(
    patch, path = "/v1/users/{id}", tag = "users", security(("session" = [])), request_body = UserChange,
    params(("id" = String, Path, description = "Employee number")),
    responses(
        (status = 200, body = UserBody),
        (status = 400, body = Problem, description = "`malformed_body`, `invalid_name`, `no_role`, \
            `unknown_group`, `unknown_product_line`, `unknown_unit`"),
        (status = 401, body = Problem),
        (status = 403, body = Problem, description = "`forbidden`, `step_up_required`, `foreign_request`"),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "`own_account`: nobody shuts themselves out"),
    )
)]
pub(super) async fn change(
    State(state): State<AppState>,
    office: OfficeAuth,
    ApiPath(id): ApiPath<String>,
    ApiJson(request): ApiJson<UserChange>,
) -> Result<ApiJson<UserBody>, ApiError> {
    let now = state.host.now();
    require(&office, now)?;
    let id = parse_person(&id)?;
    let loses_keeping = request
        .roles
        .as_ref()
        .is_some_and(|roles| !holds(roles, Capability::KeepAccounts));
    if id == office.person && (loses_keeping || request.active == Some(false)) {
        return Err(ApiError::new(StatusCode::CONFLICT, "own_account"));
    }
    let changed = state
        .db
        .write_async(move |tx| {
            let user = users::find(tx, &id)?.ok_or_else(ApiError::not_found)?;
            let mut person = user.person;
            if let Some(name) = request.name {
                name.trim().clone_into(&mut person.name);
            }
            if let Some(roles) = request.roles {
                person.roles = roles;
            }
            if let Some(group) = request.group {
                person.group = Some(group).filter(|group| !group.is_empty());
            }
            if let Some(skills) = request.skills {
                person.skills = skills;
            }
            if let Some(unit) = request.unit {
                person.unit = Some(unit).filter(|unit| !unit.is_empty());
            }
            if let Some(active) = request.active {
                users::set_active(tx, &id, active)?;
            }
            save(tx, &person, now)?;
            shown(tx, &id, now)
        })
        .await?;
    state.wake.ring();
    Ok(ApiJson(changed))
}

/// A password; shown this once.
#[derive(Serialize, ToSchema)]
pub(super) struct DrawnPassword {
    password: String,
}

/// Draws a password for a person, to be changed at the first sign-in; they are signed out. For
/// administrators; asks for a step-up.
#[utoipa::path(
    post, path = "/v1/users/{id}/password", tag = "users", security(("session" = [])),
    params(("id" = String, Path, description = "Employee number")),
    responses(
        (status = 200, body = DrawnPassword), (status = 401, body = Problem),
        (status = 403, body = Problem, description = "`forbidden`, `step_up_required`, `foreign_request`"),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "`own_account`: one's own is changed at `/v1/account`"),
    )
)]
pub(super) async fn draw_password(
    State(state): State<AppState>,
    office: OfficeAuth,
    ApiPath(id): ApiPath<String>,
) -> Result<ApiJson<DrawnPassword>, ApiError> {
    let id = of_another(&office, &id, state.host.now())?;
    let host = state.host.clone();
    let (password, hash) = blocking(move || {
        let password = password::generate(&host);
        let hash = password::hash(&host, &password);
        (password, hash)
    })
    .await;
    state
        .db
        .write_async(move |tx| {
            users::find(tx, &id)?.ok_or_else(ApiError::not_found)?;
            Ok::<_, ApiError>(users::set_password(tx, &id, &hash, true)?)
        })
        .await?;
    Ok(ApiJson(DrawnPassword { password }))
}

/// Takes the second factors of a person away, who lost them; they are signed out. For administrators; asks
/// for a step-up.
#[utoipa::path(
    delete, path = "/v1/users/{id}/second-factors", tag = "users", security(("session" = [])),
    params(("id" = String, Path, description = "Employee number")),
    responses(
        (status = 204, description = "Taken away"), (status = 401, body = Problem),
        (status = 403, body = Problem, description = "`forbidden`, `step_up_required`, `foreign_request`"),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "`own_account`: one's own are kept at `/v1/account`"),
    )
)]
pub(super) async fn reset_second_factors(
    State(state): State<AppState>,
    office: OfficeAuth,
    ApiPath(id): ApiPath<String>,
) -> Result<StatusCode, ApiError> {
    let id = of_another(&office, &id, state.host.now())?;
    state
        .db
        .write_async(move |tx| {
            users::find(tx, &id)?.ok_or_else(ApiError::not_found)?;
            Ok::<_, ApiError>(second_factor::reset(tx, &id)?)
        })
        .await?;
    tracing::info!("second factors were reset");
    Ok(StatusCode::NO_CONTENT)
}

/// The sessions of a person, the last used first. For administrators.
#[utoipa::path(
    get, path = "/v1/users/{id}/sessions", tag = "users", security(("session" = [])),
    params(("id" = String, Path, description = "Employee number")),
    responses(
        (status = 200, body = SessionList), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem),
    )
)]
pub(super) async fn list_sessions(
    State(state): State<AppState>,
    office: OfficeAuth,
    ApiPath(id): ApiPath<String>,
) -> Result<ApiJson<SessionList>, ApiError> {
    office.require_capability(Capability::KeepAccounts)?;
    let (id, now) = (parse_person(&id)?, state.host.now());
    let listed = state
        .db
        .read_async(move |c| {
            users::find(c, &id)?.ok_or_else(ApiError::not_found)?;
            Ok::<_, ApiError>(sessions::list(c, &id, now)?)
        })
        .await?;
    Ok(ApiJson(SessionList::new(listed, &office.session)))
}

/// Ends a session of a person. For administrators; asks for a step-up.
#[utoipa::path(
    delete, path = "/v1/users/{id}/sessions/{session}", tag = "users", security(("session" = [])),
    params(
        ("id" = String, Path, description = "Employee number"),
        ("session" = String, Path, description = "Id of the session"),
    ),
    responses(
        (status = 204, description = "Ended"), (status = 401, body = Problem),
        (status = 403, body = Problem, description = "`forbidden`, `step_up_required`, `foreign_request`"),
        (status = 404, body = Problem),
    )
)]
pub(super) async fn revoke_session(
    State(state): State<AppState>,
    office: OfficeAuth,
    ApiPath((id, session)): ApiPath<(String, String)>,
) -> Result<StatusCode, ApiError> {
    require(&office, state.host.now())?;
    let (id, session) = (parse_person(&id)?, parse_session(&session)?);
    let ended = state
        .db
        .write_async(move |tx| sessions::revoke(tx, &id, &session))
        .await?;
    if ended {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ApiError::not_found())
    }
}

fn require(office: &OfficeAuth, now: Timestamp) -> Result<(), ApiError> {
    office.require_capability(Capability::KeepAccounts)?;
    office.require_recent(now)
}

fn of_another(office: &OfficeAuth, id: &str, now: Timestamp) -> Result<PersonId, ApiError> {
    require(office, now)?;
    let id = parse_person(id)?;
    if id == office.person {
        return Err(ApiError::new(StatusCode::CONFLICT, "own_account"));
    }
    Ok(id)
}

fn parse_person(id: &str) -> Result<PersonId, ApiError> {
    id.parse().map_err(|_| ApiError::not_found())
}

fn bad(code: &'static str) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, code)
}

/// Checks a person against the organisation, stores it, and makes the catalogue anew.
fn save(tx: &Transaction<'_>, person: &Person, now: Timestamp) -> Result<(), ApiError> {
    let chars = person.name.chars().count();
    if chars == 0 || chars > NAME_CHARS_MAX || person.name.chars().any(char::is_control) {
        return Err(bad("invalid_name"));
    }
    if person.roles.is_empty() || person.roles.len() > Role::ALL.len() {
        return Err(bad("no_role"));
    }
    let catalogue = organisation::current(tx)?;
    let known_group = |code: &str| {
        let catalogue = catalogue.as_ref();
        catalogue.is_some_and(|c| c.groups.iter().any(|group| group.code == code))
    };
    let known_line = |code: &String| {
        let catalogue = catalogue.as_ref();
        catalogue.is_some_and(|c| c.product_lines.iter().any(|line| line.code == *code))
    };
    if person
        .group
        .as_deref()
        .is_some_and(|code| !known_group(code))
    {
        return Err(bad("unknown_group"));
    }
    let known_unit = |code: &str| {
        let catalogue = catalogue.as_ref();
        catalogue.is_some_and(|c| c.units.iter().any(|unit| unit.code == code))
    };
    if person.unit.as_deref().is_some_and(|code| !known_unit(code)) {
        return Err(bad("unknown_unit"));
    }
    if person.skills.len() > SKILLS_MAX || !person.skills.iter().all(known_line) {
        return Err(bad("unknown_product_line"));
    }
    users::upsert(tx, person, now)?;
    organisation::refresh(tx, now)?;
    Ok(())
}

fn shown(tx: &Transaction<'_>, id: &PersonId, now: Timestamp) -> Result<UserBody, ApiError> {
    let user = users::find(tx, id)?.ok_or_else(ApiError::not_found)?;
    Ok(body(tx, user, now)?)
}
