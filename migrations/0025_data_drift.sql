-- Comparisons of two windows of a route's traffic, and judges that are given the same answers again day by day.

-- Points of scores are read by when they were made.
CREATE INDEX online_scores_by_scoring ON online_scores (project_id, scored_at);

-- A comparison to be made, under way or done. What it found stands in data_findings and is never changed.
CREATE TABLE data_checks (
  id            text PRIMARY KEY,
  project_id    text NOT NULL,
  route         text NOT NULL,
  state         text NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
  -- The windows: [baseline_from, recent_from) and [recent_from, recent_to).
  baseline_from timestamptz NOT NULL,
  recent_from   timestamptz NOT NULL,
  recent_to     timestamptz NOT NULL CHECK (recent_to > recent_from AND recent_from > baseline_from),
  -- Null when it was due by itself.
  asked_by      text,
  asked_by_name text,
  -- The process that is at it; another one that takes over writes another name.
  run           text,
  attempts      integer NOT NULL DEFAULT 0,
  error         text,
  created_at    timestamptz NOT NULL,
  updated_at    timestamptz NOT NULL,
  finished_at   timestamptz
);
CREATE INDEX data_checks_by_route ON data_checks (project_id, route, id DESC);
CREATE INDEX data_checks_live ON data_checks (state) WHERE state IN ('queued', 'running');
-- One that waits is enough: asking again changes nothing.
CREATE UNIQUE INDEX data_checks_waiting ON data_checks (project_id, route) WHERE state = 'queued';

-- One row for each test of a comparison. It holds no text of a request but for terms that several people used.
CREATE TABLE data_findings (
  check_id       text NOT NULL REFERENCES data_checks (id),
  project_id     text NOT NULL,
  route          text NOT NULL,
  -- What was compared: `question_content`, `question_language`, `retrieval_cosine:handbook@5` …
  feature        text NOT NULL,
  -- Name and version of the test: `domain-classifier@1`.
  method         text NOT NULL,
  recent_size    integer NOT NULL,
  baseline_size  integer NOT NULL,
  seed           bigint NOT NULL,
  statistic      double precision,
  -- Of this test alone, and adjusted for all tests of the comparison.
  p              double precision,
  adjusted_p     double precision,
  -- How far the windows are apart, in the test's own measure, and from where on that counts.
  effect         double precision,
  bar            double precision,
  verdict        text NOT NULL CHECK (verdict IN ('drift', 'same', 'unknown')),
  -- Why it is unknown, levels of both windows, terms: src/monitoring/data/finding.ts.
  detail         jsonb NOT NULL,
  found_at       timestamptz NOT NULL,
  PRIMARY KEY (check_id, feature)
);

-- Answers that a judge of live traffic judged once, and is given again day by day. Chosen once.
CREATE TABLE judge_sentinels (
  order_id      text NOT NULL REFERENCES online_orders (id),
  rules_hash    text NOT NULL,
  request_id    text NOT NULL,
  project_id    text NOT NULL,
  -- What the judge said at first.
  value         double precision NOT NULL,
  passed        boolean,
  scored_at     timestamptz NOT NULL,
  PRIMARY KEY (order_id, rules_hash, request_id)
);

-- Who is at the sentinels of an order: nobody else asks its judges meanwhile.
CREATE TABLE sentinel_rounds (
  order_id      text PRIMARY KEY REFERENCES online_orders (id),
  state         text NOT NULL CHECK (state IN ('queued', 'running')),
  -- The process that is at it; another one that takes over writes another name.
  run           text,
  -- Where held work counts its tries; a round is not given up, so none is counted here.
  attempts      integer NOT NULL DEFAULT 0,
  error         text,
  updated_at    timestamptz NOT NULL
);

-- What it says of the same answer on another day, or why nobody asked it. No reason is kept: it may quote.
CREATE TABLE sentinel_scores (
  order_id      text NOT NULL,
  rules_hash    text NOT NULL,
  request_id    text NOT NULL,
  on_day        date NOT NULL,
  outcome       text NOT NULL CHECK (outcome IN ('scored', 'abstained', 'error', 'skipped')),
  skip          text,
  value         double precision,
  passed        boolean,
  -- Micro-USD; null when a price is unknown.
  cost          bigint,
  scored_at     timestamptz NOT NULL,
  PRIMARY KEY (order_id, rules_hash, on_day, request_id),
  FOREIGN KEY (order_id, rules_hash, request_id) REFERENCES judge_sentinels,
  CHECK ((outcome = 'scored') = (value IS NOT NULL)),
  CHECK ((outcome = 'skipped') = (skip IS NOT NULL))
);

-- One row for each judge and day: whether the judge moved, what it judges moved, or both.
CREATE TABLE judge_checks (
  order_id      text NOT NULL REFERENCES online_orders (id),
  rules_hash    text NOT NULL,
  on_day        date NOT NULL,
  project_id    text NOT NULL,
  route         text NOT NULL,
  scorer        text NOT NULL,
  sentinels     integer NOT NULL,
  scored        integer NOT NULL,
  -- Share of the sentinels that are judged as they were at first; null of none.
  agreement     double precision,
  -- Mean of now less then, of the judge on its sentinels and of live scores; null where it cannot be told.
  judge_shift   double precision,
  judge_low     double precision,
  judge_high    double precision,
  live_shift    double precision,
  live_low      double precision,
  live_high     double precision,
  live_scored   integer NOT NULL,
  verdict       text NOT NULL CHECK (verdict IN ('judge_drift', 'model_drift', 'both', 'neither', 'unknown')),
  reason        text NOT NULL,
  checked_at    timestamptz NOT NULL,
  PRIMARY KEY (order_id, rules_hash, on_day)
);
CREATE INDEX judge_checks_by_route ON judge_checks (project_id, route, on_day DESC);

CREATE FUNCTION refuse_data_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a row of % is never changed', TG_TABLE_NAME;
END $$;
CREATE TRIGGER data_findings_stay BEFORE UPDATE OR DELETE ON data_findings
  FOR EACH ROW EXECUTE FUNCTION refuse_data_change();
CREATE TRIGGER data_findings_stay_all BEFORE TRUNCATE ON data_findings
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_data_change();
CREATE TRIGGER judge_sentinels_stay BEFORE UPDATE OR DELETE ON judge_sentinels
  FOR EACH ROW EXECUTE FUNCTION refuse_data_change();
CREATE TRIGGER judge_sentinels_stay_all BEFORE TRUNCATE ON judge_sentinels
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_data_change();
CREATE TRIGGER sentinel_scores_stay BEFORE UPDATE OR DELETE ON sentinel_scores
  FOR EACH ROW EXECUTE FUNCTION refuse_data_change();
CREATE TRIGGER sentinel_scores_stay_all BEFORE TRUNCATE ON sentinel_scores
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_data_change();
CREATE TRIGGER judge_checks_stay BEFORE UPDATE OR DELETE ON judge_checks
  FOR EACH ROW EXECUTE FUNCTION refuse_data_change();
CREATE TRIGGER judge_checks_stay_all BEFORE TRUNCATE ON judge_checks
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_data_change();
REVOKE UPDATE, DELETE, TRUNCATE ON data_findings, judge_sentinels, sentinel_scores, judge_checks FROM PUBLIC;
