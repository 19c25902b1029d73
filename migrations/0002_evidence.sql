-- What makes the log provable and private: the records behind each row, leaves and signed checkpoints, events of people
-- and of the system, and the keys that bodies are sealed under.

-- The records behind a row, byte for byte, so that its leaves can be computed again. `trail` lists them with their
-- numbers, times, flags and the digests of their bodies; `data_key` is null for bodies that are not sealed.
ALTER TABLE requests RENAME COLUMN end_user TO subject;
ALTER TABLE requests ADD COLUMN data_key text;
ALTER TABLE requests ADD COLUMN open_record text;
ALTER TABLE requests ADD COLUMN close_record text;
ALTER TABLE requests ADD COLUMN trail bytea;
CREATE INDEX requests_by_subject ON requests (project_id, subject, started_at DESC) WHERE subject IS NOT NULL;

-- Records below the cursor whose request had not ended when the cursor moved there: leaves without a row yet.
ALTER TABLE ship_cursors ADD COLUMN open_seqs bigint[] NOT NULL DEFAULT '{}';

-- What people and the system did: admin actions, reads, erasures, tombstones, keys, and the ends of writers.
CREATE TABLE audit_events (
  writer       uuid NOT NULL,
  seq          bigint NOT NULL,
  id           text NOT NULL,
  kind         text NOT NULL,
  at           timestamptz NOT NULL,
  project_id   text,
  actor_id     text,
  actor_name   text,
  action       text NOT NULL,
  target       text,
  purpose      text,
  detail       jsonb NOT NULL,
  -- The record as it was written, and what its leaf needs besides.
  record       text NOT NULL,
  trail        bytea NOT NULL,
  PRIMARY KEY (writer, seq)
);
CREATE INDEX audit_events_by_time ON audit_events (project_id, at DESC, id DESC);
CREATE INDEX audit_events_by_kind ON audit_events (kind, at DESC);

-- Leaf hashes of each writer in order, 32 bytes each, in the runs in which they were shipped.
CREATE TABLE audit_leaves (
  writer    uuid NOT NULL,
  first_seq bigint NOT NULL,
  leaves    bytea NOT NULL CHECK (length(leaves) > 0 AND length(leaves) % 32 = 0),
  PRIMARY KEY (writer, first_seq)
);
ALTER TABLE audit_leaves ALTER COLUMN leaves SET STORAGE EXTERNAL;

-- Signed tree heads of each writer (C2SP tlog-checkpoint in a signed note).
CREATE TABLE audit_checkpoints (
  writer uuid NOT NULL,
  size   bigint NOT NULL CHECK (size > 0),
  at     timestamptz NOT NULL,
  note   text NOT NULL,
  PRIMARY KEY (writer, size)
);

-- A signed head over the heads of all writers. `heads` holds those that changed since the one before.
CREATE TABLE audit_super_checkpoints (
  number bigint PRIMARY KEY CHECK (number > 0),
  at     timestamptz NOT NULL,
  heads  jsonb NOT NULL,
  note   text NOT NULL
);

-- Public keys that have signed, each but the first endorsed by one before it. Never a private key.
CREATE TABLE audit_signing_keys (
  verifier_key text PRIMARY KEY,
  first_used_at timestamptz NOT NULL,
  endorsement  text
);

-- Keys that bodies are sealed under, wrapped by the audit key, which is never in the database. Deleting a row destroys
-- what it sealed. `subject` is a pseudonym.
CREATE TABLE data_keys (
  id         text PRIMARY KEY,
  project_id text,
  subject    text,
  wrapped    bytea NOT NULL,
  created_at timestamptz NOT NULL
);
CREATE INDEX data_keys_by_subject ON data_keys (project_id, subject) WHERE subject IS NOT NULL;

CREATE TABLE legal_holds (
  id          text PRIMARY KEY,
  project_id  text NOT NULL,
  subject     text,
  reason      text NOT NULL,
  placed_by   text NOT NULL,
  placed_at   timestamptz NOT NULL,
  released_by text,
  released_at timestamptz
);

-- An erasure needs two people: who asks and who approves.
CREATE TABLE erasures (
  id           text PRIMARY KEY,
  project_id   text NOT NULL,
  subject      text NOT NULL,
  reason       text NOT NULL,
  requested_by text NOT NULL,
  requested_at timestamptz NOT NULL,
  expires_at   timestamptz NOT NULL,
  approved_by  text CHECK (approved_by <> requested_by),
  executed_at  timestamptz,
  rows_erased  bigint
);
CREATE UNIQUE INDEX erasures_open ON erasures (project_id, subject) WHERE executed_at IS NULL AND approved_by IS NULL;

-- Log rows are insert-only. What erases and what moves rows into their day's partition says so in its transaction
-- (aval.maintenance); an owner of the tables can still change anything, which is what checkpoints are for.
CREATE FUNCTION audit_insert_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('aval.maintenance', true) = TG_ARGV[0] THEN
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
  END IF;
  RAISE EXCEPTION '% on % is not allowed: the log is insert-only', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'insufficient_privilege', HINT = 'Erase with aval audit erase; drop whole days with retention.';
END $$;

CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON requests
  FOR EACH ROW EXECUTE FUNCTION audit_insert_only('partition');
CREATE TRIGGER insert_only BEFORE DELETE ON request_bodies
  FOR EACH ROW EXECUTE FUNCTION audit_insert_only('partition');
CREATE TRIGGER insert_only_update BEFORE UPDATE ON request_bodies
  FOR EACH ROW EXECUTE FUNCTION audit_insert_only('erase');
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON audit_events
  FOR EACH ROW EXECUTE FUNCTION audit_insert_only('never');
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON audit_leaves
  FOR EACH ROW EXECUTE FUNCTION audit_insert_only('never');
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON audit_checkpoints
  FOR EACH ROW EXECUTE FUNCTION audit_insert_only('never');
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON audit_super_checkpoints
  FOR EACH ROW EXECUTE FUNCTION audit_insert_only('never');
