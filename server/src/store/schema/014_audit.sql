-- Who did, read and exported what. Each entry's hash covers the one before it, so that nothing in the middle
-- can be changed, dropped or put in without every hash after it; `gongdan verify log` checks them, and that
-- the end is one that earlier backups lead to.

CREATE TABLE audit (
    seq     INTEGER PRIMARY KEY CHECK (seq > 0),  -- without gaps
    at      INTEGER NOT NULL,                     -- UTC seconds
    actor   TEXT    NOT NULL,                     -- person:<employee number>, device:<id>, operator, server
    action  TEXT    NOT NULL,
    detail  TEXT    NOT NULL CHECK (json_valid(detail)),  -- JSON object: ids and counts, nothing that people wrote
    hash    BLOB    NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE INDEX audit_by_actor ON audit (actor, seq);
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'an audit entry is never changed'); END;
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'an audit entry is never deleted'); END;

-- Verdicts given since this table is there, by reason.
CREATE TABLE verdict_counts (
    verdict  TEXT    NOT NULL,
    reason   TEXT    NOT NULL,                    -- empty where a verdict has none
    count    INTEGER NOT NULL CHECK (count > 0),
    PRIMARY KEY (verdict, reason)
) STRICT, WITHOUT ROWID;
