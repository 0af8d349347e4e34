-- What a device's idle request looks for: its held changesets, of which there are hardly any.
CREATE INDEX inbox_held ON inbox (device_idx) WHERE state = 'held';
