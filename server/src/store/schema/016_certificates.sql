-- The organisation vouches for its devices: whoever holds its public key can check a signature with no server.

CREATE TABLE organisation_key (
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    secret_key  BLOB    NOT NULL CHECK (length(secret_key) = 32),  -- Ed25519 seed
    created_at  INTEGER NOT NULL
) STRICT;

-- Never changed, never deleted: what was signed under one stays signed, whatever becomes of the device.
CREATE TABLE device_certificates (
    serial       INTEGER PRIMARY KEY,
    device_idx   INTEGER NOT NULL UNIQUE REFERENCES devices (idx),
    certificate  BLOB    NOT NULL,             -- CBOR of the whole DeviceCertificate
    issued_at    INTEGER NOT NULL
) STRICT;
