-- Which workers live, and what they saw of the queue: the gateways tell operators of it without a queue of their own.

CREATE TABLE worker_signs (
  -- One for each start of a process.
  worker   text PRIMARY KEY,
  -- By the database's clock, so that those of the machines need not agree.
  seen_at  timestamptz NOT NULL,
  -- [{"job", "state", "jobs"}]: at most a thousand jobs of a state are counted.
  queue    jsonb NOT NULL CHECK (jsonb_typeof(queue) = 'array')
);
