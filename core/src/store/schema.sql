-- A replica's store. Columns never change their meaning; a later version adds.

-- Small facts: cursor, identity, catalogue, place in the device's sequence.
CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- A ticket's row in lists, derived from its documents.
CREATE TABLE tickets (
    id             BLOB NOT NULL PRIMARY KEY, -- UUID
    ticket_index   INTEGER UNIQUE,            -- the server's running number, once told
    status         TEXT NOT NULL,
    grade          TEXT,
    appointed_from INTEGER,                   -- seconds since 1970
    opened_at      INTEGER,                   -- seconds since 1970
    summary        TEXT NOT NULL,             -- the whole row, JSON
    search_text    TEXT NOT NULL
) STRICT;
CREATE INDEX tickets_in_order ON tickets (appointed_from IS NULL, appointed_from, opened_at DESC);

-- Two-character pieces of search_text: Chinese is searched by two characters.
CREATE TABLE ticket_grams (
    gram   TEXT NOT NULL,
    ticket BLOB NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
    PRIMARY KEY (gram, ticket)
) STRICT, WITHOUT ROWID;
CREATE INDEX ticket_grams_of ON ticket_grams (ticket);

-- Documents as the server admitted them.
CREATE TABLE mirrors (
    ticket   BLOB NOT NULL,
    part     INTEGER NOT NULL,                -- 0 service, 1 customer, 2 office
    document BLOB NOT NULL,                   -- Automerge's own format
    heads    BLOB NOT NULL,                   -- hashes of 32 bytes, one after another
    seq      INTEGER NOT NULL,                -- the part's last log entry in it; 0 for none
    PRIMARY KEY (ticket, part)
) STRICT;

-- Commands that the server has not admitted. Never deleted but by a verdict or a dismissal.
CREATE TABLE outbox (
    id     INTEGER PRIMARY KEY AUTOINCREMENT, -- order of execution
    ticket BLOB NOT NULL,
    part   INTEGER NOT NULL,
    state  INTEGER NOT NULL,                  -- 0 pending, 1 in flight, 2 held, 3 quarantined, 4 refused
    entry  BLOB NOT NULL                      -- CBOR, with the change it made
) STRICT;
CREATE INDEX outbox_of_part ON outbox (ticket, part);
CREATE INDEX outbox_in_state ON outbox (state);

-- Sealed changesets whose verdict is not final.
CREATE TABLE sealed (
    device_sequence INTEGER NOT NULL PRIMARY KEY,
    changeset       BLOB NOT NULL,            -- CBOR, signed
    entries         BLOB NOT NULL             -- CBOR array of outbox ids
) STRICT;

-- Who stands behind an actor.
CREATE TABLE actors (
    actor        BLOB NOT NULL PRIMARY KEY,
    device_index INTEGER NOT NULL,
    person       TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Devices whose signatures may be met.
CREATE TABLE devices (
    device_index INTEGER NOT NULL PRIMARY KEY,
    record       BLOB NOT NULL                -- CBOR
) STRICT;
