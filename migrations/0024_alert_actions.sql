-- What alerts have done by the policies of labels: each action once for an alert and a label, kept with what came of it.

CREATE TABLE alert_actions (
  id           text PRIMARY KEY,
  alert_id     text NOT NULL REFERENCES alerts (id),
  project_id   text NOT NULL,
  route        text NOT NULL,
  label        text NOT NULL,
  action       text NOT NULL CHECK (action IN ('freeze', 'roll_back', 'run_suite', 'review', 'dataset')),
  -- The policy that asked for it, by its name when it did.
  policy       text NOT NULL,
  -- `refused`: it could not be, and the note says why. `failed`: it was tried until it was too late.
  outcome      text NOT NULL CHECK (outcome IN ('done', 'refused', 'failed')),
  note         text NOT NULL CHECK (note <> ''),
  -- What came of it: ids of runs, of a decision, a queue's name, `name@version` of a dataset.
  targets      text[] NOT NULL,
  -- Of a freeze: its end; null for one that lasts as long as the alert is open. An acknowledgement ends either.
  frozen_until timestamptz,
  acted_at     timestamptz NOT NULL,
  UNIQUE (alert_id, route, label, action),
  CHECK (action = 'freeze' OR frozen_until IS NULL)
);
-- Read at every move of a label, and before it is rolled back.
CREATE INDEX alert_actions_of_label ON alert_actions (project_id, route, label, action, id DESC) WHERE outcome = 'done';
CREATE TRIGGER alert_actions_stay BEFORE UPDATE OR DELETE ON alert_actions
  FOR EACH ROW EXECUTE FUNCTION refuse_version_change();
CREATE TRIGGER alert_actions_stay_all BEFORE TRUNCATE ON alert_actions
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_version_change();
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON alert_actions FROM PUBLIC;

-- When the policies had all been asked, whatever they said; null before.
ALTER TABLE alerts ADD COLUMN acted_at timestamptz;
-- Since when what is to be done fails, and when it is tried again; null while nothing fails.
ALTER TABLE alerts ADD COLUMN act_since timestamptz;
ALTER TABLE alerts ADD COLUMN act_next_at timestamptz;
CREATE INDEX alerts_unacted ON alerts (id) WHERE acted_at IS NULL;
