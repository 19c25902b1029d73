/** `aval review next|rate|skip|adjudicate`: one person, one answer after the other, without what the judge said. */

import type { Command } from 'commander'
import { printable } from '../../../lib/printable.ts'
import { type CliContext, withExamples, withJson, writeJson } from '../../context.ts'
import { EXIT } from '../../exit-codes.ts'
import { formatFields } from '../../format.ts'
import { colorsOf } from '../../terminal.ts'
import {
  type Dispute,
  demandSaid,
  queuePath,
  type ReviewTask,
  readSaid,
  type Said,
  scaleText,
  taskPath,
} from './wire.ts'

type Rated = { task: number; value: Said; revision: number }

/** Of one sitting: nobody rates more without a pause. */
const MAX_IN_A_ROW = 500

export function addRateCommands(review: Command, context: CliContext): void {
  addNext(review, context)
  addRate(review, context)
  addSkip(review, context)
  addAdjudicate(review, context)
}

function addNext(review: Command, context: CliContext): void {
  withExamples(
    withJson(
      review
        .command('next')
        .argument('<queue>', 'as aval review list shows it')
        .description(
          'be handed an answer and rate it, and the next one; --json hands out one and asks nothing',
        ),
    ),
    'aval review next support-polite',
    'aval review next support-polite --json',
  ).action(
    context.run(async (name: string, { json }: { json?: boolean }) => {
      const { terminal, client } = context
      const path = `${queuePath(name)}/next`
      for (let count = 0; count < MAX_IN_A_ROW; count += 1) {
        const { task } = await client.json<{ task: ReviewTask | null }>({ method: 'POST', path })
        if (json) return void writeJson(context, task)
        if (task === null) {
          terminal.write(`Nothing is left for you in ${name}. How far it is: aval review show ${name}\n`)
          return
        }
        terminal.write(taskText(context, task))
        if (!terminal.interactive) {
          terminal.write(
            `Rate it: aval review rate ${name} ${task.task} ${task.scale.kind === 'yes-no' ? 'yes' : '4'}\n`,
          )
          return
        }
        if (!(await askAndRate(context, name, task))) return
      }
    }),
  )
}

/** False when the person wants to stop. */
async function askAndRate(
  { terminal, client }: CliContext,
  queue: string,
  task: ReviewTask,
): Promise<boolean> {
  const path = taskPath(queue, String(task.task))
  for (;;) {
    const answer = await terminal.ask(`${scaleText(task.scale)}, s to skip, q to stop:`)
    if (answer === null || answer.trim() === 'q') return false
    if (answer.trim() === 's') {
      const reason = (await terminal.ask('Why?'))?.trim() ?? ''
      if (reason === '') continue
      await client.json({ method: 'POST', path: `${path}/skip`, body: { reason } })
      return true
    }
    const value = readSaid(answer)
    if (value === null || !isOn(task, value)) continue
    await client.json<Rated>({ method: 'POST', path: `${path}/rating`, body: { value } })
    return true
  }
}

function isOn({ scale }: ReviewTask, value: Said): boolean {
  if (scale.kind === 'yes-no') return typeof value === 'string'
  return typeof value === 'number' && value >= 1 && value <= scale.levels
}

function addRate(review: Command, context: CliContext): void {
  withExamples(
    withJson(
      review
        .command('rate')
        .argument('<queue>', 'as aval review list shows it')
        .argument('<task>', 'its number, as aval review next said it')
        .argument('<value>', 'yes, no, or a grade')
        .description(
          'rate an answer that was handed to you, or correct what you said; what you said before stays',
        )
        .option('--note <text>', 'why'),
    ),
    'aval review rate support-polite 12 yes',
    'aval review rate support-polite 12 no --note "no greeting"',
  ).action(
    context.run(
      async (
        queue: string,
        task: string,
        value: string,
        { note, json }: { note?: string; json?: boolean },
      ) => {
        const body = { value: demandSaid(value), ...(note !== undefined && { note }) }
        const path = `${taskPath(queue, task)}/rating`
        const rated = await context.client.json<Rated>({ method: 'POST', path, body })
        if (json) return void writeJson(context, rated)
        const which = rated.revision === 1 ? 'rated' : `corrected, revision ${rated.revision}`
        context.terminal.write(`Task ${task} ${which}: ${rated.value}\n`)
      },
    ),
  )
}

