/** `aval dataset hallucination`: a version that asks a dataset of questions over passages closed, without the answer, and with two of them. */

import type { Command } from 'commander'
import { type CliContext, withExamples, withJson } from '../../context.ts'
import { pushPairs, seedIn } from './push-pairs.ts'

type Options = { from: string; as: string; seed: string; json?: boolean }

export function addDatasetHallucinationCommand(dataset: Command, context: CliContext): void {
  withExamples(
    withJson(
      dataset
        .command('hallucination')
        .description(
          'make a version that asks its questions over their passages, over those without the answer, and over contradicting ones',
        )
        .requiredOption('--from <dataset>', 'questions with contexts and an expected text, such as refunds@3')
        .requiredOption('--as <name>', 'of the dataset it becomes')
        .option('--seed <number>', 'the same seed makes the same items', '1'),
    ),
    'aval dataset hallucination --from refund-questions --as refund-hallucination',
    'aval dataset hallucination --from refund-questions@3 --as refund-hallucination --seed 7',
  ).action(context.run((options: Options) => hallucination(context, options)))
}

async function hallucination(context: CliContext, options: Options): Promise<undefined> {
  const seed = seedIn(options.seed)
  const { datasets } = context.actions
  return await pushPairs(context, {
    ref: options.from,
    name: options.as,
    names: await datasets.hallucinationCases(),
    done: 'changed',
    how: `for hallucination, seed ${seed}`,
    json: options.json === true,
    make: (item) => datasets.hallucination(item, { seed }),
  })
}
