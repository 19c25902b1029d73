/** `aval prompt check|push|diff`: the files of prompts, which reviewers see, and the versions made of them. */

import type { Command } from 'commander'
import { printable, printableLine } from '../../../lib/printable.ts'
import {
  type CheckedPrompt,
  type CliContext,
  type DiffPart,
  wholeNumber,
  withExamples,
  withJson,
  writeJson,
} from '../../context.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import { colorsOf } from '../../terminal.ts'
import { fetchVersion, type PromptSummary, readReference } from './versions.ts'

type Pushed = PromptSummary & { created: boolean }
type DiffOptions = { against?: number; json?: boolean }

const NO_FILES =
  'There is no prompt file here. Write prompts/<name>.yaml; docs/prompts.md shows one, and says what belongs in it.\n'

export function addPromptFileCommands(prompt: Command, context: CliContext): void {
  withExamples(
    withJson(
      prompt
        .command('check')
        .argument('[name...]', 'files of prompts/ without .yaml (default: all)')
        .description('find mistakes in prompt files and run their tests; needs no server'),
    ),
    'aval prompt check',
    'aval prompt check support-answer --json',
  ).action(context.run((names: string[], options: { json?: boolean }) => check(context, names, options)))
  withExamples(
    withJson(
      prompt
        .command('push')
        .argument('[name...]', 'files of prompts/ without .yaml (default: all)')
        .description('make a version of each file that changed, once all are free of mistakes'),
    ),
    'aval prompt push',
    'aval prompt push support-answer',
  ).action(context.run((names: string[], options: { json?: boolean }) => push(context, names, options)))
  withExamples(
    withJson(
      prompt
        .command('diff')
        .argument('<name>', 'the file, or name@version')
        .description('what changed since the newest version, word by word')
        .option('--against <version>', 'compare with this version', wholeNumber),
    ),
    'aval prompt diff support-answer',
    'aval prompt diff support-answer --against 12',
    'aval prompt diff support-answer@14 --against 12',
  ).action(context.run((name: string, options: DiffOptions) => diff(context, name, options)))
}

async function check(
  context: CliContext,
  given: readonly string[],
  options: { json?: boolean },
): Promise<number> {
  const checked = await checkAll(context, given)
  if (options.json) writeJson(context, { data: checked })
  else if (checked.length === 0) context.terminal.writeError(NO_FILES)
  else for (const one of checked) writeChecked(context, one)
  return verdictOf(checked)
}

async function checkAll(context: CliContext, given: readonly string[]): Promise<CheckedPrompt[]> {
  const { prompts } = context.actions
  const checked: CheckedPrompt[] = []
  for (const name of await prompts.names(given)) checked.push(await prompts.check(name))
  return checked
}

/** A mistake is worse than a failed test: with it no test ran. */
function verdictOf(checked: readonly CheckedPrompt[]): number {
  if (checked.length === 0 || checked.some(({ problems }) => problems.length > 0)) return EXIT.emptyInput
  return checked.some(({ tests }) => tests.some(({ passed }) => !passed)) ? EXIT.fail : EXIT.done
}

function writeChecked({ terminal }: CliContext, { name, problems, tests }: CheckedPrompt): void {
  const colors = colorsOf(terminal)
  const failed = tests.filter(({ passed }) => !passed)
  const path = `prompts/${name}.yaml`
  if (problems.length > 0) {
    terminal.write(`${colors.red('wrong ')}  ${path}\n`)
    for (const problem of problems) {
      terminal.write(`        ${printableLine(problem.replace(`${path}: `, ''))}\n`)
    }
    return
  }
  const count = tests.length === 1 ? '1 test' : `${tests.length} tests`
  const status = failed.length > 0 ? colors.red('failed') : colors.green('ok    ')
  terminal.write(`${status}  ${path}  ${failed.length > 0 ? `${failed.length} of ${count}` : count}\n`)
  for (const { position, problem, missed, rendered } of failed) {
    const why = problem === null ? [] : [problem]
    const expected = missed.map((one) => `expected: ${one.kind} ${JSON.stringify(one.expected)}`)
    for (const line of [...why, ...expected])
      terminal.write(`        test ${position}  ${printableLine(line)}\n`)
    if (rendered === null) continue
    terminal.write('        rendered:\n')
    for (const line of printable(rendered).trimEnd().split('\n')) terminal.write(`        | ${line}\n`)
  }
}

async function push(
  context: CliContext,
  given: readonly string[],
  options: { json?: boolean },
): Promise<number> {
  const checked = await checkAll(context, given)
  const verdict = verdictOf(checked)
  if (verdict !== EXIT.done) {
    if (checked.length === 0) throw new CliError(verdict, NO_FILES.trimEnd())
    for (const one of checked) writeChecked(context, one)
    throw new CliError(verdict, 'Nothing was pushed. Mend what is wrong, then push again.')
  }
  const pushed: Pushed[] = []
  for (const { name } of checked) {
    const content = await context.actions.prompts.read(name)
    const version = await context.client.json<Pushed>({
      method: 'POST',
      path: '/api/prompts',
      body: { name, content },
    })
    pushed.push(version)
    if (!options.json) writePushed(context, version)
  }
  if (options.json) writeJson(context, { data: pushed })
  return EXIT.done
}

function writePushed({ terminal }: CliContext, { name, version, hash, created }: Pushed): void {
  const status = created ? colorsOf(terminal).green('new      ') : 'unchanged'
  terminal.write(`${status}  ${printableLine(`${name}@${version}`)}  ${printableLine(hash.slice(0, 12))}\n`)
}

async function diff(context: CliContext, reference: string, options: DiffOptions): Promise<undefined> {
  const { name, version } = readReference(reference)
  const { prompts } = context.actions
  const from = await fetchVersion(context, name, options.against ?? 'newest')
  const to =
    version === null ? await prompts.content(name) : (await fetchVersion(context, name, version)).content
  const parts = await prompts.diff(from.content, to)
  const changed = parts.some(({ kind }) => kind !== 'same')
  const target = version === null ? `prompts/${name}.yaml` : `${name}@${version}`
  if (options.json) {
    writeJson(context, { name, from: `${name}@${from.version}`, to: target, changed, parts })
  } else if (changed) {
    context.terminal.write(`from ${name}@${from.version} to ${target}\n\n`)
    context.terminal.write(
      `${parts
        .map((part) => paint(context, part))
        .join('')
        .trimEnd()}\n`,
    )
  } else {
    context.terminal.write(`${target} is ${name}@${from.version}: nothing changed.\n`)
  }
  return undefined
}

/** Colours on a terminal; elsewhere the marks of `git diff --word-diff`. */
function paint({ terminal }: CliContext, { kind, text }: DiffPart): string {
  const shown = printable(text)
  if (kind === 'same') return shown
  const colors = colorsOf(terminal)
  // A colour ends with its line, because pagers show lines.
  const color = (line: string) =>
    line === '' ? '' : kind === 'added' ? colors.green(line) : colors.red(colors.strikethrough(line))
  if (terminal.colors) return shown.split('\n').map(color).join('\n')
  return kind === 'added' ? `{+${shown}+}` : `[-${shown}-]`
}
