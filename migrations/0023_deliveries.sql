-- Whom alerts are told, and what is kept quiet.

-- Alerts of this route or upstream, of this metric, or of both, are told to nobody meanwhile.
CREATE TABLE silences (
  id              text PRIMARY KEY,
  project_id      text NOT NULL,
  -- Null for any.
  subject_kind    text CHECK (subject_kind IN ('route', 'upstream')),
  subject         text,
  metric          text,
  reason          text NOT NULL,
  created_by      text NOT NULL,
  created_by_name text,
  created_at      timestamptz NOT NULL,
  until           timestamptz NOT NULL,
  -- Ended before that, and by whom.
  ended_at        timestamptz,
  ended_by        text,
  ended_by_name   text,
  CHECK ((subject_kind IS NULL) = (subject IS NULL)),
  -- What fits everything would leave an operator blind.
  CHECK (num_nonnulls(subject, metric) > 0),
  CHECK (until > created_at AND until <= created_at + interval '720 hours'),
  CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
CREATE INDEX silences_by_project ON silences (project_id, id DESC);
CREATE INDEX silences_in_force ON silences (project_id, until) WHERE ended_at IS NULL;

-- A silence says for ever what was kept quiet and by whom: only its end is written, once.
CREATE FUNCTION refuse_silence_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL
    AND to_jsonb(NEW) - '{ended_at,ended_by,ended_by_name}'::text[] = to_jsonb(OLD) - '{ended_at,ended_by,ended_by_name}'::text[]
  THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'A silence is never changed or removed, it is ended; then another one is made.' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER silences_stay BEFORE UPDATE OR DELETE ON silences
  FOR EACH ROW EXECUTE FUNCTION refuse_silence_change();
CREATE TRIGGER silences_stay_all BEFORE TRUNCATE ON silences
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_silence_change();
REVOKE DELETE, TRUNCATE ON silences FROM PUBLIC;

-- One message to one channel: what became due at the same time for one project.
CREATE TABLE alert_messages (
  -- Stays the same however often it is tried, so that a receiver can tell that it has it.
  id          text PRIMARY KEY,
  project_id  text NOT NULL,
  -- As aval.yaml names it.
  channel     text NOT NULL,
  -- src/monitoring/alerts/message.ts as JSON; the same at every try.
  content     text NOT NULL,
  state       text NOT NULL CHECK (state IN ('waiting', 'sent', 'failed')),
  tries       integer NOT NULL CHECK (tries >= 0),
  next_try_at timestamptz NOT NULL,
  -- Who is sending it, and until when nobody else may.
  run         text,
  held_until  timestamptz,
  -- What the receiver said last, or which recipient it refused.
  note        text,
  created_at  timestamptz NOT NULL,
  finished_at timestamptz,
  CHECK ((run IS NULL) = (held_until IS NULL)),
  CHECK ((state = 'waiting') = (finished_at IS NULL))
);
CREATE INDEX alert_messages_waiting ON alert_messages (next_try_at) WHERE state = 'waiting';

-- Each event of an alert for each channel, once: in a message, or kept quiet by a silence.
CREATE TABLE alert_deliveries (
  alert_id   text NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
  event      text NOT NULL CHECK (event IN ('opened', 'still_open', 'ended')),
  -- The first, second … reminder; otherwise 0.
  nth        integer NOT NULL CHECK ((nth > 0) = (event = 'still_open')),
  channel    text NOT NULL,
  project_id text NOT NULL,
  message_id text,
  silence_id text,
  at         timestamptz NOT NULL,
  PRIMARY KEY (alert_id, event, nth, channel),
  CHECK (num_nonnulls(message_id, silence_id) = 1)
);
CREATE INDEX alerts_lasting ON alerts (id) WHERE ended_at IS NULL;
CREATE INDEX alerts_over ON alerts (ended_at) WHERE ended_at IS NOT NULL;
