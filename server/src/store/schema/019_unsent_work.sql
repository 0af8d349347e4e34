-- What a device had not sent at its last exchange, as it said; NULL: nothing.

ALTER TABLE devices ADD COLUMN unsent_commands INTEGER;
ALTER TABLE devices ADD COLUMN unsent_oldest INTEGER;       -- claimed time of the oldest of these commands
ALTER TABLE devices ADD COLUMN unsent_attachments INTEGER;
