-- Stored documents that once did not load. What is mended was made anew from the log and written back; what
-- is not could not be made anew either, and waits for a backup to be restored.

CREATE TABLE damaged_documents (
    ticket_index  INTEGER NOT NULL REFERENCES tickets (ticket_index),
    part          INTEGER NOT NULL,
    times         INTEGER NOT NULL CHECK (times > 0),   -- how often it was found so
    mended        INTEGER NOT NULL CHECK (mended IN (0, 1)),
    PRIMARY KEY (ticket_index, part)
) STRICT, WITHOUT ROWID;
