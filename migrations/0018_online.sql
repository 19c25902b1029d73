-- Scores of live traffic: a sample of logged answers, judged by the scorers of suites.

CREATE TABLE online_orders (
  id              text PRIMARY KEY,
  project_id      text NOT NULL,
  route           text NOT NULL,
  -- Everything that was fixed when the order was made, as canonical JSON, and its hash.
  content         text NOT NULL,
  hash            text NOT NULL,
  -- `queued` between two looks at the traffic. `done`: its time is over or its limit is reached. `stopped`: by somebody.
  state           text NOT NULL CHECK (state IN ('queued', 'running', 'done', 'stopped', 'failed')),
  -- The cursor: requests that began before it have been looked at.
  looked_to       timestamptz NOT NULL,
  -- Micro-USD that judges have cost, and how many judgements had no known price.
  spent           bigint NOT NULL DEFAULT 0,
  unpriced        integer NOT NULL DEFAULT 0,
  -- The process that is at it; another one that takes over writes another name.
  run             text,
  attempts        integer NOT NULL DEFAULT 0,
  error           text,
  created_by      text NOT NULL,
  created_by_name text,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL,
  finished_at     timestamptz
);
CREATE INDEX online_orders_by_project ON online_orders (project_id, id DESC);
CREATE INDEX online_orders_live ON online_orders (state) WHERE state IN ('queued', 'running');

-- Exactly one row for each sampled request and rules. It carries no body, but its reason may quote one: that goes when the body goes.
CREATE TABLE online_scores (
  request_id      text NOT NULL,
  -- Of the scorer's kind, version and settings.
  rules_hash      text NOT NULL,
  project_id      text NOT NULL,
  release_id      text NOT NULL,
  -- That had it judged.
  order_id        text NOT NULL REFERENCES online_orders (id),
  -- As that order calls the scorer.
  scorer          text NOT NULL,
  kind            text NOT NULL,
  version         integer NOT NULL,
  -- `skipped`: nobody judged, and `skip` says why.
  outcome         text NOT NULL CHECK (outcome IN ('scored', 'abstained', 'error', 'skipped')),
  skip            text,
  value           double precision,
  passed          boolean,
  -- Null once the body that it may quote is erased or no longer kept.
  reason          text,
  -- Micro-USD of what it asked of models; null when a price is unknown.
  cost            bigint,
  -- What the app asked for: `support-answer`, `support-answer@staging`. The label's name is not on the log beyond that.
  requested_model text,
  started_at      timestamptz NOT NULL,
  -- Of the request's partition: scores go with their day.
  day             date NOT NULL,
  scored_at       timestamptz NOT NULL,
  PRIMARY KEY (request_id, rules_hash),
  CHECK ((outcome = 'scored') = (value IS NOT NULL)),
  CHECK ((outcome = 'skipped') = (skip IS NOT NULL))
);
CREATE INDEX online_scores_by_release ON online_scores (project_id, release_id, rules_hash, started_at DESC, request_id DESC);
CREATE INDEX online_scores_by_order ON online_scores (order_id, request_id);
CREATE INDEX online_scores_by_day ON online_scores (day);

-- A judgement is never made over. What was skipped may still be judged, and a reason may go.
CREATE FUNCTION refuse_score_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.outcome <> 'skipped' AND (to_jsonb(OLD) - 'reason') IS DISTINCT FROM (to_jsonb(NEW) - 'reason') THEN
    RAISE EXCEPTION 'a score of live traffic is never changed';
  END IF;
  IF OLD.reason IS DISTINCT FROM NEW.reason AND OLD.outcome <> 'skipped' AND NEW.reason IS NOT NULL THEN
    RAISE EXCEPTION 'the reason of a score is kept or goes, and is never another one';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER online_scores_stay BEFORE UPDATE ON online_scores
  FOR EACH ROW EXECUTE FUNCTION refuse_score_change();
