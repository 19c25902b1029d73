-- What requests came to, by minute, hour and day of where they belong.

-- How far each writer's records are summed up: the first place that is not. Moves in the transaction that adds what lies before it.
CREATE TABLE rollup_cursors (
  writer   uuid PRIMARY KEY,
  next_seq bigint NOT NULL
);

-- One row: what had come into the log by then, by the database's clock, is summed up.
CREATE TABLE rollup_reach (
  single   boolean PRIMARY KEY DEFAULT true CHECK (single),
  whole_to timestamptz NOT NULL
);

-- Where requests belong, written down once. An id is the hash of the other columns but the last.
CREATE TABLE rollup_places (
  id         uuid PRIMARY KEY,
  project_id text NOT NULL,
  -- `app` is traffic; `shadow` what was mirrored, `replay` what was sent again, `suite` what runs and judges asked.
  origin     text NOT NULL CHECK (origin IN ('app', 'shadow', 'replay', 'suite')),
  route      text,
  release_id text,
  prompt     text,
  upstream   text,
  model      text,
  key_id     text,
  price      text,
  -- The newest day (UTC) of which it has a sum: a place is let go with the last of them.
  last_day   date NOT NULL
);
CREATE INDEX rollup_places_by_day ON rollup_places (last_day);

-- Sums are exact whole numbers: times are microseconds, money is micro-USD. Sketches (src/monitoring/rollups/sketch.ts) are bytes of
-- which two one after another are their union, so that everything here is merged by adding.
CREATE TABLE rollup_minutes (
  -- Of `at`, UTC.
  day              date NOT NULL,
  project_id       text NOT NULL,
  -- The beginning of the minute in which the requests began.
  at               timestamptz NOT NULL,
  place            uuid NOT NULL,
  requests         bigint NOT NULL,
  completed        bigint NOT NULL,
  client_abort     bigint NOT NULL,
  upstream_error   bigint NOT NULL,
  upstream_cut     bigint NOT NULL,
  timeout          bigint NOT NULL,
  rejected         bigint NOT NULL,
  guardrail        bigint NOT NULL,
  gateway_crash    bigint NOT NULL,
  filtered         bigint NOT NULL,
  cut              bigint NOT NULL,
  told             bigint NOT NULL,
  untold           bigint NOT NULL,
  input_tokens     bigint NOT NULL,
  cached_input_tokens bigint NOT NULL,
  output_tokens    bigint NOT NULL,
  reasoning_tokens bigint NOT NULL,
  cost_micro_usd   bigint NOT NULL,
  priced           bigint NOT NULL,
  unpriced         bigint NOT NULL,
  timed            bigint NOT NULL,
  queue_us         bigint NOT NULL,
  first_token_us   bigint NOT NULL,
  generation_us    bigint NOT NULL,
  timed_output_tokens bigint NOT NULL,
  latency          bytea NOT NULL,
  ttft             bytea NOT NULL,
  ms_per_output_token bytea NOT NULL,
  PRIMARY KEY (day, project_id, at, place)
) PARTITION BY RANGE (day);
CREATE TABLE rollup_minutes_default PARTITION OF rollup_minutes DEFAULT;

-- The same by hour and by day: whole tables, because little comes and goes.
CREATE TABLE rollup_hours (LIKE rollup_minutes, PRIMARY KEY (project_id, at, place));
CREATE TABLE rollup_days (LIKE rollup_minutes, PRIMARY KEY (project_id, at, place));
-- What retention looks for.
CREATE INDEX rollup_hours_by_day ON rollup_hours (day);
CREATE INDEX rollup_days_by_day ON rollup_days (day);
