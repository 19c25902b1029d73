-- Models that an upstream trains on a dataset. The row is the truth: a worker goes on from whatever it says.
CREATE TABLE fine_tunes (
  id                 text PRIMARY KEY,
  project_id         text NOT NULL,
  -- Of the model whose next version it becomes.
  name               text NOT NULL,
  upstream           text NOT NULL,
  -- The upstream's id of the model that is trained further.
  model              text NOT NULL,
  -- Canonical JSON: what was asked for.
  content            text NOT NULL,
  dataset_id         text NOT NULL REFERENCES dataset_versions (id),
  validation_id      text REFERENCES dataset_versions (id),
  purpose            text NOT NULL,
  -- As they were counted when it was asked for; tokens are estimated.
  items              integer NOT NULL,
  tokens             bigint NOT NULL,
  -- `prepared`: the upstream has files at most; `submitting`: it may have the job; `submitted`: it has it.
  phase              text NOT NULL CHECK (phase IN ('prepared', 'submitting', 'submitted')),
  -- As the upstream calls the files and the job; SHA-256 of the files, as the events on the log have it.
  training_file      text,
  training_digest    text,
  training_items     integer,
  validation_file    text,
  validation_digest  text,
  validation_items   integer,
  submitting_at      timestamptz,
  job_id             text,
  deadline           timestamptz,
  -- What the upstream said last.
  status             text,
  said               text,
  tuned_model        text,
  trained_tokens     bigint,
  estimated_finish   timestamptz,
  -- Looks without an end since the phase last changed; nobody claims the row before it wakes.
  looks              integer NOT NULL DEFAULT 0,
  wakes_at           timestamptz,
  cancelling_at      timestamptz,
  model_version      integer,
  state              text NOT NULL CHECK (state IN ('queued', 'running', 'done', 'cancelled', 'failed')),
  -- The process that is at it; another one that takes over writes another name.
  run                text,
  attempts           integer NOT NULL DEFAULT 0,
  error              text,
  -- A second request to make the same one finds the first.
  idempotency_key    text,
  created_by         text NOT NULL,
  created_by_name    text,
  created_by_person  text NOT NULL,
  created_at         timestamptz NOT NULL,
  updated_at         timestamptz NOT NULL,
  finished_at        timestamptz,
  CHECK ((state = 'done') = (model_version IS NOT NULL)),
  UNIQUE (project_id, idempotency_key)
);
CREATE INDEX fine_tunes_by_project ON fine_tunes (project_id, id DESC);
CREATE INDEX fine_tunes_live ON fine_tunes (state) WHERE state IN ('queued', 'running');
