-- Shadows: traffic of a label mirrored to a candidate release, and which requests on the log are such mirrored calls.

ALTER TABLE requests ADD COLUMN shadow_of text;
CREATE INDEX requests_by_shadow_of ON requests (project_id, shadow_of, started_at DESC) WHERE shadow_of IS NOT NULL;
-- A shadow's calls carry its id where an app's requests carry the client's own. How they ended, and the newest of them beside
-- what they mirrored, is read from this index alone.
CREATE INDEX requests_of_shadow ON requests (project_id, client_request_id, started_at DESC)
  INCLUDE (day, outcome, duration_ms, shadow_of) WHERE shadow_of IS NOT NULL;
-- What was spent is read from this one alone, and from a place on in what a writer has shipped.
CREATE INDEX requests_of_shadow_by_place ON requests (project_id, client_request_id, writer, seq)
  INCLUDE (day, upstream, cost_micro_usd) WHERE shadow_of IS NOT NULL;

CREATE TABLE shadows (
  id              text PRIMARY KEY,
  project_id      text NOT NULL,
  route           text NOT NULL,
  -- Whose traffic is mirrored.
  label           text NOT NULL,
  -- The candidate.
  release_id      text NOT NULL REFERENCES releases (id),
  -- Hundredths of a per cent.
  share           integer NOT NULL CHECK (share BETWEEN 1 AND 10000),
  -- Micro-USD.
  budget          bigint NOT NULL CHECK (budget > 0),
  -- Whether it was started although a price of the candidate was unknown: such calls are not held back by the budget.
  allow_unpriced  boolean NOT NULL,
  reason          text NOT NULL,
  state           text NOT NULL CHECK (state IN ('running', 'stopped', 'spent', 'ended')),
  started_by      text NOT NULL,
  started_by_name text,
  started_at      timestamptz NOT NULL,
  ends_at         timestamptz NOT NULL CHECK (ends_at > started_at),
  -- Null where a gateway ended it.
  stopped_by      text,
  stopped_by_name text,
  stopped_at      timestamptz,
  stop_reason     text,
  CHECK ((state = 'running') = (stopped_at IS NULL))
);
CREATE UNIQUE INDEX shadows_running ON shadows (project_id, route) WHERE state = 'running';
CREATE INDEX shadows_by_project ON shadows (project_id, id DESC);

-- What was decided when it was started stays as it is, and what has ended does not begin again.
CREATE FUNCTION refuse_shadow_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.state = 'running' AND NEW.state <> 'running'
     AND (NEW.id, NEW.project_id, NEW.route, NEW.label, NEW.release_id, NEW.share, NEW.budget, NEW.allow_unpriced,
          NEW.reason, NEW.started_by, NEW.started_by_name, NEW.started_at, NEW.ends_at)
         IS NOT DISTINCT FROM
         (OLD.id, OLD.project_id, OLD.route, OLD.label, OLD.release_id, OLD.share, OLD.budget, OLD.allow_unpriced,
          OLD.reason, OLD.started_by, OLD.started_by_name, OLD.started_at, OLD.ends_at)
  THEN RETURN NEW;
  END IF;
  RAISE EXCEPTION 'A shadow changes once, when it ends. Start another one.' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER shadows_stay BEFORE UPDATE OR DELETE ON shadows
  FOR EACH ROW EXECUTE FUNCTION refuse_shadow_change();
CREATE TRIGGER shadows_stay_all BEFORE TRUNCATE ON shadows
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_shadow_change();
REVOKE DELETE, TRUNCATE ON shadows FROM PUBLIC;

-- What only the process knows that mirrors, each process start in its own row: written whole, so that twice is once.
CREATE TABLE shadow_tallies (
  shadow_id text NOT NULL REFERENCES shadows (id),
  writer    uuid NOT NULL,
  -- Chosen and not sent: the queue was full, the shadow had ended meanwhile, or the process.
  dropped   bigint NOT NULL,
  -- Chosen and not sent: the operation may leave something at the upstream, or no room in the budget.
  skipped   bigint NOT NULL,
  -- Micro-USD held for calls whose cost nobody told.
  held      bigint NOT NULL,
  PRIMARY KEY (shadow_id, writer)
);
