-- For whom a person works, where it is not the organisation itself (R8, R9, R49).

ALTER TABLE users ADD COLUMN unit TEXT;        -- code of a partner or branch
