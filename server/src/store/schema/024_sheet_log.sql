-- The log of signed sheets: a Merkle tree (RFC 6962) that only grows. Rows are added and never changed.

CREATE TABLE sheet_log (
    serial        INTEGER PRIMARY KEY CHECK (serial > 0),  -- from 1, without a gap: the leaf's place and one
    sheet         BLOB    NOT NULL UNIQUE CHECK (length(sheet) = 32),
    epoch         INTEGER NOT NULL,            -- the server's when it came in; under the countersignature
    at            INTEGER NOT NULL,            -- when it was received; under the countersignature
    newest_at     INTEGER NOT NULL,            -- the greatest `at` up to this row: the time of the head
    ticket_index  INTEGER NOT NULL REFERENCES tickets (ticket_index),
    device_idx    INTEGER NOT NULL REFERENCES devices (idx)  -- who brought it; its phone is told at once
) STRICT;
CREATE INDEX sheet_log_by_device ON sheet_log (device_idx, serial);
CREATE INDEX sheet_log_by_ticket ON sheet_log (ticket_index);

-- Full nodes of the tree: the root over the leaves from `place * 2^level` up to `(place + 1) * 2^level`.
CREATE TABLE sheet_log_nodes (
    level  INTEGER NOT NULL CHECK (level BETWEEN 0 AND 62),
    place  INTEGER NOT NULL CHECK (place >= 0),
    hash   BLOB    NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (level, place)
) STRICT, WITHOUT ROWID;
