-- Erasures from the request to the last body, so that a killed process is resumed; holds that another person releases.

-- open: waits for a second person. approved: about to destroy the keys. executing: the keys are gone since executed_at,
-- bodies are going. executed: nothing is left. The bodies go in runs from the newest row on; `progress_*` is the last
-- row of the run before.
ALTER TABLE erasures ADD COLUMN state text NOT NULL DEFAULT 'open'
  CHECK (state IN ('open', 'approved', 'executing', 'executed', 'rejected', 'expired'));
ALTER TABLE erasures ADD COLUMN requested_by_name text NOT NULL DEFAULT '';
ALTER TABLE erasures ADD COLUMN approved_by_name text;
ALTER TABLE erasures ADD COLUMN rejected_by text;
ALTER TABLE erasures ADD COLUMN decided_at timestamptz;
ALTER TABLE erasures ADD COLUMN progress_at timestamptz;
ALTER TABLE erasures ADD COLUMN progress_id text;
-- Another key of the same person is the same person.
ALTER TABLE erasures ADD CONSTRAINT erasures_two_people CHECK (approved_by_name <> requested_by_name);
ALTER TABLE erasures ADD CONSTRAINT erasures_approved CHECK (
  (state IN ('approved', 'executing', 'executed')) = (approved_by IS NOT NULL AND approved_by_name IS NOT NULL));
ALTER TABLE erasures ADD CONSTRAINT erasures_executed CHECK (
  (state IN ('executing', 'executed')) = (executed_at IS NOT NULL));
DROP INDEX erasures_open;
CREATE UNIQUE INDEX erasures_open ON erasures (project_id, subject) WHERE state IN ('open', 'approved', 'executing');
CREATE INDEX erasures_by_project ON erasures (project_id, id DESC);
-- What the shipper asks for every batch.
CREATE INDEX erasures_done ON erasures (project_id, subject, executed_at) WHERE executed_at IS NOT NULL;
INSERT INTO change_counters (subject, version) VALUES ('erasures', 0);

ALTER TABLE legal_holds ADD COLUMN placed_by_name text NOT NULL DEFAULT '';
ALTER TABLE legal_holds ADD COLUMN released_by_name text;
ALTER TABLE legal_holds ADD COLUMN release_reason text;
ALTER TABLE legal_holds ADD CONSTRAINT legal_holds_two_people CHECK (
  released_by <> placed_by AND released_by_name <> placed_by_name);
CREATE INDEX legal_holds_by_project ON legal_holds (project_id, id DESC);
