-- The relay: what was received, what was admitted and in which order, and who may hold what.
-- Parts are coded 0 service, 1 customer, 2 office. Times are whole UTC seconds since 1970. A device is
-- named by devices.idx, a ticket by tickets.ticket_index. What can be replayed from inbox and log alone is
-- marked "derived": `gongdan rebuild` makes it anew.

CREATE TABLE relay_state (
    only         INTEGER PRIMARY KEY CHECK (only = 1),
    epoch        INTEGER NOT NULL,             -- random; another one after a restore from a backup
    verdict_seq  INTEGER NOT NULL              -- the newest number given to a change of a verdict
) STRICT;

CREATE TABLE tickets (
    ticket_index    INTEGER PRIMARY KEY,       -- running number that sync refers to a ticket by; never reused
    id              BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    number          TEXT    UNIQUE,            -- FW number (R29); NULL only within the admitting transaction
    created_seq     INTEGER NOT NULL,          -- log.seq of its opening
    opener          TEXT    NOT NULL,          -- employee number of who opened it
    opened_on       INTEGER NOT NULL,          -- devices.idx of the device it was opened on
    appointed_from  INTEGER,                   -- derived; what snapshots are ordered by
    grade           TEXT                       -- derived; likewise
) STRICT;

-- Numbers are taken inside the admitting transaction: one that fails gives its number back, so the ledger
-- has no gaps of its own making; a block that is skipped on purpose gets a row in ticket_number_gaps.
CREATE TABLE ticket_numbers (
    date      TEXT    PRIMARY KEY,             -- YYYY-MM-DD, local to the organisation
    sequence  INTEGER NOT NULL CHECK (sequence > 0)  -- the last one given
) STRICT, WITHOUT ROWID;

CREATE TABLE ticket_number_gaps (
    date      TEXT    NOT NULL,
    first     INTEGER NOT NULL,
    last      INTEGER NOT NULL CHECK (last >= first),
    reason    TEXT    NOT NULL,
    PRIMARY KEY (date, first)
) STRICT, WITHOUT ROWID;

-- Everything that was ever received with a right signature. Nothing is deleted here.
CREATE TABLE inbox (
    id               INTEGER PRIMARY KEY,
    hash             BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
    device_idx       INTEGER NOT NULL REFERENCES devices (idx),
    device_sequence  INTEGER NOT NULL,
    ticket           BLOB    NOT NULL CHECK (length(ticket) = 16),
    part             INTEGER NOT NULL CHECK (part IN (0, 1, 2)),
    changeset        BLOB    NOT NULL,         -- CBOR of the whole Changeset
    received_at      INTEGER NOT NULL,
    chained          INTEGER NOT NULL CHECK (chained IN (0, 1)),  -- its place in the device's sequence is taken
    state            TEXT    NOT NULL CHECK (state IN ('received', 'admitted', 'duplicate', 'held', 'quarantined', 'refused')),
    verdict          BLOB,                     -- CBOR of the Verdict; NULL while only received
    verdict_seq      INTEGER NOT NULL,         -- counts up over the whole inbox at each change; 0 before a verdict
    superseded_by    BLOB,                     -- hash of the changeset that replaces this one; never judged again
    decided_by       TEXT,                     -- employee number of who decided a quarantine
    decided_at       INTEGER
) STRICT;
CREATE INDEX inbox_by_device ON inbox (device_idx, device_sequence);
CREATE INDEX inbox_by_verdict ON inbox (device_idx, verdict_seq);
CREATE INDEX inbox_waiting ON inbox (ticket, state) WHERE state IN ('held', 'quarantined');
CREATE INDEX inbox_unjudged ON inbox (device_idx) WHERE state = 'received';

-- Changes that quarantined changesets would make, by the first bytes of their hash: how dependents are known.
CREATE TABLE quarantined_changes (
    pin    BLOB    NOT NULL CHECK (length(pin) = 16),
    inbox  INTEGER NOT NULL REFERENCES inbox (id),
    PRIMARY KEY (pin, inbox)
) STRICT, WITHOUT ROWID;

