-- What each device brought on the last day that it brought anything.
CREATE TABLE device_days (
    device_idx  INTEGER PRIMARY KEY REFERENCES devices (idx),
    day         INTEGER NOT NULL,              -- since 1970-01-01, UTC
    changesets  INTEGER NOT NULL,
    bytes       INTEGER NOT NULL               -- of their bodies
) STRICT;
