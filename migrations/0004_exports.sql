-- Exports of the log: what was asked for, how far the worker is, and the files until they expire. The chunks are sealed
-- under a key that is wrapped in the export's own row: whoever deletes the row destroys the files, in backups too.

CREATE TABLE exports (
  id              text PRIMARY KEY,
  project_id      text NOT NULL,
  -- Also rows that belong to nobody, as the project `default` sees them.
  unowned         boolean NOT NULL,
  filters         jsonb NOT NULL,
  format          text NOT NULL CHECK (format IN ('jsonl', 'parquet')),
  with_bodies     boolean NOT NULL,
  purpose         text NOT NULL,
  created_by      text NOT NULL,
  created_by_name text,
  created_at      timestamptz NOT NULL,
  state           text NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
  -- The run that writes, or has written, its files. Another run takes over by changing it.
  run             uuid,
  attempts        integer NOT NULL DEFAULT 0,
  updated_at      timestamptz NOT NULL,
  rows_total      bigint,
  rows_done       bigint NOT NULL DEFAULT 0,
  files           jsonb NOT NULL DEFAULT '[]',
  error           text,
  finished_at     timestamptz,
  expires_at      timestamptz NOT NULL,
  wrapped_key     bytea NOT NULL
);
CREATE INDEX exports_by_project ON exports (project_id, id DESC);

CREATE TABLE export_files (
  export_id text NOT NULL REFERENCES exports (id) ON DELETE CASCADE,
  run       uuid NOT NULL,
  name      text NOT NULL,
  part      integer NOT NULL,
  bytes     bytea NOT NULL,
  PRIMARY KEY (export_id, run, name, part)
);
-- Sealed bytes do not get smaller.
ALTER TABLE export_files ALTER COLUMN bytes SET STORAGE EXTERNAL;
