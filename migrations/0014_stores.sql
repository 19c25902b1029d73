-- Vector stores: texts found by their store, and deleted stores whose versions are still served.

-- All texts of a store, whether a snapshot has them or not: files taken out before a version was made leave some.
CREATE INDEX documents_of_store ON documents (project_id, (metadata ->> 'vector_store_id'))
  WHERE metadata ? 'vector_store_id';
CREATE INDEX source_documents_by_hash ON source_documents (hash);

-- Until then no worker has to look: a deleted store is kept for as long as a label serves one of its versions.
ALTER TABLE vector_stores ADD COLUMN rests_until timestamptz;

-- Counts of a store's files by state, from the index alone.
CREATE INDEX vector_store_files_by_state ON vector_store_files (store_id, state) INCLUDE (usage_bytes);
