-- How far each project's traffic was given to its detectors: the beginning of the first bucket of five minutes that was not. Moves in the
-- transaction that keeps what the detectors made of the buckets before it, whose row lock lets one process at a time do so.
CREATE TABLE monitor_cursors (
  project_id text PRIMARY KEY,
  next_at    timestamptz NOT NULL
);

-- Series are read by when they last had a point.
CREATE INDEX monitor_series_by_newest ON monitor_series (project_id, newest_at);
-- Of every project: those that have become silent, and those that are let go.
CREATE INDEX monitor_series_by_age ON monitor_series (newest_at);
