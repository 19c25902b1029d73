-- Releases, labels and the decisions that move them; what a request was served by, and what it cost.

CREATE TABLE releases (
  id              text PRIMARY KEY,
  project_id      text NOT NULL,
  route           text NOT NULL,
  number          integer NOT NULL CHECK (number > 0),
  -- SHA-256 of `content`, which names every ingredient with its own hash.
  hash            text NOT NULL,
  content         text NOT NULL,
  created_by      text NOT NULL,
  created_by_name text,
  created_at      timestamptz NOT NULL,
  UNIQUE (project_id, route, number),
  UNIQUE (project_id, route, hash)
);
CREATE TRIGGER releases_stay BEFORE UPDATE OR DELETE ON releases
  FOR EACH ROW EXECUTE FUNCTION refuse_version_change();
CREATE TRIGGER releases_stay_all BEFORE TRUNCATE ON releases
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_version_change();
REVOKE UPDATE, DELETE, TRUNCATE ON releases FROM PUBLIC;

-- Why a label points where it does: one row for each move, in order.
CREATE TABLE decisions (
  id               text PRIMARY KEY,
  project_id       text NOT NULL,
  route            text NOT NULL,
  label            text NOT NULL,
  -- Null for the first move of a label.
  from_release_id  text REFERENCES releases (id),
  to_release_id    text NOT NULL REFERENCES releases (id),
  canary_release_id text REFERENCES releases (id),
  canary_weight    integer,
  reason           text NOT NULL,
  decided_by       text NOT NULL,
  decided_by_name  text,
  decided_at       timestamptz NOT NULL
);
CREATE INDEX decisions_by_route ON decisions (project_id, route, id DESC);
CREATE TRIGGER decisions_stay BEFORE UPDATE OR DELETE ON decisions
  FOR EACH ROW EXECUTE FUNCTION refuse_version_change();
CREATE TRIGGER decisions_stay_all BEFORE TRUNCATE ON decisions
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_version_change();
REVOKE UPDATE, DELETE, TRUNCATE ON decisions FROM PUBLIC;

-- The one pointer: a release, or a stable one and a canary with its share in hundredths of a per cent.
CREATE TABLE labels (
  project_id        text NOT NULL,
  route             text NOT NULL,
  label             text NOT NULL,
  release_id        text NOT NULL REFERENCES releases (id),
  canary_release_id text REFERENCES releases (id),
  canary_weight     integer CHECK (canary_weight BETWEEN 1 AND 9999),
  decision_id       text NOT NULL REFERENCES decisions (id),
  moved_at          timestamptz NOT NULL,
  PRIMARY KEY (project_id, route, label),
  CHECK ((canary_release_id IS NULL) = (canary_weight IS NULL)),
  CHECK (canary_release_id <> release_id)
);

INSERT INTO change_counters (subject, version) VALUES ('registry', 0);

ALTER TABLE requests ADD COLUMN release_id text;
ALTER TABLE requests ADD COLUMN prompt text;
ALTER TABLE requests ADD COLUMN cost_micro_usd bigint;
ALTER TABLE requests ADD COLUMN price text;
CREATE INDEX requests_by_release ON requests (project_id, release_id, started_at DESC) WHERE release_id IS NOT NULL;
