-- Answers and judgements that a run takes over from an earlier one of its project: the earlier rows are the cache.

-- What was asked of whom, as SHA-256; null where it may not be taken over: who answered is no fixed thing, or nobody was paid.
ALTER TABLE eval_results ADD COLUMN answer_key text;
-- The request that the answer was taken over from, and when that was answered. Such a row has no request of its own, keeps what the
-- answer had cost, and is taken over by nobody: all point at the one that was asked.
ALTER TABLE eval_results ADD COLUMN cached_from text;
ALTER TABLE eval_results ADD COLUMN cached_at timestamptz;
ALTER TABLE eval_results ADD CONSTRAINT eval_results_taken_over CHECK ((cached_from IS NULL) = (cached_at IS NULL)
  AND (cached_from IS NULL OR (outcome = 'answered' AND answer_key IS NULL AND request_id IS NULL)));
CREATE INDEX eval_results_by_key ON eval_results (answer_key, created_at DESC) WHERE answer_key IS NOT NULL;
-- One answer stands for one item and repeat of a run: two that ask the same are two answers.
CREATE UNIQUE INDEX eval_results_taken_once ON eval_results (run_id, cached_from) WHERE cached_from IS NOT NULL;

-- What was judged by whom by which rules, as SHA-256; null as above. `cached_from` is the run that the judgement was made in.
ALTER TABLE eval_scores ADD COLUMN judgement_key text;
ALTER TABLE eval_scores ADD COLUMN cached_from text;
ALTER TABLE eval_scores ADD COLUMN cached_at timestamptz;
ALTER TABLE eval_scores ADD CONSTRAINT eval_scores_taken_over CHECK ((cached_from IS NULL) = (cached_at IS NULL)
  AND (cached_from IS NULL OR (outcome = 'scored' AND judgement_key IS NULL)));
CREATE INDEX eval_scores_by_key ON eval_scores (judgement_key, created_at DESC) WHERE judgement_key IS NOT NULL;

-- The key of the answer that a batch is to bring, as it was when its request was made.
ALTER TABLE eval_batch_requests ADD COLUMN answer_key text;
