-- Attachments: the bytes are files named by their SHA-256, these tables say what is there.

CREATE TABLE blobs (
    hash         BLOB    PRIMARY KEY CHECK (length(hash) = 32),  -- SHA-256 of the bytes
    bytes        INTEGER NOT NULL CHECK (bytes >= 0),
    media_type   TEXT    NOT NULL,             -- as the uploader named it, one of a short list
    uploaded_by  TEXT    NOT NULL,             -- 'device:' and index, or 'person:' and employee number
    stored_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE blob_uploads (
    upload       BLOB    PRIMARY KEY CHECK (length(upload) = 16),  -- random name in the upload's address
    hash         BLOB    NOT NULL CHECK (length(hash) = 32),       -- what the bytes are said to hash to
    bytes        INTEGER NOT NULL CHECK (bytes >= 0),
    media_type   TEXT    NOT NULL,
    uploaded_by  TEXT    NOT NULL,             -- as in blobs; nobody else may go on with it
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    finished_at  INTEGER                       -- kept after the end for a client that missed the answer
) STRICT, WITHOUT ROWID;
CREATE INDEX blob_uploads_by_uploader ON blob_uploads (uploaded_by);
CREATE INDEX blob_uploads_by_expiry ON blob_uploads (expires_at);
