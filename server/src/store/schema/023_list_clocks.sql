-- What the list shows and filters by of clocks and of what is waited for (R45, X1, X11).

ALTER TABLE ticket_rows ADD COLUMN clock TEXT;               -- of those that run, the one that is over first
ALTER TABLE ticket_rows ADD COLUMN clock_due_at INTEGER;     -- when it is over; NULL while it stands still
ALTER TABLE ticket_rows ADD COLUMN clock_soon_at INTEGER;    -- when a quarter of its time is left
ALTER TABLE ticket_rows ADD COLUMN clock_paused_by TEXT;     -- the status that makes it stand still
ALTER TABLE ticket_rows ADD COLUMN waiting_for TEXT;         -- of a suspended ticket: parts, customer, leader
-- The order by clocks: those without one come last, in i64's last instant.
CREATE INDEX ticket_rows_in_order_of_due ON ticket_rows (coalesce(clock_due_at, 9223372036854775807));
CREATE INDEX ticket_rows_by_status_in_order_of_due
    ON ticket_rows (status, coalesce(clock_due_at, 9223372036854775807));
CREATE INDEX ticket_rows_by_waiting ON ticket_rows (waiting_for) WHERE waiting_for IS NOT NULL;
