-- Derived: which tickets name an attachment. Its bytes are read by those who may read one of these tickets.
CREATE TABLE ticket_photos (
    ticket_index  INTEGER NOT NULL,
    blob          BLOB    NOT NULL CHECK (length(blob) = 32),
    PRIMARY KEY (ticket_index, blob)
) STRICT, WITHOUT ROWID;
CREATE INDEX ticket_photos_by_blob ON ticket_photos (blob);
