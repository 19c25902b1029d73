/** `aval dataset perturb`: a version whose items are those of another with small changes beside them, which a good system answers alike. */

import type { Command } from 'commander'
import { printableLine } from '../../../lib/printable.ts'
import { type CliContext, withExamples, withJson, writeJson } from '../../context.ts'
import type { DatasetItem } from '../../datasets.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import { itemsOf } from './items-of.ts'
import { pushingItems, pushVersion } from './push-items.ts'
import { type DatasetVersion, datasetPath, isDatasetName, refOf } from './wire.ts'

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
          'typos, order, injection, names: one or several, with commas',
        )
        .requiredOption('--as <name>', 'of the dataset it becomes')
        .option('--seed <number>', 'the same seed makes the same items', '1'),
    ),
    'aval dataset perturb refund-questions --with typos,order --as refund-questions-perturbed',
    'aval dataset perturb refund-questions@3 --with names --as refund-names --seed 7',
  ).action(context.run((ref: string, options: Options) => perturb(context, ref, options)))
}

async function perturb(context: CliContext, ref: string, options: Options): Promise<undefined> {
  const { client, terminal } = context
  const settings = { wanted: await wantedIn(context, options.with), seed: seedIn(options.seed) }
  if (!isDatasetName(options.as)) {
    const rule = 'write lower-case letters, digits and hyphens, at most 63'
    throw new CliError(EXIT.usage, `--as ${printableLine(options.as.slice(0, 80))}: ${rule}.`)
  }
  // The newest may become another one between two pages.
  const origin = await client.json<DatasetVersion>({ method: 'GET', path: datasetPath(ref) })
  const pusher = pushingItems(client, () => undefined)
  const counts = new Map(settings.wanted.map((name) => [name, 0]))
  const left = new Map<string, number>()
  for await (const page of itemsOf(client, origin)) {
    for (const { item } of page) {
      const done = perturbationOf(item)
      if (counts.has(done)) {
        const message = `${refOf(origin)} has items perturbed by ${done} already. Perturb the dataset that it was made from.`
        throw new CliError(EXIT.usage, message)
      }
      const made = await context.actions.datasets.perturb(item, settings)
      for (const { item: one, bytes } of made.items) await pusher.add(one, bytes)
      // The first is the item as it was.
      for (const { item: one } of made.items.slice(1)) {
        const name = perturbationOf(one)
        counts.set(name, (counts.get(name) ?? 0) + 1)
      }
      for (const text of made.left) left.set(text, (left.get(text) ?? 0) + 1)
    }
  }
  const hashes = await pusher.finish()
  if ([...counts.values()].every((count) => count === 0)) {
    const reasons = [...left].map(([text, count]) => `${count} × ${text}`).join('; ')
    throw new CliError(
      EXIT.emptyInput,
      `No item of ${refOf(origin)} could be perturbed: ${reasons}. No version was made.`,
    )
  }
  const description = `${refOf(origin)} with ${settings.wanted.join(', ')}, seed ${settings.seed}`
  const pushed = await pushVersion(client, { name: options.as, items: hashes, description })
  if (options.json) {
    writeJson(context, { ...pushed, perturbed: Object.fromEntries(counts), left: Object.fromEntries(left) })
    return undefined
  }
  for (const [text, count] of left) terminal.writeError(`${count} not perturbed: ${printableLine(text)}.\n`)
  const made = [...counts].map(([name, count]) => `${count} ${name}`).join(', ')
  const what = pushed.created ? 'made' : 'has these items already'
  terminal.write(
    `${refOf(pushed)} ${what}: ${pushed.items} items, ${origin.items} as they were and ${made}\n`,
  )
  return undefined
}

function perturbationOf({ metadata }: DatasetItem): string {
  return (metadata as { perturbation?: string } | undefined)?.perturbation ?? ''
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

function seedIn(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new CliError(
    EXIT.usage,
    `--seed ${printableLine(text.slice(0, 40))}: write a whole number of at most nine digits.`,
  )
}
