/** `aval doctor`, `aval reload`, and the commands that are the process itself: serve, work, migrate, check. */

import type { Command } from 'commander'
import { printableLine } from '../../lib/printable.ts'
import { NoKeyError, UnreachableError } from '../client.ts'
import { type Check, type CliContext, withExamples, withJson, writeJson } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { colorsOf } from '../terminal.ts'

export function addProcessCommands(program: Command, context: CliContext): void {
  const { actions } = context
  withExamples(
    program
      .command('serve')
      .description('start the gateway (with its own database unless DATABASE_URL is set)')
      .option('--migrate', "bring a server's schema up to date first, instead of refusing an old one"),
    'aval serve',
    'PORT=9000 aval serve',
  ).action(
    context.run((options: { migrate?: boolean }) => actions.serve({ migrate: options.migrate === true })),
  )
  withExamples(
    program
      .command('work')
      .description('start a worker for background jobs')
      .option(
        '--lenient',
        'begin despite mistakes in aval.yaml: only builds of indexes wait for a mended file',
      ),
    'DATABASE_URL=postgres://… REDIS_URL=redis://… aval work',
  ).action(
    context.run((options: { lenient?: boolean }) => actions.work({ lenient: options.lenient === true })),
  )
  withExamples(
    program.command('migrate').description('bring the database to the schema of this version'),
    'DATABASE_URL=postgres://… aval migrate',
  ).action(context.run(() => actions.migrate()))
  withExamples(
    withJson(
      program.command('check').description('check aval.yaml and print the effective config, secrets masked'),
    ),
    'aval check',
    'AVAL_CONFIG=staging.yaml aval check',
  ).action(context.run((options: { json?: boolean }) => actions.check({ json: options.json === true })))
}

export function addDoctorCommand(program: Command, context: CliContext): void {
  withExamples(
    withJson(
      program
        .command('doctor')
        .description('what is configured, reachable and writable, and how to mend what is not'),
    ),
    'aval doctor',
    'aval doctor --json',
  ).action(context.run((options: { json?: boolean }) => doctor(context, options)))
}

export function addReloadCommand(program: Command, context: CliContext): void {
  withExamples(
    withJson(program.command('reload').description('have the running server take up a changed aval.yaml')),
    'aval reload',
  ).action(context.run((options: { json?: boolean }) => reload(context, options)))
}

async function doctor(context: CliContext, options: { json?: boolean }): Promise<number> {
  const checks = await allChecks(context)
  const broken = checks.filter((check) => check.status === 'problem').length
  if (options.json) writeJson(context, { ok: broken === 0, checks })
  else writeChecks(context, checks)
  return broken === 0 ? EXIT.done : EXIT.ours
}

async function allChecks(context: CliContext): Promise<readonly Check[]> {
  try {
    const answer = await context.client.json<{ checks: Check[] }>({ method: 'GET', path: '/api/doctor' })
    return [
      { name: 'server', status: 'ok', detail: `answers at ${context.client.url}`, remedy: null },
      ...answer.checks,
    ]
  } catch (error) {
    if (!(error instanceof UnreachableError || error instanceof NoKeyError)) throw error
    return [unasked(context.client.url, error), ...(await context.actions.selfCheck())]
  }
}

function unasked(url: string, error: UnreachableError | NoKeyError): Check {
  const [why, remedy] =
    error instanceof NoKeyError
      ? [
          'nothing here has a key to ask',
          'Start it with `npm start` or `aval serve`, or set AVAL_URL and AVAL_KEY.',
        ]
      : ['none answers at', 'Start it with `npm start` or `aval serve`, or set AVAL_URL.']
  return {
    name: 'server',
    status: 'problem',
    detail: `${why} ${url}; the rest was looked at from here`,
    remedy,
  }
}

function writeChecks(context: CliContext, checks: readonly Check[]): void {
  const colors = colorsOf(context.terminal)
  const paint = { ok: colors.green, warning: colors.yellow, problem: colors.red }
  const width = Math.max(...checks.map((check) => check.name.length))
  for (const check of checks) {
    const status = paint[check.status](check.status.padEnd('warning'.length))
    context.terminal.write(
      `${status}  ${printableLine(check.name).padEnd(width)}  ${printableLine(check.detail)}\n`,
    )
    if (check.remedy !== null) {
      context.terminal.write(`${' '.repeat('warning'.length + width + 4)}${printableLine(check.remedy)}\n`)
    }
  }
}

async function reload(context: CliContext, options: { json?: boolean }): Promise<number> {
  const answer = await context.client.json<{ applied: boolean; problems: string[] }>({
    method: 'POST',
    path: '/api/reload',
  })
  if (options.json) {
    writeJson(context, answer)
  } else if (answer.applied) {
    context.terminal.write('The server took up aval.yaml.\n')
  } else {
    context.terminal.writeError('aval.yaml was not taken up; the last good one stays in force.\n')
    for (const problem of answer.problems) context.terminal.writeError(`  ${printableLine(problem)}\n`)
  }
  return answer.applied ? EXIT.done : EXIT.usage
}
