-- What a device said after it was asked to destroy what it holds.

ALTER TABLE devices ADD COLUMN wiped_at INTEGER;  -- when it first said that it has; NULL: it has not
