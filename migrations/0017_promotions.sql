-- Promotions: who asked for a label to move, on which evidence, who approved it, and that nothing else can move one.

CREATE TABLE promotions (
  id               text PRIMARY KEY,
  project_id       text NOT NULL,
  route            text NOT NULL,
  label            text NOT NULL,
  kind             text NOT NULL CHECK (kind IN ('promotion', 'break_glass')),
  -- What the label served when it was asked for, and the decision that had put it there; null for a label that was not there.
  from_release_id  text REFERENCES releases (id),
  from_decision_id text REFERENCES decisions (id),
  to_release_id    text NOT NULL REFERENCES releases (id),
  -- The policy in force when it was asked for, as canonical JSON.
  policy           text NOT NULL,
  policy_hash      text NOT NULL,
  demands_evidence boolean NOT NULL,
  approvals_needed integer NOT NULL CHECK (approvals_needed BETWEEN 0 AND 10),
  approver_roles   text[] NOT NULL,
  reason           text NOT NULL CHECK (reason <> ''),
  requested_by     text NOT NULL,
  requested_by_name text,
  -- The person who answers for that key.
  requested_by_person text NOT NULL,
  requested_at     timestamptz NOT NULL,
  -- Nobody can approve it afterwards, and it does not begin to move.
  expires_at       timestamptz NOT NULL,
  state            text NOT NULL CHECK (state IN ('gathering', 'waiting', 'canary', 'promoted', 'refused', 'rejected',
                   'withdrawn', 'expired', 'overtaken', 'rolled_back')),
  -- Why it is where it is, in one sentence.
  note             text NOT NULL,
  -- Canonical JSON; `outcome` is what it comes to.
  verdict          text,
  outcome          text CHECK (outcome IN ('pass', 'fail', 'inconclusive')),
  -- Over releases, policy, verdict and card: what an approval signs.
  evidence_hash    text,
  -- Of a canary: which stage, and since when.
  stage            integer,
  stage_since      timestamptz,
  -- Of a canary whose quality is watched: the order by which live answers are judged.
  online_order_id  text,
  updated_at       timestamptz NOT NULL,
  ended_at         timestamptz,
  CHECK ((verdict IS NULL) = (outcome IS NULL)),
  CHECK ((state = 'canary') <= (stage IS NOT NULL AND stage_since IS NOT NULL)),
  CHECK ((ended_at IS NULL) = (state IN ('gathering', 'waiting', 'canary')))
);
CREATE INDEX promotions_by_project ON promotions (project_id, id DESC);
CREATE INDEX promotions_by_route ON promotions (project_id, route, id DESC);
-- Of fifty that are asked for at once, one is let in.
CREATE UNIQUE INDEX promotions_live ON promotions (project_id, route, label) WHERE ended_at IS NULL;

-- What was asked for, and by whom, stays; what has ended stays ended; a verdict is given once.
CREATE FUNCTION guard_promotion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'UPDATE' THEN
    RAISE EXCEPTION 'A promotion is never removed.' USING ERRCODE = 'restrict_violation';
  END IF;
  IF OLD.ended_at IS NOT NULL THEN
    RAISE EXCEPTION 'Promotion % has ended (%), and is never changed.', OLD.id, OLD.state USING ERRCODE = 'restrict_violation';
  END IF;
  IF (OLD.id, OLD.project_id, OLD.route, OLD.label, OLD.kind, OLD.from_release_id, OLD.from_decision_id, OLD.to_release_id,
      OLD.policy, OLD.policy_hash, OLD.demands_evidence, OLD.approvals_needed, OLD.approver_roles, OLD.reason,
      OLD.requested_by, OLD.requested_by_person, OLD.requested_at, OLD.expires_at)
    IS DISTINCT FROM
     (NEW.id, NEW.project_id, NEW.route, NEW.label, NEW.kind, NEW.from_release_id, NEW.from_decision_id, NEW.to_release_id,
      NEW.policy, NEW.policy_hash, NEW.demands_evidence, NEW.approvals_needed, NEW.approver_roles, NEW.reason,
      NEW.requested_by, NEW.requested_by_person, NEW.requested_at, NEW.expires_at)
    OR (OLD.evidence_hash IS NOT NULL AND (OLD.verdict, OLD.outcome, OLD.evidence_hash)
        IS DISTINCT FROM (NEW.verdict, NEW.outcome, NEW.evidence_hash)) THEN
    RAISE EXCEPTION 'What promotion % rests on is never changed; ask for another one.', OLD.id
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER promotions_guarded BEFORE UPDATE OR DELETE ON promotions FOR EACH ROW EXECUTE FUNCTION guard_promotion();
CREATE TRIGGER promotions_stay_all BEFORE TRUNCATE ON promotions
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_version_change();
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON promotions FROM PUBLIC;

-- The runs that a promotion's verdict was made of.
CREATE TABLE promotion_runs (
  promotion_id    text NOT NULL REFERENCES promotions (id),
  suite           text NOT NULL,
  run_id          text NOT NULL REFERENCES eval_runs (id),
  -- Null where the label served nothing.
  baseline_run_id text REFERENCES eval_runs (id),
  PRIMARY KEY (promotion_id, suite)
);
CREATE INDEX promotion_runs_of_run ON promotion_runs (run_id);
CREATE INDEX promotion_runs_of_baseline ON promotion_runs (baseline_run_id) WHERE baseline_run_id IS NOT NULL;

