-- What a server that was restored from a backup is given back, and what it is compared with.

-- Changesets that no verified backup of the server is known to hold.
CREATE TABLE kept (
    id        INTEGER PRIMARY KEY AUTOINCREMENT, -- in the order of keeping
    origin    INTEGER NOT NULL,               -- 0 this device's own, decided; 1 another's, from the log; 2 another's, carried
    place     INTEGER NOT NULL,               -- 0: in the device's sequence; 1: in the log; 2: none
    ticket    BLOB NOT NULL,
    part      INTEGER NOT NULL,
    changeset BLOB NOT NULL,                  -- CBOR, signed
    entries   BLOB NOT NULL                   -- CBOR array of the outbox entries that left with it
) STRICT;
CREATE INDEX kept_in_order ON kept (origin, id);
CREATE INDEX kept_of_part ON kept (ticket, part);

-- Mirrors as they stood before the server was restored, until what they hold is known to be there.
CREATE TABLE asides (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    ticket   BLOB NOT NULL,
    part     INTEGER NOT NULL,
    document BLOB NOT NULL,
    heads    BLOB NOT NULL,
    replaced INTEGER NOT NULL                 -- 1: the restored server sent its own since
) STRICT;
CREATE INDEX asides_of_part ON asides (ticket, part);
