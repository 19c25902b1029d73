/** A version of a dataset whose items are those of another, each with what was made of it beside it. */

import { printableLine } from '../../../lib/printable.ts'
import { type CliContext, writeJson } from '../../context.ts'
import type { DatasetItem, MadeItems } from '../../datasets.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import { itemsOf } from './items-of.ts'
import { pushingItems, pushVersion } from './push-items.ts'
import { type DatasetVersion, datasetPath, isDatasetName, type PushedDataset, refOf } from './wire.ts'

type Pairs = {
  /** Of the dataset that it is made from. */
  ref: string
  /** Of the dataset that it becomes. */
  name: string
  /** What `metadata.perturbation` of made items says. */
  names: readonly string[]
  /** The participle of what is done to an item: `perturbed`. */
  done: string
  /** For the description: what was done, and by which seed. */
  how: string
  json: boolean
  /** The item as it was first, then what was made of it; nothing at all leaves it out. */
  make: (item: DatasetItem) => Promise<MadeItems>
}

type Counts = { made: Map<string, number>; left: Map<string, number>; originals: number }

/** Rejects with CliError for names that are none, for items that such a command made already, and where nothing could be made. */
export async function pushPairs(context: CliContext, pairs: Pairs): Promise<undefined> {
  const { client } = context
  if (!isDatasetName(pairs.name)) {
    const rule = 'write lower-case letters, digits and hyphens, at most 63'
    throw new CliError(EXIT.usage, `--as ${printableLine(pairs.name.slice(0, 80))}: ${rule}.`)
  }
  // The newest may become another one between two pages.
  const origin = await client.json<DatasetVersion>({ method: 'GET', path: datasetPath(pairs.ref) })
  const { hashes, counts } = await pushMade(context, origin, pairs)
  if ([...counts.made.values()].every((count) => count === 0)) {
    const reasons = [...counts.left].map(([text, count]) => `${count} × ${text}`).join('; ')
    const message = `No item of ${refOf(origin)} could be ${pairs.done}: ${reasons}. No version was made.`
    throw new CliError(EXIT.emptyInput, message)
  }
  const description = `${refOf(origin)} ${pairs.how}`
  const pushed = await pushVersion(client, { name: pairs.name, items: hashes, description })
  report(context, pushed, { pairs, counts })
  return undefined
}

async function pushMade(
  { client }: CliContext,
  origin: DatasetVersion,
  { names, done, make }: Pairs,
): Promise<{ hashes: string[]; counts: Counts }> {
  const pusher = pushingItems(client, () => undefined)
  const counts: Counts = { made: new Map(names.map((name) => [name, 0])), left: new Map(), originals: 0 }
  for await (const page of itemsOf(client, origin)) {
    for (const { item } of page) {
      const already = perturbationOf(item)
      if (counts.made.has(already)) {
        const message = `${refOf(origin)} has items ${done} by ${already} already. Take the dataset that it was made from.`
        throw new CliError(EXIT.usage, message)
      }
      const { items, left } = await make(item)
      for (const { item: one, bytes } of items) await pusher.add(one, bytes)
      counts.originals += items.length > 0 ? 1 : 0
      for (const { item: one } of items.slice(1)) count(counts.made, perturbationOf(one))
      for (const text of left) count(counts.left, text)
    }
  }
  return { hashes: await pusher.finish(), counts }
}

function report(
  context: CliContext,
  pushed: PushedDataset,
  { pairs, counts }: { pairs: Pairs; counts: Counts },
): void {
  if (pairs.json) {
    const { made, left } = counts
    writeJson(context, { ...pushed, [pairs.done]: Object.fromEntries(made), left: Object.fromEntries(left) })
    return
  }
  const { terminal } = context
  for (const [text, number] of counts.left)
    terminal.writeError(`${number} not ${pairs.done}: ${printableLine(text)}.\n`)
  const made = [...counts.made].map(([name, number]) => `${number} ${name}`).join(', ')
  const what = pushed.created ? 'made' : 'has these items already'
  terminal.write(
    `${refOf(pushed)} ${what}: ${pushed.items} items, ${counts.originals} as they were and ${made}\n`,
  )
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

function perturbationOf({ metadata }: DatasetItem): string {
  return (metadata as { perturbation?: string } | undefined)?.perturbation ?? ''
}

/** Throws CliError for what is no whole number of at most nine digits. */
export function seedIn(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new CliError(
    EXIT.usage,
    `--seed ${printableLine(text.slice(0, 40))}: write a whole number of at most nine digits.`,
  )
}