CREATE TABLE approvals (
  id            text PRIMARY KEY,
  promotion_id  text NOT NULL REFERENCES promotions (id),
  answer        text NOT NULL CHECK (answer IN ('approve', 'reject')),
  -- What was signed: another one than the promotion's counts for nothing, and is refused.
  evidence_hash text NOT NULL,
  reason        text NOT NULL CHECK (reason <> ''),
  key_id        text NOT NULL,
  key_name      text,
  -- Who answers for that key, and in which role.
  person        text NOT NULL,
  role          text NOT NULL,
  created_at    timestamptz NOT NULL,
  UNIQUE (promotion_id, person)
);
CREATE TRIGGER approvals_stay BEFORE UPDATE OR DELETE ON approvals
  FOR EACH ROW EXECUTE FUNCTION refuse_version_change();
CREATE TRIGGER approvals_stay_all BEFORE TRUNCATE ON approvals
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_version_change();
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON approvals FROM PUBLIC;

-- Four eyes, whoever writes the row: nobody approves what they asked for, or what they had a hand in.
CREATE FUNCTION guard_approval() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  asked promotions%ROWTYPE;
  known text;
BEGIN
  -- Until this ends, the promotion goes nowhere.
  SELECT * INTO asked FROM promotions WHERE id = NEW.promotion_id FOR UPDATE;
  SELECT coalesce(owner, id) INTO known FROM virtual_keys WHERE id = NEW.key_id AND project_id = asked.project_id;
  IF known IS NOT NULL AND known <> NEW.person THEN
    RAISE EXCEPTION 'Key % answers to %, not to %.', NEW.key_id, known, NEW.person USING ERRCODE = 'check_violation';
  END IF;
  IF asked.state <> 'waiting' OR asked.evidence_hash IS DISTINCT FROM NEW.evidence_hash THEN
    RAISE EXCEPTION 'Promotion % is %, or rests on other evidence than was signed.', asked.id, asked.state
      USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.created_at >= asked.expires_at THEN
    RAISE EXCEPTION 'Promotion % expired at %.', asked.id, asked.expires_at USING ERRCODE = 'check_violation';
  END IF;
  IF NOT NEW.role = ANY (asked.approver_roles) THEN
    RAISE EXCEPTION 'Promotion % is approved by %, not by %.', asked.id, asked.approver_roles, NEW.role
      USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.answer = 'approve' AND NEW.person IN (asked.requested_by_person, asked.requested_by) THEN
    RAISE EXCEPTION '% asked for promotion %, and does not approve it.', NEW.person, asked.id
      USING ERRCODE = 'check_violation';
  END IF;
  -- In an emergency those who know the release may be those who made it; two admins they are all the same.
  IF NEW.answer = 'approve' AND asked.kind <> 'break_glass'
    AND EXISTS (SELECT FROM release_authors(asked.to_release_id) AS author WHERE author IN (NEW.person, NEW.key_id)) THEN
    RAISE EXCEPTION '% is an author of what promotion % promotes, and does not approve it.', NEW.person, asked.id
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER approvals_guarded BEFORE INSERT ON approvals FOR EACH ROW EXECUTE FUNCTION guard_approval();

-- Every look at a canary: what both releases were seen to do, and what was decided. In order.
CREATE TABLE canary_looks (
  id           text PRIMARY KEY,
  promotion_id text NOT NULL REFERENCES promotions (id),
  stage        integer NOT NULL,
  decision     text NOT NULL CHECK (decision IN ('advance', 'hold', 'roll_back')),
  -- Canonical JSON with every figure.
  content      text NOT NULL,
  looked_at    timestamptz NOT NULL
);
CREATE INDEX canary_looks_of_promotion ON canary_looks (promotion_id, id DESC);
CREATE TRIGGER canary_looks_stay BEFORE UPDATE OR DELETE ON canary_looks
  FOR EACH ROW EXECUTE FUNCTION refuse_version_change();
CREATE TRIGGER canary_looks_stay_all BEFORE TRUNCATE ON canary_looks
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_version_change();
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON canary_looks FROM PUBLIC;

-- The account of a release as it stood when it was promoted.
CREATE TABLE model_cards (
  id           text PRIMARY KEY,
  project_id   text NOT NULL,
  release_id   text NOT NULL REFERENCES releases (id),
  promotion_id text NOT NULL UNIQUE REFERENCES promotions (id),
  -- Canonical JSON, and its SHA-256.
  content      text NOT NULL,
  hash         text NOT NULL,
  created_at   timestamptz NOT NULL
);
CREATE INDEX model_cards_of_release ON model_cards (release_id, id DESC);
CREATE TRIGGER model_cards_stay BEFORE UPDATE OR DELETE ON model_cards
  FOR EACH ROW EXECUTE FUNCTION refuse_version_change();
