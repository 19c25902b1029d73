-- Runs of suites: one subject over one version of a dataset, an answer for each item and repeat, a score for each of these and scorer.

CREATE TABLE eval_runs (
  id              text PRIMARY KEY,
  project_id      text NOT NULL,
  suite           text NOT NULL,
  -- Everything that was fixed when the run began, as canonical JSON, and its hash.
  content         text NOT NULL,
  hash            text NOT NULL,
  -- The hash without the subject: runs that share it were measured alike.
  measure_hash    text NOT NULL,
  dataset_id      text NOT NULL REFERENCES dataset_versions (id),
  -- `support-answer@r12`, `local/reader`, `recorded`.
  subject         text NOT NULL,
  release_id      text,
  items           integer NOT NULL,
  repeats         integer NOT NULL,
  scorers         integer NOT NULL,
  -- Micro-USD; null without a cap.
  budget          bigint,
  state           text NOT NULL CHECK (state IN ('queued', 'running', 'done', 'stopped', 'cancelled', 'failed')),
  -- The process that is at it; another one that takes over writes another name.
  run             text,
  attempts        integer NOT NULL DEFAULT 0,
  error           text,
  tags            jsonb NOT NULL,
  note            text,
  git_commit      text,
  -- A second request to make the same run finds the first one.
  idempotency_key text,
  created_by      text NOT NULL,
  created_by_name text,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL,
  finished_at     timestamptz,
  UNIQUE (project_id, idempotency_key)
);
CREATE INDEX eval_runs_by_project ON eval_runs (project_id, id DESC);
CREATE INDEX eval_runs_alike ON eval_runs (project_id, measure_hash, id DESC);
CREATE INDEX eval_runs_live ON eval_runs (state) WHERE state IN ('queued', 'running');

-- The items of a run in order: those of its dataset, or of one split of it.
CREATE TABLE eval_run_items (
  run_id   text NOT NULL REFERENCES eval_runs (id) ON DELETE CASCADE,
  position integer NOT NULL,
  -- In the dataset's version.
  item     integer NOT NULL,
  PRIMARY KEY (run_id, position)
);

CREATE TABLE eval_results (
  run_id        text NOT NULL REFERENCES eval_runs (id) ON DELETE CASCADE,
  position      integer NOT NULL,
  repeat        integer NOT NULL,
  -- `failed`: there is no answer, and `error` says why.
  outcome       text NOT NULL CHECK (outcome IN ('answered', 'failed')),
  -- On the log; null for an output that was recorded elsewhere.
  request_id    text,
  output        text,
  -- JSON.
  tool_calls    text NOT NULL,
  contexts      text NOT NULL,
  retrieved     text,
  finish_reason text,
  latency_ms    double precision,
  -- Micro-USD; null when the price is unknown.
  cost          bigint,
  error_code    text,
  error         text,
  tries         integer NOT NULL,
  created_at    timestamptz NOT NULL,
  PRIMARY KEY (run_id, position, repeat)
);

CREATE TABLE eval_scores (
  run_id     text NOT NULL,
  position   integer NOT NULL,
  repeat     integer NOT NULL,
  scorer     text NOT NULL,
  version    integer NOT NULL,
  outcome    text NOT NULL CHECK (outcome IN ('scored', 'abstained', 'error')),
  value      double precision,
  passed     boolean,
  reason     text NOT NULL,
  details    text,
  -- Micro-USD of what it asked of models; null when a price is unknown.
  cost       bigint,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (run_id, position, repeat, scorer),
  FOREIGN KEY (run_id, position, repeat) REFERENCES eval_results (run_id, position, repeat) ON DELETE CASCADE,
  CHECK ((outcome = 'scored') = (value IS NOT NULL))
);
