-- Which request a replay sends again, as its OPEN says it; null for everything else.

ALTER TABLE requests ADD COLUMN replay_of text;
CREATE INDEX requests_by_replay ON requests (project_id, replay_of, started_at DESC) WHERE replay_of IS NOT NULL;
