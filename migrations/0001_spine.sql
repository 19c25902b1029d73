-- The spine: projects, virtual keys, the request log and the shipping cursors of the audit spool.
-- Wire and column names are snake_case. Times are timestamptz; durations are milliseconds.

CREATE TABLE projects (
  id         text PRIMARY KEY,
  name       text NOT NULL UNIQUE,
  created_at timestamptz NOT NULL
);

-- Virtual keys. The secret itself is never stored: digest = HMAC-SHA-256(pepper, secret).
CREATE TABLE virtual_keys (
  id             text PRIMARY KEY,
  project_id     text NOT NULL REFERENCES projects (id),
  name           text NOT NULL,
  roles          text[] NOT NULL CHECK (cardinality(roles) > 0),
  allowed_routes text[],
  digest         bytea NOT NULL UNIQUE,
  rpm            integer CHECK (rpm > 0),
  concurrency    integer CHECK (concurrency > 0),
  created_at     timestamptz NOT NULL,
  expires_at     timestamptz,
  revoked_at     timestamptz,
  -- Rotation: the key that replaced this one; both work until this one expires.
  replaced_by    text REFERENCES virtual_keys (id)
);
CREATE INDEX virtual_keys_project ON virtual_keys (project_id, created_at DESC, id DESC);

-- One row per subject, bumped in the transaction that changes it: what gateways poll when NOTIFY does not reach them.
CREATE TABLE change_counters (
  subject text PRIMARY KEY,
  version bigint NOT NULL
);
INSERT INTO change_counters (subject, version) VALUES ('keys', 0);

-- One row per process start of a gateway. `next_seq` is the first spool record that is not in the database yet;
-- it moves in the same transaction as the rows, so that a lost COMMIT answer can be resolved by reading it.
CREATE TABLE ship_cursors (
  writer     uuid PRIMARY KEY,
  next_seq   bigint NOT NULL,
  sealed     boolean NOT NULL DEFAULT false,
  updated_at timestamptz NOT NULL
);

-- The request log: one row per audited request, insert-only, daily partitions, written by the shipper alone.
-- (writer, seq) is the place of the CLOSE record in the spool.
CREATE TABLE requests (
  day                 date NOT NULL,
  writer              uuid NOT NULL,
  seq                 bigint NOT NULL,
  id                  text NOT NULL,
  project_id          text,
  key_id              text,
  key_name            text,
  method              text NOT NULL,
  path                text NOT NULL,
  operation           text NOT NULL,
  requested_model     text,
  route               text,
  upstream            text,
  model               text,
  stream              boolean NOT NULL,
  outcome             text NOT NULL CHECK (outcome IN ('completed', 'client_abort', 'upstream_error',
                      'upstream_cut', 'timeout', 'rejected', 'guardrail', 'gateway_crash')),
  status              integer NOT NULL,
  error_code          text,
  finish_reason       text,
  started_at          timestamptz NOT NULL,
  duration_ms         double precision NOT NULL,
  ttft_ms             double precision,
  input_tokens        bigint,
  output_tokens       bigint,
  cached_input_tokens bigint,
  reasoning_tokens    bigint,
  attempts            jsonb NOT NULL,
  client_request_id   text,
  end_user            text,
  request_bytes       bigint NOT NULL,
  response_bytes      bigint NOT NULL,
  truncated           boolean NOT NULL,
  occurrences         integer NOT NULL,
  PRIMARY KEY (day, writer, seq)
) PARTITION BY RANGE (day);
CREATE INDEX requests_by_time ON requests (project_id, started_at DESC, id DESC);
CREATE INDEX requests_by_id ON requests (id);

-- Bodies beside the row. `*_text` when the bytes are UTF-8 without NUL, `*_raw` otherwise; never both.
CREATE TABLE request_bodies (
  day           date NOT NULL,
  writer        uuid NOT NULL,
  seq           bigint NOT NULL,
  request_text  text,
  request_raw   bytea,
  response_text text,
  response_raw  bytea,
  PRIMARY KEY (day, writer, seq)
) PARTITION BY RANGE (day);

-- Rows whose day has no partition yet land here and are never lost.
CREATE TABLE requests_default PARTITION OF requests DEFAULT;
CREATE TABLE request_bodies_default PARTITION OF request_bodies DEFAULT;
