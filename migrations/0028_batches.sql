-- Runs that ask through a provider's batch API, and what tokens cost there.

-- A run that waits for a batch is queued, and nobody claims it before this moment.
ALTER TABLE eval_runs ADD COLUMN wakes_at timestamptz;

-- One part of a run, asked as one batch. Parts follow each other.
CREATE TABLE eval_batches (
  id            text PRIMARY KEY,
  run_id        text NOT NULL REFERENCES eval_runs (id) ON DELETE CASCADE,
  part          integer NOT NULL,
  upstream      text NOT NULL,
  -- The upstream's id of the model.
  model         text NOT NULL,
  -- `preparing`: its requests are being made; `prepared`: all are there and nothing was submitted; `submitting`: the upstream may have it;
  -- `submitted`: the upstream has it; `ended`: every request of it is settled.
  state         text NOT NULL CHECK (state IN ('preparing', 'prepared', 'submitting', 'submitted', 'ended')),
  requests      integer NOT NULL DEFAULT 0,
  bytes         bigint NOT NULL DEFAULT 0,
  -- SHA-256 of the file that went out, as the event on the log has it.
  digest        text,
  -- As the upstream calls the file and the batch.
  file_id       text,
  batch_id      text,
  submitting_at timestamptz,
  deadline      timestamptz,
  -- What the upstream said last.
  status        text,
  completed     integer,
  failed        integer,
  -- Looks without an end since the state last changed, and when it was asked to stop.
  looks         integer NOT NULL DEFAULT 0,
  cancelled_at  timestamptz,
  note          text,
  created_at    timestamptz NOT NULL,
  updated_at    timestamptz NOT NULL,
  ended_at      timestamptz,
  UNIQUE (run_id, part)
);
-- One part at a time.
CREATE UNIQUE INDEX eval_batches_live ON eval_batches (run_id) WHERE state <> 'ended';

CREATE TABLE eval_batch_requests (
  batch_id    text NOT NULL REFERENCES eval_batches (id) ON DELETE CASCADE,
  -- In the file, from 1.
  line        integer NOT NULL,
  position    integer NOT NULL,
  repeat      integer NOT NULL,
  -- On the log; it is the `custom_id` of the line.
  request_id  text NOT NULL,
  -- What is sent; null once the part has ended.
  body        text,
  sent_digest text NOT NULL,
  -- What the release's index gave, as JSON; null without one, and once the part has ended.
  retrieval   text,
  -- How often the unit has gone out with this one.
  tries       integer NOT NULL,
  -- Since when its row may be on the log; whoever finds it so looks there first.
  recorded_at timestamptz,
  -- `taken`: its result is kept; `again`: it was not answered and goes into the next part; `left`: the run was let go of.
  state       text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'taken', 'again', 'left')),
  PRIMARY KEY (batch_id, line),
  UNIQUE (batch_id, request_id),
  UNIQUE (batch_id, position, repeat)
);

-- Micro-USD per million tokens of requests in batches; all NULL is unknown.
ALTER TABLE prices ADD COLUMN batch_input bigint CHECK (batch_input >= 0);
ALTER TABLE prices ADD COLUMN batch_cached_input bigint CHECK (batch_cached_input >= 0);
ALTER TABLE prices ADD COLUMN batch_output bigint CHECK (batch_output >= 0);
