-- Time-stamps of an authority (RFC 3161) over sheets: asked for in the background until there is one.

CREATE TABLE sheet_timestamps (
    sheet     BLOB    PRIMARY KEY CHECK (length(sheet) = 32),
    attempts  INTEGER NOT NULL DEFAULT 0,      -- that failed
    due_at    INTEGER NOT NULL,                -- not before; put off further with every failure
    fault     TEXT,                            -- code of the last failure
    kept      BLOB                             -- the token and the request's number (core/docs/evidence.md, section 8)
) STRICT, WITHOUT ROWID;
CREATE INDEX sheet_timestamps_due ON sheet_timestamps (due_at) WHERE kept IS NULL;

INSERT INTO sheet_timestamps (sheet, due_at) SELECT sheet, at FROM sheet_log;
