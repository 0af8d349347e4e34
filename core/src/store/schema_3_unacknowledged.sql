-- Nothing that the server has not acknowledged is ever deleted, whichever statement tries.

-- The verdict that an entry leaves for; NULL while there is none. A refused entry leaves at its author's word.
ALTER TABLE outbox ADD COLUMN settled INTEGER CHECK (settled IN (1, 2)); -- 1 admitted, 2 duplicate
CREATE TRIGGER outbox_keeps_what_was_not_acknowledged BEFORE DELETE ON outbox
WHEN OLD.settled IS NULL AND OLD.state <> 4
BEGIN
    SELECT RAISE(ABORT, 'an outbox entry that was not acknowledged');
END;

-- Attachments of this device: unsent until the server has all their bytes.
CREATE TABLE blobs (
    id         INTEGER PRIMARY KEY,                -- order of taking
    hash       BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32), -- SHA-256 of the bytes
    ticket     BLOB    NOT NULL,
    media_type TEXT    NOT NULL,
    bytes      INTEGER NOT NULL,
    sent       INTEGER NOT NULL CHECK (sent IN (0, 1))
) STRICT;
CREATE INDEX blobs_unsent ON blobs (ticket) WHERE sent = 0;
CREATE TRIGGER blobs_keep_what_was_not_sent BEFORE DELETE ON blobs
WHEN OLD.sent = 0
BEGIN
    SELECT RAISE(ABORT, 'an attachment that was not sent');
END;

CREATE TABLE blob_chunks (
    blob    INTEGER NOT NULL REFERENCES blobs (id) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,                      -- each but the last has 256 KiB
    bytes   BLOB    NOT NULL,
    PRIMARY KEY (blob, ordinal)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER blob_chunks_keep_what_was_not_sent BEFORE DELETE ON blob_chunks
WHEN EXISTS (SELECT 1 FROM blobs WHERE id = OLD.blob AND sent = 0)
BEGIN
    SELECT RAISE(ABORT, 'bytes of an attachment that was not sent');
END;