-- What was admitted, in the order that everybody reads. The sequence is taken inside the admitting
-- transaction, of which there is one at a time: whoever sees a number sees all before it.
CREATE TABLE log (
    seq           INTEGER PRIMARY KEY,
    changeset     BLOB    NOT NULL UNIQUE REFERENCES inbox (hash),
    ticket_index  INTEGER NOT NULL REFERENCES tickets (ticket_index),
    part          INTEGER NOT NULL,
    device_idx    INTEGER NOT NULL REFERENCES devices (idx),
    person        TEXT    NOT NULL,            -- employee number of who meant it
    actor         BLOB    NOT NULL CHECK (length(actor) = 16),
    heads_after   BLOB    NOT NULL CHECK (length(heads_after) % 32 = 0),  -- sorted, one after another
    base          TEXT    NOT NULL CHECK (base IN ('known', 'genesis', 'other')),  -- known: the heads before it
    received_at   INTEGER NOT NULL,            -- it happened before this
    earliest      INTEGER NOT NULL,            -- and after this, the newest signed time its author had
    merged        TEXT    NOT NULL CHECK (merged IN ('none', 'soft', 'hard')),
    marked        INTEGER NOT NULL CHECK (marked IN (0, 1))  -- its author was reassigned meanwhile
) STRICT;
CREATE INDEX log_by_part ON log (ticket_index, part, seq);

-- Derived: who stands behind an actor.
CREATE TABLE actors (
    actor       BLOB    PRIMARY KEY CHECK (length(actor) = 16),
    device_idx  INTEGER NOT NULL REFERENCES devices (idx),
    person      TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- Derived: a command is admitted once, whatever its hash.
CREATE TABLE command_ids (
    ticket_index  INTEGER NOT NULL,
    part          INTEGER NOT NULL,
    actor         BLOB    NOT NULL,
    ordinal       INTEGER NOT NULL,
    seq           INTEGER NOT NULL,
    PRIMARY KEY (ticket_index, part, actor, ordinal)
) STRICT, WITHOUT ROWID;

-- Derived: the documents as they are after the log's end.
CREATE TABLE documents (
    ticket_index  INTEGER NOT NULL REFERENCES tickets (ticket_index),
    part          INTEGER NOT NULL,
    seq           INTEGER NOT NULL,            -- last log entry in it
    bytes         BLOB    NOT NULL,            -- Automerge's own format
    PRIMARY KEY (ticket_index, part)
) STRICT;

-- Derived: which documents a person's phones may hold for the sake of crew or opening; roles come on top.
CREATE TABLE visibility (
    person        TEXT    NOT NULL,
    ticket_index  INTEGER NOT NULL,
    part          INTEGER NOT NULL,
    visible       INTEGER NOT NULL CHECK (visible IN (0, 1)),
    seq           INTEGER NOT NULL,            -- log entry that last changed it
    held_by       INTEGER,                     -- the device it was opened on, which has it anyway
    PRIMARY KEY (person, ticket_index, part)
) STRICT, WITHOUT ROWID;
CREATE INDEX visibility_by_change ON visibility (person, seq);

-- How far each device's sequence has come without a gap.
CREATE TABLE device_chains (
    device_idx  INTEGER PRIMARY KEY REFERENCES devices (idx),
    sequence    INTEGER NOT NULL,
    link        BLOB    NOT NULL CHECK (length(link) = 16)  -- what the next changeset must name
) STRICT;

-- Snapshots that did not fit one page: the rest, in order. A device has one plan at most.
CREATE TABLE plans (
    plan        INTEGER PRIMARY KEY AUTOINCREMENT,
    device_idx  INTEGER NOT NULL UNIQUE REFERENCES devices (idx),
    seq         INTEGER NOT NULL,              -- the log's end when it was made
    created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE plan_items (
    plan          INTEGER NOT NULL REFERENCES plans (plan) ON DELETE CASCADE,
    ordinal       INTEGER NOT NULL,
    ticket_index  INTEGER NOT NULL,
    parts         INTEGER NOT NULL,            -- one bit a part
    PRIMARY KEY (plan, ordinal)
) STRICT, WITHOUT ROWID;
