-- Documents, snapshots of sources, and versions of embedding indexes with their chunks.

CREATE EXTENSION IF NOT EXISTS vector;

CREATE TABLE sources (
  id              text PRIMARY KEY,
  project_id      text NOT NULL,
  name            text NOT NULL,
  kind            text NOT NULL CHECK (kind IN ('folder', 'urls', 'pushed')),
  -- Path or addresses, language, licence; canonical JSON.
  settings        text NOT NULL,
  created_by      text NOT NULL,
  created_by_name text,
  created_at      timestamptz NOT NULL,
  UNIQUE (project_id, name)
);

-- A document is its content: the hash is over key, title, language, licence, metadata and text.
CREATE TABLE documents (
  project_id text NOT NULL,
  hash       text NOT NULL,
  key        text NOT NULL,
  title      text,
  language   text,
  licence    text,
  metadata   jsonb NOT NULL,
  body       text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (project_id, hash)
);
CREATE TRIGGER documents_stay BEFORE UPDATE ON documents
  FOR EACH ROW EXECUTE FUNCTION refuse_version_change();

-- Where a source stands now, file by file: what it gave, or why it gave nothing.
CREATE TABLE source_files (
  source_id text NOT NULL REFERENCES sources (id) ON DELETE CASCADE,
  key       text NOT NULL,
  -- SHA-256 of the bytes; null when they could not be read.
  digest    text,
  bytes     bigint NOT NULL,
  reason    text,
  error     text,
  seen_by   text NOT NULL,
  read_at   timestamptz NOT NULL,
  PRIMARY KEY (source_id, key)
);
CREATE TABLE source_documents (
  source_id text NOT NULL,
  file_key  text NOT NULL,
  position  integer NOT NULL,
  hash      text NOT NULL,
  PRIMARY KEY (source_id, file_key, position),
  FOREIGN KEY (source_id, file_key) REFERENCES source_files (source_id, key) ON DELETE CASCADE
);

CREATE TABLE source_syncs (
  id          text PRIMARY KEY,
  project_id  text NOT NULL,
  source_id   text NOT NULL REFERENCES sources (id) ON DELETE CASCADE,
  state       text NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
  -- The process that is at it; another one that takes over writes another name.
  run         text,
  attempts    integer NOT NULL DEFAULT 0,
  files_total integer,
  files_done  integer NOT NULL DEFAULT 0,
  added       integer NOT NULL DEFAULT 0,
  changed     integer NOT NULL DEFAULT 0,
  removed     integer NOT NULL DEFAULT 0,
  failed      integer NOT NULL DEFAULT 0,
  snapshot_id text,
  error       text,
  created_at  timestamptz NOT NULL,
  updated_at  timestamptz NOT NULL
);
CREATE INDEX source_syncs_newest ON source_syncs (source_id, id DESC);
CREATE INDEX source_syncs_live ON source_syncs (state) WHERE state IN ('queued', 'running');

-- A snapshot is the set of its documents' hashes, and never changes.
CREATE TABLE source_snapshots (
  id         text PRIMARY KEY,
  project_id text NOT NULL,
  source_id  text NOT NULL,
  source     text NOT NULL,
  hash       text NOT NULL,
  documents  integer NOT NULL,
  characters bigint NOT NULL,
  created_at timestamptz NOT NULL,
  UNIQUE (source_id, hash)
);
CREATE TABLE snapshot_documents (
  snapshot_id text NOT NULL REFERENCES source_snapshots (id),
  position    integer NOT NULL,
  hash        text NOT NULL,
  PRIMARY KEY (snapshot_id, position)
);
CREATE TRIGGER source_snapshots_stay BEFORE UPDATE OR DELETE ON source_snapshots
  FOR EACH ROW EXECUTE FUNCTION refuse_version_change();
CREATE TRIGGER snapshot_documents_stay BEFORE UPDATE OR DELETE ON snapshot_documents
  FOR EACH ROW EXECUTE FUNCTION refuse_version_change();

