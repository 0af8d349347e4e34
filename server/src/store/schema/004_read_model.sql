-- The read model: derived from the documents of each ticket, disposable, made anew by `gongdan rebuild`.
-- It refers to tickets by their index and has no foreign keys, so that it can be dropped by itself.

CREATE TABLE ticket_rows (
    ticket_index    INTEGER PRIMARY KEY,       -- order of first admission: lists go by it, the newest first
    id              BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    number          TEXT    UNIQUE,            -- FW…; NULL before it has one
    label           TEXT    NOT NULL,          -- the number, or the provisional label
    status          TEXT    NOT NULL,
    is_over         INTEGER NOT NULL CHECK (is_over IN (0, 1)),   -- closed or cancelled
    disputed        INTEGER NOT NULL CHECK (disputed IN (0, 1)),  -- conflicts or clashes wait for a person
    grade           TEXT,
    region          TEXT,                      -- code
    product_line    TEXT,                      -- code
    model           TEXT,
    problem         TEXT    NOT NULL,          -- first characters
    customer_name   TEXT,
    lead            TEXT,                      -- employee number of the crew's lead
    appointed_from  INTEGER,
    conflicts       INTEGER NOT NULL,          -- rival values
    clashes         INTEGER NOT NULL,          -- events that cannot both hold
    opened_at       INTEGER,                   -- claimed
    updated_at      INTEGER NOT NULL,          -- receipt of what was last admitted
    external_ref    TEXT,                      -- name in the system it was imported from
    search_text     TEXT    NOT NULL           -- what a search looks in, in lower case, one fact a line
) STRICT;
-- An index ends in ticket_index: each gives the list's order within its value.
CREATE INDEX ticket_rows_by_status ON ticket_rows (status);
CREATE INDEX ticket_rows_by_grade ON ticket_rows (grade);
CREATE INDEX ticket_rows_by_region ON ticket_rows (region);
CREATE INDEX ticket_rows_by_lead ON ticket_rows (lead);
CREATE INDEX ticket_rows_disputed ON ticket_rows (disputed) WHERE disputed = 1;
CREATE INDEX ticket_rows_by_external_ref ON ticket_rows (external_ref) WHERE external_ref IS NOT NULL;

-- Pieces of two characters of each search_text: candidates of a search, verified on the text.
CREATE TABLE ticket_grams (
    gram          TEXT    NOT NULL,
    ticket_index  INTEGER NOT NULL,
    PRIMARY KEY (gram, ticket_index)
) STRICT, WITHOUT ROWID;

CREATE TABLE ticket_conflicts (
    ticket_index  INTEGER NOT NULL,
    part          TEXT    NOT NULL,
    place         TEXT    NOT NULL,            -- JSON of what the conflict is on
    candidates    TEXT    NOT NULL,            -- JSON list, the one that work goes on with first
    PRIMARY KEY (ticket_index, part, place)
) STRICT, WITHOUT ROWID;
