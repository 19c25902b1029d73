-- Vector stores: texts found by their store, and what a store could not let go of yet.

-- All texts of a store, whether a snapshot has them or not: files taken out before a version was made leave some.
CREATE INDEX documents_of_store ON documents (project_id, (metadata ->> 'vector_store_id'))
  WHERE metadata ? 'vector_store_id';
-- And who still shows one of them.
CREATE INDEX source_documents_by_hash ON source_documents (hash);
CREATE INDEX snapshot_documents_by_hash ON snapshot_documents (hash);
CREATE INDEX index_versions_of_snapshot ON index_versions (project_id, (content::jsonb #>> '{source,snapshot}'));
CREATE INDEX index_builds_kept ON index_builds (project_id, index_id) WHERE state <> 'dropped';

-- When a worker looks again at a store with versions or texts that it could not let go of, because a label or another index
-- shows them or somebody searched them just then; null for one without.
ALTER TABLE vector_stores ADD COLUMN rests_until timestamptz;

-- Counts of a store's files by state, from the index alone.
CREATE INDEX vector_store_files_by_state ON vector_store_files (store_id, state) INCLUDE (usage_bytes);
