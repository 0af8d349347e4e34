-- The version of the projection that made the read model's rows. A program with another one makes them anew
-- when it starts; 0 where nobody noted it.
CREATE TABLE read_model_state (
    only     INTEGER PRIMARY KEY CHECK (only = 1),
    version  INTEGER NOT NULL
) STRICT;
INSERT INTO read_model_state (only, version) VALUES (1, 0);
