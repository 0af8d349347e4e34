-- Backups that were taken of this database, and the backup that it was restored from.

-- A row is written when a backup is complete and was read back: what it holds is safe from the loss of this
-- database. The backup itself cannot hold its own row.
CREATE TABLE backups (
    id         INTEGER PRIMARY KEY,
    taken_at   INTEGER NOT NULL,               -- the moment it shows, UTC seconds
    epoch      INTEGER NOT NULL,               -- of the log then; 0 where the relay had never run
    log_end    INTEGER NOT NULL,               -- log entries up to here are in it
    inbox_end  INTEGER NOT NULL,               -- changesets received up to this inbox.id are in it
    sha256     BLOB    NOT NULL CHECK (length(sha256) = 32)  -- of its database file
) STRICT;

-- The database is a backup's copy: what came after taken_at is not in it. A backup carries the row itself, so
-- that it counts as restored by whatever means its file was put into place.
CREATE TABLE restores (
    id         INTEGER PRIMARY KEY,
    taken_at   INTEGER NOT NULL,               -- when the backup was taken, UTC seconds
    epoch      INTEGER NOT NULL,               -- of the log in the backup; 0 where the relay had never run
    log_end    INTEGER NOT NULL,               -- of the log in the backup
    begun_at   INTEGER                         -- when the server began a new epoch on it; NULL: pending
) STRICT;
CREATE UNIQUE INDEX restores_pending ON restores ((begun_at IS NULL)) WHERE begun_at IS NULL;
