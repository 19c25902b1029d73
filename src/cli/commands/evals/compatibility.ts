/** What of a promptfoo config is evaluated, and what is not and why, said before anything is asked. */

import { printableLine } from '../../../lib/printable.ts'
import type { PromptfooFile } from '../../evals.ts'
import { formatTable } from '../../format.ts'

const STATUS = { evaluated: 'evaluated', differs: 'by a rule of Aval’s', not_evaluated: 'not evaluated' }
/** More are read in --json. */
const MAX_LEFT_OUT = 20

export function compatibilityText({ prompts, compatibility }: PromptfooFile): string {
  const { tests, bare, assertions, leftOut, ignored } = compatibility
  const sum = (status: keyof typeof STATUS) =>
    assertions.reduce((total, one) => total + (one.status === status ? one.count : 0), 0)
  const all = assertions.reduce((total, { count }) => total + count, 0)
  const own = sum('differs')
  const lines = [
    `${counted(tests, 'test')} × ${counted(prompts.length, 'prompt')}. ${counted(all, 'assertion')}: ${sum('evaluated') + own} evaluated${own > 0 ? ` (${own} by a rule of Aval’s)` : ''}, ${sum('not_evaluated')} not evaluated.`,
    ...(bare > 0 ? [`Tests that assert nothing and pass with any answer: ${bare}.`] : []),
    ...(ignored.length > 0 ? [`Not read: ${ignored.join(', ')}.`] : []),
  ]
  const rows = assertions
    .filter(({ status }) => status !== 'evaluated')
    .map(({ type, count, status, remark }) => [type, String(count), STATUS[status], remark ?? ''])
  const left = leftOut
    .slice(0, MAX_LEFT_OUT)
    .map(({ test, prompt, reason }) => [test, prompt ?? 'all prompts', reason])
  return [
    ...lines.map((line) => `${printableLine(line)}\n`),
    rows.length === 0 ? '' : formatTable(['assertion', 'count', 'is', 'why'], rows),
    left.length === 0 ? '' : formatTable(['not run', 'prompt', 'why'], left),
    leftOut.length > MAX_LEFT_OUT ? `And ${leftOut.length - MAX_LEFT_OUT} more.\n` : '',
  ].join('')
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
