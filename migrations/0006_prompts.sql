-- Versions of prompts. A version is its content: whoever wants another one adds it.

CREATE FUNCTION refuse_version_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'A version in % is never changed or removed; add another one.', TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TABLE prompt_versions (
  id              text PRIMARY KEY,
  project_id      text NOT NULL,
  name            text NOT NULL,
  version         integer NOT NULL CHECK (version > 0),
  -- SHA-256 of `content`, lower-case hex.
  hash            text NOT NULL,
  -- Canonical JSON (RFC 8785), kept as text because the hash is over its bytes.
  content         text NOT NULL,
  created_by      text NOT NULL,
  created_by_name text,
  created_at      timestamptz NOT NULL,
  UNIQUE (project_id, name, version),
  UNIQUE (project_id, name, hash)
);
CREATE TRIGGER prompt_versions_stay BEFORE UPDATE OR DELETE ON prompt_versions
  FOR EACH ROW EXECUTE FUNCTION refuse_version_change();
CREATE TRIGGER prompt_versions_stay_all BEFORE TRUNCATE ON prompt_versions
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_version_change();
REVOKE UPDATE, DELETE, TRUNCATE ON prompt_versions FROM PUBLIC;