function addSkip(review: Command, context: CliContext): void {
  withExamples(
    withJson(
      review
        .command('skip')
        .argument('<queue>', 'as aval review list shows it')
        .argument('<task>', 'its number')
        .requiredOption('--reason <text>', 'why you cannot tell')
        .description('leave an answer to somebody else; you are not handed it again'),
    ),
    'aval review skip support-polite 12 --reason "in Finnish"',
  ).action(
    context.run(async (queue: string, task: string, { reason, json }: { reason: string; json?: boolean }) => {
      const path = `${taskPath(queue, task)}/skip`
      const answer = await context.client.json<object>({ method: 'POST', path, body: { reason } })
      if (json) return void writeJson(context, answer)
      context.terminal.write(`Task ${task} skipped. The next: aval review next ${queue}\n`)
    }),
  )
}

function addAdjudicate(review: Command, context: CliContext): void {
  withExamples(
    withJson(
      review
        .command('adjudicate')
        .argument('<queue>', 'as aval review list shows it')
        .argument('[task]', 'its number; left out, what reviewers disagree on is shown')
        .argument('[value]', 'yes, no, or a grade')
        .description('settle what reviewers disagree on and you did not rate (approver or admin)')
        .option('--note <text>', 'why'),
    ),
    'aval review adjudicate support-polite',
    'aval review adjudicate support-polite 12 no --note "the greeting is missing"',
  ).action(
    context.run(
      async (
        queue: string,
        task: string | undefined,
        value: string | undefined,
        { note, json }: { note?: string; json?: boolean },
      ) => {
        if (task === undefined) return await showDisputes(context, queue, json === true)
        const body = { value: demandSaid(value ?? ''), ...(note !== undefined && { note }) }
        const path = `${taskPath(queue, task)}/adjudication`
        const rated = await context.client.json<Rated>({ method: 'POST', path, body })
        if (json) writeJson(context, rated)
        else context.terminal.write(`Task ${task} settled: ${rated.value}\n`)
        return EXIT.done
      },
    ),
  )
}

async function showDisputes(context: CliContext, queue: string, json: boolean): Promise<number> {
  const path = `${queuePath(queue)}/disputes`
  const disputes = await context.client.json<{ data: Dispute[] }>({ method: 'GET', path })
  if (json) writeJson(context, disputes)
  else if (disputes.data.length === 0) context.terminal.write(`Nothing waits for you in ${queue}.\n`)
  else {
    for (const dispute of disputes.data) {
      context.terminal.write(taskText(context, dispute))
      const said = dispute.ratings.map(({ reviewer, reviewer_name: name, value, note }): [string, string] => [
        name ?? reviewer,
        `${value}${note === null ? '' : `: ${note}`}`,
      ])
      context.terminal.write(formatFields(said))
    }
    context.terminal.write(
      `\nSettle one: aval review adjudicate ${queue} ${disputes.data[0]?.task} <value>\n`,
    )
  }
  return EXIT.done
}

/** The texts keep their lines; nothing in them can move the cursor. */
function taskText({ terminal }: CliContext, task: ReviewTask): string {
  const { bold, dim } = colorsOf(terminal)
  const part = (title: string, text: string) => (text === '' ? '' : `${dim(title)}\n${printable(text)}\n\n`)
  const asked = task.messages === null ? task.input : task.messages.map(messageText).join('\n')
  const expected = task.expected ?? ''
  return [
    `\n${bold(`Task ${task.task}`)} ${dim(printable(task.item))}\n\n`,
    part('question', asked),
    ...task.contexts.map((text, at) => part(`passage ${at + 1}`, text)),
    part('expected', typeof expected === 'string' ? expected : JSON.stringify(expected)),
    part('answer', task.answer),
    part('tool calls', task.tool_calls.map((call) => `${call.name} ${call.arguments}`).join('\n')),
    part('judge by', task.question),
  ].join('')
}

function messageText({ role, content }: { role?: string; content?: unknown }): string {
  return `${role ?? '?'}: ${typeof content === 'string' ? content : JSON.stringify(content)}`
}
