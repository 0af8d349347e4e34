-- Who there is: the server itself, the organisation, its people, their sessions and devices.
-- Times are whole UTC seconds since 1970; secrets of others are kept as SHA-256 only.

CREATE TABLE identity (
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    device      BLOB    NOT NULL CHECK (length(device) = 16),      -- id of the desk, the device of the console
    secret_key  BLOB    NOT NULL CHECK (length(secret_key) = 32),  -- Ed25519 seed
    created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE organisation (
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    json        TEXT    NOT NULL,   -- a Catalogue with version 0 and without people
    loaded_at   INTEGER NOT NULL
) STRICT;

-- Every version that a changeset may name; never deleted.
CREATE TABLE catalogues (
    version     INTEGER PRIMARY KEY CHECK (version > 0),
    json        TEXT    NOT NULL,   -- the effective Catalogue: organisation and active people
    created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE users (
    person         TEXT    PRIMARY KEY,        -- employee number (R5)
    name           TEXT    NOT NULL,
    roles          TEXT    NOT NULL,           -- JSON list of role names
    service_group  TEXT,                       -- code, NULL if in none
    skills         TEXT    NOT NULL,           -- JSON list of product line codes (R44)
    password_hash  TEXT,                       -- Argon2id, PHC form; NULL: may not sign in
    active         INTEGER NOT NULL CHECK (active IN (0, 1)),
    created_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    token_hash  BLOB    PRIMARY KEY CHECK (length(token_hash) = 32),
    person      TEXT    NOT NULL REFERENCES users (person),
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- Failed sign-ins by the name that was typed, known or not, so that both look alike from outside.
CREATE TABLE sign_in_failures (
    name_hash  BLOB    PRIMARY KEY CHECK (length(name_hash) = 32),
    failures   INTEGER NOT NULL CHECK (failures > 0),
    failed_at  INTEGER NOT NULL                -- the last of them
) STRICT, WITHOUT ROWID;

CREATE TABLE devices (
    idx          INTEGER PRIMARY KEY,          -- short name inside this database; never reused (nothing is deleted)
    device       BLOB    NOT NULL UNIQUE CHECK (length(device) = 16),
    person       TEXT    REFERENCES users (person),  -- NULL only for the desk itself
    name         TEXT    NOT NULL,
    public_key   BLOB    NOT NULL UNIQUE CHECK (length(public_key) = 32),  -- Ed25519
    enrolled_at  INTEGER NOT NULL,
    seen_at      INTEGER NOT NULL,             -- last request, to the minute
    revoked_at   INTEGER                       -- NULL while it may do more than upload
) STRICT;
CREATE INDEX devices_by_person ON devices (person);

CREATE TABLE enrolment_codes (
    code_hash   BLOB    PRIMARY KEY CHECK (length(code_hash) = 32),
    person      TEXT    NOT NULL REFERENCES users (person),
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    used_at     INTEGER,
    used_by     INTEGER REFERENCES devices (idx),
    CHECK ((used_at IS NULL) = (used_by IS NULL))
) STRICT, WITHOUT ROWID;

-- Bearer tokens of devices, for attachments and the wake stream.
CREATE TABLE tokens (
    token_hash  BLOB    PRIMARY KEY CHECK (length(token_hash) = 32),
    device_idx  INTEGER NOT NULL REFERENCES devices (idx),
    expires_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_by_expiry ON tokens (expires_at);
