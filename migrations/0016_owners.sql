-- Owners of keys: two people are two persons, and not two keys. A person is a key's owner, or the key where it has none.

-- Null for keys from before, and for the first keys. A declared key is in no table: what it makes names its person.
ALTER TABLE virtual_keys ADD COLUMN owner text CHECK (length(owner) BETWEEN 1 AND 200);

-- Who made a version, as a person; null for rows from before.
ALTER TABLE prompt_versions ADD COLUMN created_by_person text;
ALTER TABLE model_versions ADD COLUMN created_by_person text;
ALTER TABLE index_versions ADD COLUMN created_by_person text;
ALTER TABLE dataset_versions ADD COLUMN created_by_person text;
ALTER TABLE releases ADD COLUMN created_by_person text;
-- A worker makes the versions of a store's index, for whoever made the store.
ALTER TABLE vector_stores ADD COLUMN created_by_person text;

ALTER TABLE erasures ADD COLUMN requested_by_person text;
ALTER TABLE erasures ADD COLUMN approved_by_person text;
ALTER TABLE erasures ADD CONSTRAINT erasures_two_persons CHECK (approved_by_person <> requested_by_person);
ALTER TABLE legal_holds ADD COLUMN placed_by_person text;
ALTER TABLE legal_holds ADD COLUMN released_by_person text;
ALTER TABLE legal_holds ADD CONSTRAINT legal_holds_two_persons CHECK (released_by_person <> placed_by_person);

CREATE FUNCTION key_person(key_id text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT coalesce((SELECT k.owner FROM virtual_keys k WHERE k.id = $1), $1)
$$;

-- The persons behind a release: who made it, and who made any version that it pins.
CREATE FUNCTION release_authors(release_id text) RETURNS SETOF text LANGUAGE sql STABLE AS $$
  WITH release AS (
    -- The database reads no JSON with U+0000 in a text; a parameter may have it, and no name does. An escape is one only
    -- behind an even number of backslashes.
    SELECT r.project_id, r.created_by, r.created_by_person,
      regexp_replace(r.content, '(?<!\\)((?:\\\\)*)\\u0000', '\1', 'g')::jsonb AS content
    FROM releases r WHERE r.id = $1
  ), pins AS (
    SELECT 'prompt' AS kind, content -> 'prompt' AS pin FROM release
    UNION ALL SELECT 'model', target.value -> 'model' FROM release, jsonb_array_elements(content -> 'targets') AS target
    UNION ALL SELECT 'index', content #> '{index,version}' FROM release
  ), named AS (
    SELECT kind, project_id, pin ->> 'name' AS name, (pin ->> 'version')::integer AS version FROM release, pins
  ), made AS (
    SELECT created_by, created_by_person FROM release
    UNION ALL SELECT v.created_by, v.created_by_person
      FROM named n JOIN prompt_versions v USING (project_id, name, version) WHERE n.kind = 'prompt'
    UNION ALL SELECT v.created_by, v.created_by_person
      FROM named n JOIN model_versions v USING (project_id, name, version) WHERE n.kind = 'model'
    UNION ALL SELECT v.created_by, v.created_by_person
      FROM named n JOIN index_versions v USING (project_id, name, version) WHERE n.kind = 'index'
  )
  SELECT DISTINCT coalesce(created_by_person, key_person(created_by)) FROM made
$$;
