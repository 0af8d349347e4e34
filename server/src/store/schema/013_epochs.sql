-- After a restore from a backup.

-- Epochs that were begun on a restored database. What was given out since the backup is unknown: running
-- numbers go on past blocks larger than any of it.
CREATE TABLE epochs (
    epoch         INTEGER PRIMARY KEY,
    begun_at      INTEGER NOT NULL,
    backup_at     INTEGER NOT NULL,            -- when the backup was taken
    open_until    INTEGER NOT NULL,            -- until then gaps in devices' sequences are passed over
    log_floor     INTEGER NOT NULL,            -- log.seq goes on after it
    ticket_floor  INTEGER NOT NULL,            -- tickets.ticket_index likewise
    device_floor  INTEGER NOT NULL,            -- devices.idx likewise
    through_date  TEXT    NOT NULL,            -- YYYY-MM-DD: ticket numbers up to it skip a block
    number_block  INTEGER NOT NULL CHECK (number_block > 0)
) STRICT;

-- Numbers of a device's sequence that were passed over; a changeset that fills one later is judged like any.
CREATE TABLE chain_gaps (
    device_idx  INTEGER NOT NULL REFERENCES devices (idx),
    first       INTEGER NOT NULL,
    last        INTEGER NOT NULL CHECK (last >= first),
    PRIMARY KEY (device_idx, first)
) STRICT, WITHOUT ROWID;

-- Dates whose block of ticket numbers was passed over; the ledger has what is left of it as a gap.
CREATE TABLE number_skips (
    date   TEXT    NOT NULL,                   -- YYYY-MM-DD
    epoch  INTEGER NOT NULL REFERENCES epochs (epoch),
    PRIMARY KEY (date, epoch)
) STRICT, WITHOUT ROWID;

-- Numbers that phones remember of tickets, for when the ticket's opening is given back.
CREATE TABLE number_claims (
    ticket      BLOB    PRIMARY KEY CHECK (length(ticket) = 16),
    date        TEXT    NOT NULL,              -- YYYY-MM-DD
    sequence    INTEGER NOT NULL CHECK (sequence > 0),
    device_idx  INTEGER NOT NULL REFERENCES devices (idx)
) STRICT, WITHOUT ROWID;

-- Documents of which a device had more, as a snapshot, than came back.
CREATE TABLE restore_missing (
    ticket       BLOB    NOT NULL CHECK (length(ticket) = 16),
    part         INTEGER NOT NULL,
    device_idx   INTEGER NOT NULL REFERENCES devices (idx),
    heads        BLOB    NOT NULL CHECK (length(heads) % 32 = 0),  -- what the device has, one after another
    reported_at  INTEGER NOT NULL,
    PRIMARY KEY (ticket, part, device_idx)
) STRICT, WITHOUT ROWID;
