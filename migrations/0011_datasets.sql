-- Datasets: items by what they say, and versions that list them. Neither ever changes.

-- An item is its content: the hash is over the canonical JSON of all of it.
CREATE TABLE dataset_items (
  project_id text NOT NULL,
  hash       text NOT NULL,
  -- The item's own id, which is in `content` too: a version lists its items without parsing them.
  item_id    text NOT NULL,
  content    text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (project_id, hash)
);
CREATE TRIGGER dataset_items_stay BEFORE UPDATE OR DELETE ON dataset_items
  FOR EACH ROW EXECUTE FUNCTION refuse_version_change();
CREATE TRIGGER dataset_items_stay_all BEFORE TRUNCATE ON dataset_items
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_version_change();
REVOKE UPDATE, DELETE, TRUNCATE ON dataset_items FROM PUBLIC;

CREATE TABLE dataset_versions (
  id              text PRIMARY KEY,
  project_id      text NOT NULL,
  name            text NOT NULL,
  version         integer NOT NULL CHECK (version > 0),
  -- SHA-256 over the schema and the hashes of the items in their order.
  hash            text NOT NULL,
  items           integer NOT NULL CHECK (items > 0),
  -- JSON Schema that every item fits, canonical JSON.
  item_schema     text,
  description     text,
  created_by      text NOT NULL,
  created_by_name text,
  created_at      timestamptz NOT NULL,
  UNIQUE (project_id, name, version),
  UNIQUE (project_id, name, hash)
);
CREATE TRIGGER dataset_versions_stay BEFORE UPDATE OR DELETE ON dataset_versions
  FOR EACH ROW EXECUTE FUNCTION refuse_version_change();
CREATE TRIGGER dataset_versions_stay_all BEFORE TRUNCATE ON dataset_versions
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_version_change();
REVOKE UPDATE, DELETE, TRUNCATE ON dataset_versions FROM PUBLIC;

-- Written in the transaction of their version, so that nobody sees a part of one.
CREATE TABLE dataset_version_items (
  dataset_id text NOT NULL REFERENCES dataset_versions (id),
  -- Dense from 0.
  position   integer NOT NULL,
  item_id    text NOT NULL,
  hash       text NOT NULL,
  PRIMARY KEY (dataset_id, position),
  UNIQUE (dataset_id, item_id)
);
CREATE TRIGGER dataset_version_items_stay BEFORE UPDATE OR DELETE ON dataset_version_items
  FOR EACH ROW EXECUTE FUNCTION refuse_version_change();
CREATE TRIGGER dataset_version_items_stay_all BEFORE TRUNCATE ON dataset_version_items
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_version_change();
REVOKE UPDATE, DELETE, TRUNCATE ON dataset_version_items FROM PUBLIC;
