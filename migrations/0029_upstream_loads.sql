-- What each process has under way at upstreams, and what these told it of having too much to do: runs of suites go by it.

-- Of the last seconds alone, so nothing of it has to outlive a crash of the database.
CREATE UNLOGGED TABLE upstream_loads (
  -- One for each start of a process.
  process   text PRIMARY KEY,
  -- `traffic`: a gateway, which apps call. `runs`: a worker.
  kind      text NOT NULL CHECK (kind IN ('traffic', 'runs')),
  -- By the database's clock, so that those of the machines need not agree.
  seen_at   timestamptz NOT NULL,
  -- {"<upstream>": {"underWay", "answered", "complainedMs", "waitMs", "runs"?: {"wanted", "limit", "waiting"}}}
  upstreams jsonb NOT NULL CHECK (jsonb_typeof(upstreams) = 'object')
);
