-- Files that clients upload, and vector stores: which files an index is made of, and which version of it is searched.

CREATE TABLE files (
  id              text PRIMARY KEY,
  project_id      text NOT NULL,
  name            text NOT NULL,
  media_type      text,
  -- Null until all of its bytes are here, and so is the digest.
  purpose         text,
  -- While it is received, what is reserved for it.
  bytes           bigint NOT NULL,
  sha256          text,
  created_by      text NOT NULL,
  created_by_name text,
  created_at      timestamptz NOT NULL,
  expires_at      timestamptz
);
CREATE INDEX files_by_project ON files (project_id, id DESC);
CREATE INDEX files_expiring ON files (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE file_parts (
  file_id text NOT NULL REFERENCES files (id) ON DELETE CASCADE,
  part    integer NOT NULL,
  bytes   bytea NOT NULL,
  PRIMARY KEY (file_id, part)
);

-- How a document wants to be cut, where it is not as the index says; canonical JSON. Part of its hash.
ALTER TABLE documents ADD COLUMN chunker text;

CREATE TABLE vector_stores (
  id              text PRIMARY KEY,
  project_id      text NOT NULL,
  -- Its documents. The source and the index have one name: the store's id with a hyphen.
  source_id       text NOT NULL UNIQUE,
  name            text NOT NULL,
  description     text,
  metadata        jsonb NOT NULL,
  -- `upstream/model`; never changes.
  embedding       text NOT NULL,
  expires_days    integer,
  created_by      text NOT NULL,
  created_by_name text,
  created_at      timestamptz NOT NULL,
  last_active_at  timestamptz NOT NULL,
  expired_at      timestamptz,
  -- It is gone for everyone; a worker still clears what was made of it.
  deleted_at      timestamptz,
  -- How often what it holds was changed, and the count up to which the searched version has it.
  revision        bigint NOT NULL DEFAULT 0,
  built           bigint NOT NULL DEFAULT 0,
  changed_at      timestamptz NOT NULL,
  -- The version that is searched; null while there is none.
  index_id        text REFERENCES index_versions (id),
  -- The process that is at it, when it last said so, and how often one began without an end.
  run             text,
  run_at          timestamptz,
  attempts        integer NOT NULL DEFAULT 0,
  error           text
);
CREATE INDEX vector_stores_by_project ON vector_stores (project_id, id DESC);
CREATE INDEX vector_stores_pending ON vector_stores (id) WHERE revision <> built OR deleted_at IS NOT NULL;

CREATE TABLE vector_store_files (
  store_id    text NOT NULL REFERENCES vector_stores (id) ON DELETE CASCADE,
  file_id     text NOT NULL REFERENCES files (id),
  -- In the order in which they were added.
  number      bigint GENERATED ALWAYS AS IDENTITY,
  attributes  jsonb NOT NULL,
  chunker     text,
  state       text NOT NULL CHECK (state IN ('in_progress', 'completed', 'cancelled', 'failed')),
  -- What a worker has to do: read it, then have it in a version.
  todo        text CHECK (todo IN ('read', 'index')),
  usage_bytes bigint NOT NULL DEFAULT 0,
  error_code  text CHECK (error_code IN ('server_error', 'unsupported_file', 'invalid_file')),
  error       text,
  created_at  timestamptz NOT NULL,
  PRIMARY KEY (store_id, file_id)
);
CREATE UNIQUE INDEX vector_store_files_ordered ON vector_store_files (store_id, number);
CREATE INDEX vector_store_files_by_file ON vector_store_files (file_id);
CREATE INDEX vector_store_files_todo ON vector_store_files (store_id, number) WHERE todo IS NOT NULL;

CREATE TABLE vector_store_batches (
  id           text PRIMARY KEY,
  store_id     text NOT NULL REFERENCES vector_stores (id) ON DELETE CASCADE,
  created_at   timestamptz NOT NULL,
  cancelled_at timestamptz
);
CREATE INDEX vector_store_batches_by_store ON vector_store_batches (store_id);
CREATE TABLE vector_store_batch_files (
  batch_id text NOT NULL REFERENCES vector_store_batches (id) ON DELETE CASCADE,
  store_id text NOT NULL,
  file_id  text NOT NULL,
  PRIMARY KEY (batch_id, file_id),
  FOREIGN KEY (store_id, file_id) REFERENCES vector_store_files (store_id, file_id) ON DELETE CASCADE
);
CREATE INDEX vector_store_batch_files_by_file ON vector_store_batch_files (store_id, file_id);
