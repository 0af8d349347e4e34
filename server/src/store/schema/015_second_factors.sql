-- Signing in with more than a password, and sessions that people can look through.

-- Sessions of before lack what is kept now: everybody signs in once more.
DROP TABLE sessions;
CREATE TABLE sessions (
    token_hash  BLOB    PRIMARY KEY CHECK (length(token_hash) = 32),
    id          BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),  -- its name in lists; says nothing of the cookie
    person      TEXT    NOT NULL REFERENCES users (person),
    proof       TEXT    NOT NULL CHECK (proof IN ('password', 'totp', 'recovery_code', 'passkey')),
    lacks       TEXT    CHECK (lacks IN ('new_password', 'second_factor')),  -- until it is there, the session
                                               -- serves for the own account alone; NULL: nothing
    agent       TEXT    NOT NULL,              -- what the browser calls itself, cut
    created_at  INTEGER NOT NULL,              -- when the person proved to be it
    seen_at     INTEGER NOT NULL,              -- last request, to the minute
    expires_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
CREATE INDEX sessions_by_person ON sessions (person);

ALTER TABLE users ADD COLUMN password_temporary INTEGER NOT NULL DEFAULT 0
    CHECK (password_temporary IN (0, 1));      -- drawn by an administrator: to be changed at the first sign-in
ALTER TABLE users ADD COLUMN passkey_handle BLOB
    CHECK (length(passkey_handle) = 16);       -- random name of the person for authenticators (WebAuthn user handle)
CREATE UNIQUE INDEX users_by_passkey_handle ON users (passkey_handle) WHERE passkey_handle IS NOT NULL;

CREATE TABLE totp (
    person        TEXT    PRIMARY KEY REFERENCES users (person),
    secret        BLOB    NOT NULL CHECK (length(secret) = 20),
    confirmed_at  INTEGER,                     -- NULL until a first code was right
    last_step     INTEGER NOT NULL             -- codes of this step and before serve no more (RFC 6238 section 5.2)
) STRICT, WITHOUT ROWID;

CREATE TABLE recovery_codes (
    code_hash   BLOB    PRIMARY KEY CHECK (length(code_hash) = 32),
    person      TEXT    NOT NULL REFERENCES users (person),
    created_at  INTEGER NOT NULL,
    used_at     INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX recovery_codes_by_person ON recovery_codes (person);

CREATE TABLE passkeys (
    idx            INTEGER PRIMARY KEY,
    credential_id  BLOB    NOT NULL UNIQUE,
    person         TEXT    NOT NULL REFERENCES users (person),
    name           TEXT    NOT NULL,
    credential     TEXT    NOT NULL,           -- public key, counter and flags, as the library writes them (JSON)
    created_at     INTEGER NOT NULL,
    used_at        INTEGER
) STRICT;
CREATE INDEX passkeys_by_person ON passkeys (person);

-- Failures are counted under accounts, browsers and addresses from now on; what was counted is forgotten.
DELETE FROM sign_in_failures;
CREATE INDEX sign_in_failures_by_time ON sign_in_failures (failed_at);
