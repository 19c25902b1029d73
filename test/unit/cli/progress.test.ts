/** Who sees how far a command is: a person a bar, a log a line for every tenth, whoever reads JSON nothing. */
import { PassThrough } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { type Look, type Step, startProgress } from '../../../src/cli/progress.ts'

const LOOK: Look = {
  bar: '{bar} {percentage} %  {value} of {total} sent {why}',
  line: ({ done, total }, percent) => `${percent ?? '?'} %: ${done} of ${total ?? '?'}`,
}

/** What stands on standard error and on the terminal's bar after these steps. */
function shown(steps: readonly Step[], { interactive = false, silent = false } = {}) {
  const progressStream = Object.assign(new PassThrough(), { isTTY: true })
  const said = { out: '', lines: '', bar: '' }
  progressStream.on('data', (bytes: Buffer) => {
    said.bar += bytes.toString()
  })
  const terminal = {
    write: (text: string) => {
      said.out += text
    },
    writeError: (text: string) => {
      said.lines += text
    },
    interactive,
    colors: false,
    columns: 120,
    ask: async () => null,
    confirm: async () => false,
    progressStream,
  }
  const progress = startProgress(terminal, LOOK, silent)
  for (const step of steps) progress.update(step)
  progress.stop()
  return { ...said, bar: stripVTControlCharacters(said.bar) }
}

const counted = (total: number) => Array.from({ length: total + 1 }, (_, done) => ({ done, total }))

test('a log has one line for every tenth, none before the first, and the last says all', () => {
  const { lines, bar } = shown(counted(40))

  expect(lines.split('\n')).toHaveLength(11)
  expect(lines).toMatch(/^10 %: 4 of 40\n20 %: 8 of 40\n30 %: 12 of 40\n/)
  expect(lines).toMatch(/90 %: 36 of 40\n100 %: 40 of 40\n$/)
  expect(bar).toBe('')
})

test('fewer steps than tenths have a line each', () => {
  expect(shown(counted(3)).lines).toBe('30 %: 1 of 3\n60 %: 2 of 3\n100 %: 3 of 3\n')
})

test('a new phase has a line at once, and a total that becomes known too', () => {
  const { lines } = shown([
    { done: 0, total: null, phase: 'queued' },
    { done: 0, total: null, phase: 'queued' },
    { done: 0, total: null, phase: 'running' },
    { done: 0, total: 50, phase: 'running' },
    { done: 50, total: 50, phase: 'running' },
  ])

  expect(lines).toBe('? %: 0 of ?\n? %: 0 of ?\n0 %: 0 of 50\n100 %: 50 of 50\n')
})

test('a person has a bar and no lines', () => {
  const { bar, lines, out } = shown(
    counted(4).map((step) => ({ ...step, words: { why: 'again' } })),
    { interactive: true },
  )

  expect(bar).toContain('100 %  4 of 4 sent again')
  expect({ lines, out }).toEqual({ lines: '', out: '' })
})

test('without a total the bar is empty', () => {
  const { bar } = shown([{ done: 7, total: null, words: { why: '' } }], { interactive: true })

  expect(bar).toContain(`${'-'.repeat(24)} 0 %`)
})

test.each([true, false])(
  'with --json nothing is said, whether a person is there (%s) or not',
  (interactive) => {
    expect(shown(counted(40), { interactive, silent: true })).toEqual({ out: '', lines: '', bar: '' })
  },
)
