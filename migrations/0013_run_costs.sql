-- What a run has cost, whatever became of it: judgements that were made again, and answers that nobody is paid for.

-- Spent on judgements that were removed to be made again: micro-USD, and how many had no known price.
ALTER TABLE eval_runs ADD COLUMN forgotten_cost bigint NOT NULL DEFAULT 0;
ALTER TABLE eval_runs ADD COLUMN forgotten_unpriced integer NOT NULL DEFAULT 0;

-- Nobody is paid for the answer: the model runs on this machine, the output was recorded elsewhere, or there is no answer.
-- An answer without a cost that is not free has a price that nobody knows. Of answers from before nobody knows which model was
-- on this machine: they stay unpriced, as they were.
ALTER TABLE eval_results ADD COLUMN free boolean;
UPDATE eval_results SET free = (outcome = 'failed' OR request_id IS NULL);
ALTER TABLE eval_results ALTER COLUMN free SET NOT NULL;
