-- Changesets of devices that a restored server does not know: they enrolled after the backup. Taken in when their
-- device comes back by its certificate.

CREATE TABLE strangers (
    hash          BLOB    PRIMARY KEY CHECK (length(hash) = 32),
    device        BLOB    NOT NULL CHECK (length(device) = 16),  -- whose signature it says it has; not proved
    changeset     BLOB    NOT NULL,
    brought_by    INTEGER NOT NULL REFERENCES devices (idx),
    received_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX strangers_by_device ON strangers (device);
