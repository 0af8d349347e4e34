-- What the office decides about a device beyond shutting it out.

ALTER TABLE devices ADD COLUMN revoked_reason TEXT;        -- as the office wrote it; NULL where nobody gave one
ALTER TABLE devices ADD COLUMN wipe_requested_at INTEGER;  -- since when it is to destroy what it holds, at its next
                                                           -- contact and after its outbox went out; NULL: it is not