CREATE TRIGGER model_cards_stay_all BEFORE TRUNCATE ON model_cards
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_version_change();
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON model_cards FROM PUBLIC;

-- Decisions from before have neither.
ALTER TABLE decisions ADD COLUMN kind text CHECK (kind IN ('promotion', 'canary', 'rollback', 'break_glass'));
ALTER TABLE decisions ADD COLUMN promotion_id text REFERENCES promotions (id);
CREATE INDEX decisions_of_promotion ON decisions (promotion_id, id) WHERE promotion_id IS NOT NULL;
-- The transaction that wrote it is the only one that may move a label by it.
ALTER TABLE decisions ADD COLUMN transaction_id xid8;

CREATE FUNCTION guard_decision() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  asked promotions%ROWTYPE;
  signed integer;
BEGIN
  NEW.transaction_id := pg_current_xact_id();
  IF NEW.kind IS NULL THEN
    RAISE EXCEPTION 'A decision says of which kind it is.' USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.kind = 'rollback' THEN
    -- Back to what this label has served whole before, and nowhere else.
    IF NEW.canary_release_id IS NOT NULL OR NOT EXISTS (
      SELECT FROM decisions d WHERE d.project_id = NEW.project_id AND d.route = NEW.route AND d.label = NEW.label
        AND d.to_release_id = NEW.to_release_id) THEN
      RAISE EXCEPTION '%@% has not served this release before, so it cannot be rolled back to it.', NEW.route, NEW.label
        USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
  END IF;
  SELECT * INTO asked FROM promotions WHERE id = NEW.promotion_id FOR UPDATE;
  IF asked.id IS NULL OR asked.ended_at IS NOT NULL OR asked.project_id <> NEW.project_id OR asked.route <> NEW.route
    OR asked.label <> NEW.label THEN
    RAISE EXCEPTION '%@% is moved by a promotion that is under way, and this is none of it.', NEW.route, NEW.label
      USING ERRCODE = 'check_violation';
  END IF;
  IF (CASE NEW.kind WHEN 'canary' THEN NEW.canary_release_id ELSE NEW.to_release_id END)
    IS DISTINCT FROM asked.to_release_id THEN
    RAISE EXCEPTION 'Promotion % is about another release.', asked.id USING ERRCODE = 'check_violation';
  END IF;
  -- What a canary is beside, and that nothing unapproved comes along with what was approved.
  IF (NEW.kind = 'canary' AND NEW.to_release_id IS DISTINCT FROM asked.from_release_id)
    OR (NEW.kind <> 'canary' AND NEW.canary_release_id IS NOT NULL
        AND (asked.demands_evidence OR asked.approvals_needed > 0)) THEN
    RAISE EXCEPTION 'Promotion % is about another pair of releases.', asked.id USING ERRCODE = 'check_violation';
  END IF;
  IF (NEW.kind = 'break_glass') <> (asked.kind = 'break_glass') THEN
    RAISE EXCEPTION 'Promotion % is of another kind.', asked.id USING ERRCODE = 'check_violation';
  END IF;
  IF asked.demands_evidence AND asked.outcome IS DISTINCT FROM 'pass' THEN
    RAISE EXCEPTION 'Promotion % has no evidence that passes.', asked.id USING ERRCODE = 'check_violation';
  END IF;
  IF asked.state <> 'canary' AND NEW.decided_at >= asked.expires_at THEN
    RAISE EXCEPTION 'Promotion % expired at %.', asked.id, asked.expires_at USING ERRCODE = 'check_violation';
  END IF;
  SELECT count(*) FILTER (WHERE answer = 'approve' AND evidence_hash = asked.evidence_hash)
      - 1000 * count(*) FILTER (WHERE answer = 'reject') INTO signed
  FROM approvals WHERE promotion_id = asked.id;
  IF signed < asked.approvals_needed THEN
    RAISE EXCEPTION 'Promotion % needs % approvals of its evidence.', asked.id, asked.approvals_needed
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER decisions_guarded BEFORE INSERT ON decisions FOR EACH ROW EXECUTE FUNCTION guard_decision();

-- A label points where a decision of this very transaction says.
CREATE FUNCTION guard_label() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'A label is never removed.' USING ERRCODE = 'restrict_violation';
  END IF;
  IF NOT EXISTS (
    SELECT FROM decisions d WHERE d.id = NEW.decision_id AND d.transaction_id = pg_current_xact_id()
      AND (d.project_id, d.route, d.label, d.to_release_id) = (NEW.project_id, NEW.route, NEW.label, NEW.release_id)
      AND (d.canary_release_id, d.canary_weight) IS NOT DISTINCT FROM (NEW.canary_release_id, NEW.canary_weight)) THEN
    RAISE EXCEPTION 'The label %@% moves by a decision that is made with it, and in no other way.', NEW.route, NEW.label
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER labels_guarded BEFORE INSERT OR UPDATE OR DELETE ON labels FOR EACH ROW EXECUTE FUNCTION guard_label();
CREATE TRIGGER labels_stay_all BEFORE TRUNCATE ON labels
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_version_change();
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON labels FROM PUBLIC;
REVOKE INSERT ON decisions FROM PUBLIC;
