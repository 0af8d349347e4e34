-- Which devices are one: incarnations name the device that was enrolled by a code, known here or not. A server that
-- was restored may know an incarnation by its certificate alone.

ALTER TABLE devices ADD COLUMN origin BLOB;  -- id of the device that was enrolled by a code; NULL: this one was

WITH RECURSIVE down (idx, origin) AS (
  SELECT idx, device FROM devices WHERE continues IS NULL
  UNION ALL SELECT d.idx, down.origin FROM devices d JOIN down ON d.continues = down.idx)
UPDATE devices SET origin = (SELECT down.origin FROM down WHERE down.idx = devices.idx) WHERE continues IS NOT NULL;
