-- What a device may hold changes with the log, and also when its person's roles do: changes get numbers of
-- their own, and a cursor counts in these.

ALTER TABLE relay_state ADD COLUMN visibility_change INTEGER NOT NULL DEFAULT 0;  -- the newest number given
ALTER TABLE visibility ADD COLUMN change INTEGER NOT NULL DEFAULT 0;  -- number of the last change; 0: nobody is told
UPDATE visibility SET change = seq;
UPDATE relay_state SET visibility_change = (SELECT coalesce(max(seq), 0) FROM log);
DROP INDEX visibility_by_change;
CREATE INDEX visibility_by_change ON visibility (person, change);
