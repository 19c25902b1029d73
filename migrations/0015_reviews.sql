-- Reviews: people repeat the judgement of one judge over a random sample of a run, and what their ratings say of the judge.

CREATE TABLE review_queues (
  id              text PRIMARY KEY,
  project_id      text NOT NULL,
  name            text NOT NULL,
  run_id          text NOT NULL REFERENCES eval_runs (id),
  -- Everything that was fixed when the queue was made, as canonical JSON, and its hash.
  content         text NOT NULL,
  hash            text NOT NULL,
  -- Of the judge's kind, version and settings.
  rules_hash      text NOT NULL,
  reviewers       integer NOT NULL CHECK (reviewers BETWEEN 1 AND 9),
  tasks           integer NOT NULL CHECK (tasks BETWEEN 1 AND 5000),
  created_by      text NOT NULL,
  created_by_name text,
  created_at      timestamptz NOT NULL,
  UNIQUE (project_id, name)
);
CREATE INDEX review_queues_of_run ON review_queues (run_id, rules_hash);
CREATE TRIGGER review_queues_stay BEFORE UPDATE OR DELETE ON review_queues
  FOR EACH ROW EXECUTE FUNCTION refuse_version_change();
CREATE TRIGGER review_queues_stay_all BEFORE TRUNCATE ON review_queues
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_version_change();
REVOKE UPDATE, DELETE, TRUNCATE ON review_queues FROM PUBLIC;

-- Numbered in random order, so that the first of them are a random sample too.
CREATE TABLE review_tasks (
  queue_id text NOT NULL REFERENCES review_queues (id),
  number   integer NOT NULL,
  run_id   text NOT NULL,
  position integer NOT NULL,
  repeat   integer NOT NULL,
  PRIMARY KEY (queue_id, number),
  UNIQUE (queue_id, position, repeat),
  FOREIGN KEY (run_id, position, repeat) REFERENCES eval_results (run_id, position, repeat)
);
CREATE TRIGGER review_tasks_stay BEFORE UPDATE OR DELETE ON review_tasks
  FOR EACH ROW EXECUTE FUNCTION refuse_version_change();
CREATE TRIGGER review_tasks_stay_all BEFORE TRUNCATE ON review_tasks
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_version_change();
REVOKE UPDATE, DELETE, TRUNCATE ON review_tasks FROM PUBLIC;

-- Who sits at a task: places 1 to k are its reviewers', 0 is the adjudicator's. One person has one place, so nobody
-- adjudicates what they rated.
CREATE TABLE review_places (
  queue_id    text NOT NULL,
  number      integer NOT NULL,
  place       integer NOT NULL CHECK (place BETWEEN 0 AND 9),
  -- A key's id, or `ext_` and the name of somebody who rated elsewhere.
  person      text NOT NULL,
  person_name text,
  -- Without a rating until then, the place may be given to somebody else.
  held_until  timestamptz NOT NULL,
  PRIMARY KEY (queue_id, number, place),
  UNIQUE (queue_id, number, person),
  FOREIGN KEY (queue_id, number) REFERENCES review_tasks (queue_id, number)
);

-- A place that was rated from can be neither given away nor removed: its rating refers to it.
CREATE TABLE review_ratings (
  queue_id   text NOT NULL,
  number     integer NOT NULL,
  person     text NOT NULL,
  -- From 1; the highest holds, and those before it stay.
  revision   integer NOT NULL CHECK (revision > 0),
  -- On the judge's scale: 0 and 1 for no and yes, grades evenly between.
  value      double precision NOT NULL CHECK (value BETWEEN 0 AND 1),
  note       text,
  -- The key that wrote it: somebody else's where ratings were imported.
  created_by text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (queue_id, number, person, revision),
  FOREIGN KEY (queue_id, number, person) REFERENCES review_places (queue_id, number, person)
);
CREATE TRIGGER review_ratings_stay BEFORE UPDATE OR DELETE ON review_ratings
  FOR EACH ROW EXECUTE FUNCTION refuse_version_change();
CREATE TRIGGER review_ratings_stay_all BEFORE TRUNCATE ON review_ratings
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_version_change();
REVOKE UPDATE, DELETE, TRUNCATE ON review_ratings FROM PUBLIC;

CREATE TABLE review_skips (
  queue_id   text NOT NULL,
  number     integer NOT NULL,
  person     text NOT NULL,
  reason     text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (queue_id, number, person),
  FOREIGN KEY (queue_id, number) REFERENCES review_tasks (queue_id, number)
);
CREATE TRIGGER review_skips_stay BEFORE UPDATE OR DELETE ON review_skips
  FOR EACH ROW EXECUTE FUNCTION refuse_version_change();
CREATE TRIGGER review_skips_stay_all BEFORE TRUNCATE ON review_skips
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_version_change();
REVOKE UPDATE, DELETE, TRUNCATE ON review_skips FROM PUBLIC;

CREATE TABLE review_calibrations (
  id              text PRIMARY KEY,
  project_id      text NOT NULL,
  queue_id        text NOT NULL REFERENCES review_queues (id),
  rules_hash      text NOT NULL,
  -- The judge, the data and every figure, as canonical JSON, and its hash.
  content         text NOT NULL,
  hash            text NOT NULL,
  -- Whether the judge may decide by it.
  qualifies       boolean NOT NULL,
  created_by      text NOT NULL,
  created_by_name text,
  created_at      timestamptz NOT NULL
);
CREATE INDEX review_calibrations_of_rules ON review_calibrations (project_id, rules_hash, id DESC);
CREATE TRIGGER review_calibrations_stay BEFORE UPDATE OR DELETE ON review_calibrations
  FOR EACH ROW EXECUTE FUNCTION refuse_version_change();
CREATE TRIGGER review_calibrations_stay_all BEFORE TRUNCATE ON review_calibrations
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_version_change();
REVOKE UPDATE, DELETE, TRUNCATE ON review_calibrations FROM PUBLIC;
