/** `aval promote` and `aval rollback`: the way of a label to another release, and back. */

import type { Command } from 'commander'
import { type CliContext, demandConsent, withExamples, withJson, writeJson } from '../../context.ts'
import { EXIT } from '../../exit-codes.ts'
import { exitCodeOf, isUnderWay, outcomeText, type Promotion } from '../../promotions.ts'
import { waitUntil } from '../../wait.ts'

type PromoteOptions = {
  to: string
  reason?: string
  wait?: boolean
  breakGlass?: boolean
  yes?: boolean
  json?: boolean
}
type RollbackOptions = { label: string; to?: string; reason?: string; yes?: boolean; json?: boolean }
type Decision = { id: string; from: string | null; to: string }

export function addPromoteCommands(program: Command, context: CliContext): void {
  withExamples(
    withJson(
      program
        .command('promote')
        .argument('<route>', 'support-answer')
        .argument('<release>', 'r15')
        .description(
          'ask for a label to serve a release: evidence, approvals, then the move (engineer or admin)',
        )
        .option('--to <label>', 'the label', 'production')
        .option('--reason <text>', 'why; it stands on the log and in the decision')
        .option('--wait', 'until somebody has to approve, and to the end after that')
        .option('--break-glass', 'without evidence: two admins, and one hour in which they agree')
        .option('--yes', 'do not ask'),
    ),
    'aval promote support-answer r15 --to production --wait',
    'aval promote support-answer r15 --break-glass --reason "r14 leaks addresses"',
  ).action(
    context.run((route: string, release: string, options: PromoteOptions) =>
      promote(context, { route, release }, options),
    ),
  )
  withExamples(
    withJson(
      program
        .command('rollback')
        .argument('<route>', 'support-answer')
        .description(
          'serve again what was served before; needs no new evidence (approver, engineer or admin)',
        )
        .option('--label <label>', 'the label', 'production')
        .option('--to <release>', 'a release that the label has served: r12')
        .option('--reason <text>', 'why; it stands on the log and in the decision')
        .option('--yes', 'do not ask'),
    ),
    'aval rollback support-answer --reason "answers in the wrong language"',
    'aval rollback support-answer --to r12',
  ).action(context.run((route: string, options: RollbackOptions) => rollback(context, route, options)))
}

async function promote(
  context: CliContext,
  { route, release }: { route: string; release: string },
  options: PromoteOptions,
): Promise<number> {
  const label = options.to
  if (options.breakGlass) {
    const question = `Ask for ${route}@${label} to serve ${release} without evidence? Another admin has to agree within the hour, and everybody sees it.`
    await demandConsent(context, options.yes, question)
  }
  let promotion = await context.client.json<Promotion>({
    method: 'POST',
    path: '/api/promotions',
    body: {
      route,
      label,
      release,
      reason: options.reason ?? `${release} to ${label}`,
      ...(options.breakGlass && { break_glass: true }),
    },
  })
  if (options.wait) promotion = await settled(context, promotion, options.json === true)
  if (options.json) writeJson(context, promotion)
  else say(context, promotion)
  return exitCodeOf(promotion)
}

/** Until it has ended; each new state, and each new note, is told once. */
async function settled(context: CliContext, first: Promotion, isQuiet: boolean): Promise<Promotion> {
  let told = ''
  const tell = ({ state, note }: Promotion) => {
    // Its end is told by whoever waited.
    if (isQuiet || !isUnderWay({ state }) || `${state} ${note}` === told) return
    told = `${state} ${note}`
    context.terminal.writeError(`${state}: ${note}\n`)
  }
  tell(first)
  if (!isUnderWay(first)) return first
  return await waitUntil(context, {
    look: async () => {
      const { id } = first
      const now = await context.client.json<Promotion>({ method: 'GET', path: `/api/promotions/${id}` })
      tell(now)
      return now
    },
    isOver: (one) => !isUnderWay(one),
    later: `aval promotion show ${first.id}`,
  })
}

function say({ terminal }: CliContext, promotion: Promotion): void {
  const text = `${outcomeText(promotion)}\n`
  if (exitCodeOf(promotion) === EXIT.done) terminal.write(text)
  else terminal.writeError(text)
}

async function rollback(context: CliContext, route: string, options: RollbackOptions): Promise<undefined> {
  const name = `${route}@${options.label}`
  const where = options.to ?? 'what it served before'
  await demandConsent(context, options.yes, `Take ${name} back to ${where}? Apps get it at once.`)
  const decision = await context.client.json<Decision>({
    method: 'POST',
    path: '/api/rollbacks',
    body: {
      route,
      label: options.label,
      reason: options.reason ?? `back to ${where}`,
      ...(options.to !== undefined && { release: options.to }),
    },
  })
  if (options.json) writeJson(context, decision)
  else {
    const from = decision.from === decision.to ? 'the canary is off' : `${decision.from} before`
    context.terminal.write(`${name} serves ${decision.to}, ${from}. Decision ${decision.id} is on the log.\n`)
  }
  return undefined
}
