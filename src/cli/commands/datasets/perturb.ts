/** `aval dataset perturb`: a version whose items are those of another with small changes beside them, which a good system answers alike. */

import type { Command } from 'commander'
import { printableLine } from '../../../lib/printable.ts'
import { type CliContext, withExamples, withJson } from '../../context.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import { pushPairs, seedIn } from './push-pairs.ts'

type Options = { with: string; as: string; seed: string; json?: boolean }

export function addDatasetPerturbCommand(dataset: Command, context: CliContext): void {
  withExamples(
    withJson(
      dataset
        .command('perturb')
        .argument('<dataset>', 'refund-questions for the newest version, or refund-questions@3')
        .description(
          'make a version of its items and perturbed ones beside them; a run over it reports flip rates',
        )
        .requiredOption(
          '--with <perturbations>',
          'typos, paraphrase, order, injection, names, groups: one or several, with commas',
        )
        .requiredOption('--as <name>', 'of the dataset it becomes')
        .option('--seed <number>', 'the same seed makes the same items', '1'),
    ),
    'aval dataset perturb refund-questions --with typos,order --as refund-questions-perturbed',
    'aval dataset perturb refund-questions@3 --with names --as refund-names --seed 7',
  ).action(context.run((ref: string, options: Options) => perturb(context, ref, options)))
}

async function perturb(context: CliContext, ref: string, options: Options): Promise<undefined> {
  const settings = { wanted: await wantedIn(context, options.with), seed: seedIn(options.seed) }
  return await pushPairs(context, {
    ref,
    name: options.as,
    names: settings.wanted,
    done: 'perturbed',
    how: `with ${settings.wanted.join(', ')}, seed ${settings.seed}`,
    json: options.json === true,
    make: (item) => context.actions.datasets.perturb(item, settings),
  })
}

async function wantedIn({ actions }: CliContext, text: string): Promise<string[]> {
  const known = await actions.datasets.perturbations()
  const wanted = [...new Set(text.split(',').map((name) => name.trim()))]
  const unknown = wanted.find((name) => !known.includes(name))
  if (unknown === undefined) return wanted
  const shown = printableLine(unknown.slice(0, 40))
  throw new CliError(
    EXIT.usage,
    `--with "${shown}": no perturbation that is known. Known: ${known.join(', ')}.`,
  )
}
