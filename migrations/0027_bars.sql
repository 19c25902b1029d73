-- Bars of rules: a value of a metric that people set, beside what the detectors find by themselves.

-- The rule, its side and its limit, as they were when the alert opened: src/monitoring/alerts/alert.ts. Null for what others opened.
ALTER TABLE alerts ADD COLUMN bar jsonb CHECK (bar IS NULL OR bar ->> 'rule' IS NOT NULL);
-- One episode of one bar, or of the series itself, one alert.
DROP INDEX alerts_open;
CREATE UNIQUE INDEX alerts_open ON alerts (project_id, subject_kind, subject, metric, coalesce(bar ->> 'rule', ''))
  WHERE ended_at IS NULL;

-- How each route or upstream stands at each bar. What was silent for a day has no row.
CREATE TABLE monitor_bars (
  project_id   text NOT NULL,
  rule         text NOT NULL,
  subject_kind text NOT NULL CHECK (subject_kind IN ('route', 'upstream')),
  subject      text NOT NULL,
  -- What it was held against: another bar of the same name begins anew.
  bar          jsonb NOT NULL,
  state        text NOT NULL CHECK (state IN ('ok', 'alert')),
  since        timestamptz NOT NULL,
  -- Since when it has been where its state is not; null while it is not.
  turning_at   timestamptz,
  -- End of the newest window with enough traffic, and its value in the metric's unit.
  newest_at    timestamptz NOT NULL,
  value        double precision NOT NULL,
  -- The same, of a window in which anything was asked: none at all are a rate of 0.
  heard_at     timestamptz NOT NULL,
  PRIMARY KEY (project_id, rule, subject_kind, subject)
);
-- Of every project: those that have become silent.
CREATE INDEX monitor_bars_by_age ON monitor_bars (heard_at);

-- Which of an alert's events are on the log: none, its opening, or its end too. Alerts that were over before have none.
ALTER TABLE alerts ADD COLUMN logged text NOT NULL DEFAULT 'ended' CHECK (logged IN ('none', 'opened', 'ended'));
ALTER TABLE alerts ALTER COLUMN logged SET DEFAULT 'none';
UPDATE alerts SET logged = 'none' WHERE ended_at IS NULL;
CREATE INDEX alerts_unlogged ON alerts (id) WHERE logged <> 'ended';
