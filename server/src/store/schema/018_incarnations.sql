-- A phone that was put back to a backup, or copied, goes on as a device of its own.

ALTER TABLE devices ADD COLUMN continues INTEGER REFERENCES devices (idx);  -- whose next incarnation it is; NULL:
                                                                            -- it was enrolled by a code
CREATE INDEX devices_by_origin ON devices (continues) WHERE continues IS NOT NULL;