CREATE TABLE index_versions (
  id              text PRIMARY KEY,
  project_id      text NOT NULL,
  name            text NOT NULL,
  version         integer NOT NULL CHECK (version > 0),
  hash            text NOT NULL,
  content         text NOT NULL,
  created_by      text NOT NULL,
  created_by_name text,
  created_at      timestamptz NOT NULL,
  -- Names its partitions.
  number          integer GENERATED ALWAYS AS IDENTITY UNIQUE,
  UNIQUE (project_id, name, version),
  UNIQUE (project_id, name, hash)
);
CREATE TRIGGER index_versions_stay BEFORE UPDATE OR DELETE ON index_versions
  FOR EACH ROW EXECUTE FUNCTION refuse_version_change();
CREATE TRIGGER index_versions_stay_all BEFORE TRUNCATE ON index_versions
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_version_change();
REVOKE UPDATE, DELETE, TRUNCATE ON index_versions FROM PUBLIC;

-- How far a version's chunks are. Only `ready` may be pinned and searched.
CREATE TABLE index_builds (
  index_id        text PRIMARY KEY REFERENCES index_versions (id),
  project_id      text NOT NULL,
  state           text NOT NULL CHECK (state IN ('queued', 'building', 'ready', 'failed', 'dropped')),
  step            text CHECK (step IN ('chunk', 'embed', 'index', 'validate')),
  run             text,
  attempts        integer NOT NULL DEFAULT 0,
  documents_total integer NOT NULL,
  documents_done  integer NOT NULL DEFAULT 0,
  chunks_total    integer,
  chunks_done     integer NOT NULL DEFAULT 0,
  tokens          bigint NOT NULL DEFAULT 0,
  -- Text search: mean length of a chunk in lexemes, and the configurations that its chunks were read with.
  mean_lexemes    double precision,
  configurations  text,
  validation      text,
  error           text,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL
);
CREATE INDEX index_builds_live ON index_builds (state) WHERE state IN ('queued', 'building');

-- One partition for each index version, so that no query meets another version's vectors and dropping one is at once.
CREATE TABLE chunks (
  index_number  integer NOT NULL,
  -- Dense from 0, in the order of documents and of the text in them.
  number        integer NOT NULL,
  document      integer NOT NULL,
  document_hash text NOT NULL,
  heading       text,
  body          text NOT NULL,
  start_at      integer NOT NULL,
  end_at        integer NOT NULL,
  configuration text NOT NULL,
  PRIMARY KEY (index_number, number)
) PARTITION BY LIST (index_number);

-- Apart from the text, so that what ranking reads stays small.
CREATE TABLE chunk_terms (
  index_number integer NOT NULL,
  number       integer NOT NULL,
  lexemes      tsvector NOT NULL,
  -- BM25's weight of each lexeme in this chunk, without the lexeme's rarity; a lexeme's dimension is a hash of it.
  weights      sparsevec NOT NULL,
  PRIMARY KEY (index_number, number)
) PARTITION BY LIST (index_number);

CREATE TABLE chunk_vectors (
  index_number integer NOT NULL,
  number       integer NOT NULL,
  embedding    vector NOT NULL,
  PRIMARY KEY (index_number, number)
) PARTITION BY LIST (index_number);

-- In how many chunks a lexeme is.
CREATE TABLE index_lexemes (
  index_number integer NOT NULL,
  lexeme       text NOT NULL,
  chunks       integer NOT NULL,
  PRIMARY KEY (index_number, lexeme)
) PARTITION BY LIST (index_number);

ALTER TABLE requests ADD COLUMN index text;
ALTER TABLE requests ADD COLUMN retrieval jsonb;

-- A lexeme's place in a sparse vector: 1 to 1,000,000,000, from MD5, which is the same in every version of PostgreSQL.
CREATE FUNCTION lexeme_dimension(lexeme text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS $$ SELECT (('x' || left(md5(lexeme), 8))::bit(32)::bigint % 1000000000 + 1)::integer $$;
