-- Versions of models, and prices with their validity and source.

CREATE TABLE model_versions (
  id              text PRIMARY KEY,
  project_id      text NOT NULL,
  name            text NOT NULL,
  version         integer NOT NULL CHECK (version > 0),
  hash            text NOT NULL,
  content         text NOT NULL,
  created_by      text NOT NULL,
  created_by_name text,
  created_at      timestamptz NOT NULL,
  UNIQUE (project_id, name, version),
  UNIQUE (project_id, name, hash)
);
CREATE TRIGGER model_versions_stay BEFORE UPDATE OR DELETE ON model_versions
  FOR EACH ROW EXECUTE FUNCTION refuse_version_change();
CREATE TRIGGER model_versions_stay_all BEFORE TRUNCATE ON model_versions
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_version_change();
REVOKE UPDATE, DELETE, TRUNCATE ON model_versions FROM PUBLIC;

-- What a call cost is said by the newest price that was valid when it began. Unknown stays unknown: no row, or NULL.
CREATE TABLE prices (
  id              text PRIMARY KEY,
  project_id      text NOT NULL,
  upstream        text NOT NULL,
  model           text NOT NULL,
  valid_from      timestamptz NOT NULL,
  -- Where the figures come from: a page, a contract, a person.
  source          text NOT NULL,
  -- Micro-USD per million tokens, per image and per request; NULL is unknown.
  input           bigint CHECK (input >= 0),
  cached_input    bigint CHECK (cached_input >= 0),
  cache_write     bigint CHECK (cache_write >= 0),
  output          bigint CHECK (output >= 0),
  reasoning       bigint CHECK (reasoning >= 0),
  per_image       bigint CHECK (per_image >= 0),
  per_request     bigint CHECK (per_request >= 0),
  created_by      text NOT NULL,
  created_by_name text,
  created_at      timestamptz NOT NULL
);
CREATE INDEX prices_of_model ON prices (project_id, upstream, model, valid_from DESC, id DESC);
CREATE TRIGGER prices_stay BEFORE UPDATE OR DELETE ON prices
  FOR EACH ROW EXECUTE FUNCTION refuse_version_change();
CREATE TRIGGER prices_stay_all BEFORE TRUNCATE ON prices
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_version_change();
REVOKE UPDATE, DELETE, TRUNCATE ON prices FROM PUBLIC;
