/**
 * Of one item with passages up to three: as it is, with the passages that hold the answer taken out, and with one of them told
 * a second time with another answer. Each demands by its assertions what a system that does not make things up does there. The
 * three cases are those of Chen et al. 2024 (https://arxiv.org/abs/2309.01431): noise, negative rejection, contradiction. Pure.
 */

import { namedRandom } from '../../lib/random.ts'
import type { Assertions } from '../assertions.ts'
import { checkItem } from '../datasets/check-item.ts'
import type { DatasetItem } from '../datasets/item.ts'
import { anotherAnswer, mentions, told } from './another-answer.ts'
import { expectedTextsOf, showing } from './closed-context.ts'
import type { PerturbedItems } from './perturb.ts'
import type { Change } from './perturbation.ts'

export const HALLUCINATION_CASES = ['unanswerable', 'contradiction'] as const
/** Counts up whenever the same item and seed could give others. */
const VERSION = 1

/** Names both answers, or says that the sources do not settle it. */
const EITHER = 0.5

/**
 * The original first, and nothing at all where not even that can be asked with its passages. All share a group, the original's own or its id; made
 * ones name their origin as perturbed items do.
 */
export function hallucinationItems(item: DatasetItem, { seed }: { seed: number }): PerturbedItems {
  const texts = expectedTextsOf(item)
  if ('left' in texts) return { items: [], left: [{ perturbation: 'all', reason: texts.left }] }
  const closed = closedItem(item)
  if ('left' in closed) return { items: [], left: [{ perturbation: 'all', reason: closed.left }] }
  const made: PerturbedItems = { items: [closed.item], left: [] }
  const changes = {
    unanswerable: unanswerable(closed.item, texts),
    contradiction: contradiction(
      closed.item,
      texts,
      namedRandom(`${seed} contradiction ${VERSION} ${item.id}`),
    ),
  }
  for (const name of HALLUCINATION_CASES) {
    const finished = finish(changes[name], closed.item, name)
    if ('left' in finished) made.left.push({ perturbation: name, reason: finished.left })
    else made.items.push(finished.item)
  }
  return made
}

function closedItem(item: DatasetItem): Change {
  if (item.metadata?.perturbation !== undefined) return { left: 'is a perturbed item itself' }
  if (item.assertions !== undefined) return { left: 'has assertions of its own' }
  const shown = showing(item, (passages) => [...passages])
  if ('left' in shown) return shown
  const assertions: Assertions = { checks: [{ kind: 'icontains' }] }
  const checked = checkItem({ ...shown.item, assertions, group: item.group ?? item.id }, 'closed')
  return 'item' in checked ? { item: checked.item } : { left: 'would no longer be an item: too long' }
}

function finish(change: Change, origin: DatasetItem, name: string): Change {
  if ('left' in change) return change
  // What is expected, and what was recorded of the original, is none of this one.
  const { expected: _expected, output: _output, labels: _labels, source: _source, ...asked } = change.item
  const metadata = { ...asked.metadata, perturbation: name, origin: origin.id }
  const checked = checkItem({ ...asked, id: `${origin.id}~${name}`, metadata }, name)
  return 'item' in checked ? { item: checked.item } : { left: 'would no longer be an item: too long' }
}

function unanswerable(closed: DatasetItem, texts: readonly string[]): Change {
  const passages = closed.contexts ?? []
  const without = passages.filter((passage) => !texts.some((text) => mentions(passage, text)))
  if (without.length === passages.length) return { left: 'has no passage that says the expected text' }
  if (without.length === 0) return { left: 'has no passage that does not say the expected text' }
  const shown = showing(closed, () => without)
  if ('left' in shown) return shown
  return { item: { ...shown.item, assertions: { checks: [{ kind: 'abstains' }] } } }
}

function contradiction(closed: DatasetItem, texts: readonly string[], random: () => number): Change {
  const passages = closed.contexts ?? []
  const place = passages.findIndex((passage) => texts.some((text) => mentions(passage, text)))
  const passage = passages[place]
  const own = texts.find((text) => passage !== undefined && mentions(passage, text))
  if (passage === undefined || own === undefined)
    return { left: 'has no passage that says the expected text' }
  const other = anotherAnswer(own, passages, random)
  if (other === null) return { left: 'expects no number, day, month or name that could be another' }
  const at = Math.floor(random() * (passages.length + 1))
  const shown = showing(closed, () => passages.toSpliced(at, 0, told(passage, own, other)))
  if ('left' in shown) return shown
  const both = { kind: 'icontains-all', settings: { value: [own, other] } }
  const assertions: Assertions = { checks: [{ all: [{ kind: 'abstains' }, both], threshold: EITHER }] }
  const metadata = { ...shown.item.metadata, contradicted: own, contradicted_by: other }
  return { item: { ...shown.item, assertions, metadata } }
}
