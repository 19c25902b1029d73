-- What is watched, how it stands, and what people and policies are told of it.

-- One row for each watched figure of a route or an upstream; detectors are state, not history: they may be calibrated anew.
CREATE TABLE monitor_series (
  project_id    text NOT NULL,
  -- `route` or `upstream`, and its name.
  subject_kind  text NOT NULL CHECK (subject_kind IN ('route', 'upstream')),
  subject       text NOT NULL,
  -- `latency_p95`, `cost_per_request`, `score:groundedness` …
  metric        text NOT NULL,
  -- Plain numbers of src/monitoring/detectors/detector.ts.
  detector      jsonb NOT NULL,
  state         text NOT NULL CHECK (state IN ('ok', 'warn', 'alert', 'no_data')),
  -- Since when it is in this state.
  since         timestamptz NOT NULL,
  -- Of the newest point: its end, its value and what was usual, in the metric's unit; null before the first.
  newest_at     timestamptz,
  value         double precision,
  usual         double precision,
  updated_at    timestamptz NOT NULL,
  PRIMARY KEY (project_id, subject_kind, subject, metric)
);

CREATE TABLE alerts (
  id            text PRIMARY KEY,
  project_id    text NOT NULL,
  subject_kind  text NOT NULL CHECK (subject_kind IN ('route', 'upstream')),
  subject       text NOT NULL,
  metric        text NOT NULL,
  -- In which way it changed: a chart of the detector, or `data` for a comparison of windows.
  change        text NOT NULL,
  -- When the change probably began, and when it was noticed.
  began_at      timestamptz NOT NULL,
  opened_at     timestamptz NOT NULL,
  -- Null while it lasts.
  ended_at      timestamptz,
  -- At the point that opened it, in the metric's unit.
  value         double precision,
  usual         double precision,
  -- How many times its limit the score was, at its highest.
  excess        double precision NOT NULL,
  -- Causes, changes nearby, segments: src/monitoring/alerts/alert.ts. Null until it is explained.
  explanation   jsonb,
  acked_at      timestamptz,
  acked_by      text,
  acked_by_name text,
  note          text,
  CHECK ((acked_at IS NULL) = (acked_by IS NULL)),
  CHECK (ended_at >= opened_at)
);
-- One episode, one alert.
CREATE UNIQUE INDEX alerts_open ON alerts (project_id, subject_kind, subject, metric) WHERE ended_at IS NULL;
CREATE INDEX alerts_by_project ON alerts (project_id, id DESC);
CREATE INDEX alerts_unexplained ON alerts (id) WHERE explanation IS NULL;
