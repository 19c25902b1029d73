/** The commands that run here and not on a server: serve, work, migrate, check. Heavy parts are loaded when needed. */

import { accessSync, constants, existsSync } from 'node:fs'
import { devNull } from 'node:os'
import { dirname } from 'node:path'
import { stringify } from 'yaml'
import type { AuditActions, CliActions, PromptActions, SyncActions } from './cli/context.ts'
import type { DatasetActions } from './cli/datasets.ts'
import type { EvalActions } from './cli/evals.ts'
import { CliError, EXIT } from './cli/exit-codes.ts'
import type { QualityActions } from './cli/quality.ts'
import type { Terminal } from './cli/terminal.ts'
import type { Environment } from './config/environment.ts'
import { type Config, loadConfig, loadRetrieval } from './config.ts'
import { ConfigError } from './errors.ts'
import { Secret } from './lib/secret.ts'
import * as events from './telemetry/events.ts'

export type ActionsDeps = {
  environment: Environment
  /** Where relative paths and aval.yaml start. */
  directory: string
  terminal: Terminal
  /** Aborted by the first SIGTERM or SIGINT. */
  stop: AbortController
  onReloadSignal: (reload: () => void) => void
}

export function createActions(deps: ActionsDeps): CliActions {
  const read = () => loadConfig(deps.environment, deps.directory)
  return {
    serve: (options) => runServe(deps, read(), options.migrate),
    work: ({ lenient }) => runWork(deps, lenient),
    migrate: () => runMigrate(deps, read()),
    async check({ json }) {
      const config = read()
      const shown: unknown = JSON.parse(JSON.stringify(config, maskSecrets))
      const text = json
        ? `${JSON.stringify(shown, null, 2)}\n`
        : `${stringify(shown)}${openLabels(config)}${await alertNotes(config)}`
      deps.terminal.write(text)
      return EXIT.done
    },
    selfCheck: async () => selfCheck(deps, read),
    audit: lateAuditActions(deps, read),
    prompts: latePromptActions(deps.directory),
    retrieval: async () => loadRetrieval(deps.environment, deps.directory),
    quality: lateQualityActions(deps, read),
    datasets: lateDatasetActions(deps.directory),
    policies: {
      check: async () => {
        const { checkPolicies } = await import('./policy-actions.ts')
        return await checkPolicies(read(), deps.directory)
      },
    },
    evals: lateEvalActions(deps.directory),
    sync: lateSyncActions(deps),
  }
}

/** Their modules are loaded when one is called. */
function lateSyncActions({ directory, environment }: ActionsDeps): SyncActions {
  const load = async () => {
    const { createSyncActions } = await import('./sync-actions.ts')
    return createSyncActions(directory, environment)
  }
  return {
    files: async () => await (await load()).files(),
    configProblems: async () => await (await load()).configProblems(),
  }
}

/** Below the config, as YAML's comments: what a reader would not see in it. */
function openLabels({ routes, policies }: Config): string {
  const policed = routes.flatMap(({ name, labels }) =>
    Object.entries(labels).map(([label, policy]) => `# ${name}@${label} has the policy ${policy}.\n`),
  )
  const unused = policies.filter(
    ({ name }) => !routes.some(({ labels }) => Object.values(labels).includes(name)),
  )
  return [
    ...policed,
    `# ${policed.length === 0 ? 'Every label' : 'Every other label'} is open: its moves are recorded, and nothing is demanded.\n`,
    ...unused.map(({ name }) => `# No label has the policy ${name}.\n`),
  ].join('')
}

/** The same for rules of alerts. */
async function alertNotes(config: Config): Promise<string> {
  const { alertRuleNotes } = await import('./alert-rule-notes.ts')
  return alertRuleNotes(config)
    .map((note) => `# ${note}\n`)
    .join('')
}

/** Their modules are loaded when one is called. */
function latePromptActions(directory: string): PromptActions {
  const load = async () => {
    const { createPromptActions } = await import('./prompt-actions.ts')
    return createPromptActions(directory)
  }
  return {
    names: async (given) => await (await load()).names(given),
    read: async (name) => await (await load()).read(name),
    check: async (name) => await (await load()).check(name),
    content: async (name) => await (await load()).content(name),
    text: async (content) => await (await load()).text(content),
    diff: async (from, to) => await (await load()).diff(from, to),
    render: async (name, input) => await (await load()).render(name, input),
    importFrom: async (format, path, options) => await (await load()).importFrom(format, path, options),
  }
}

/** Their modules are loaded when one is called. */
function lateDatasetActions(directory: string): DatasetActions {
  const load = async () => {
    const { createDatasetActions } = await import('./dataset-actions.ts')
    return createDatasetActions(directory)
  }
  return {
    read: async function* (path, options) {
      yield* (await load()).read(path, options)
    },
    schema: async (path) => await (await load()).schema(path),
    itemOf: async (call) => await (await load()).itemOf(call),
    trainingFormats: async () => await (await load()).trainingFormats(),
    trainingExample: async (item, format) => await (await load()).trainingExample(item, format),
    perturbations: async () => await (await load()).perturbations(),
    perturb: async (item, settings) => await (await load()).perturb(item, settings),
    hallucinationCases: async () => await (await load()).hallucinationCases(),
    hallucination: async (item, settings) => await (await load()).hallucination(item, settings),
  }
}

/** Their modules are loaded when one is called. */
function lateEvalActions(directory: string): EvalActions {
  const load = async () => {
    const { createEvalActions } = await import('./eval-actions.ts')
    return createEvalActions(directory)
  }
  return {
    promptfoo: async (path, grader) => await (await load()).promptfoo(path, grader),
    suite: async (path) => await (await load()).suite(path),
    suites: async () => await (await load()).suites(),
    lines: async (path) => await (await load()).lines(path),
    commit: async () => await (await load()).commit(),
    write: async (path, text) => await (await load()).write(path, text),
  }
}

/** Their modules are loaded when one is called. */
function lateAuditActions(deps: ActionsDeps, read: () => Config): AuditActions {
  const load = async () => {
    const { createAuditActions } = await import('./audit-actions.ts')
    return createAuditActions(read, openLogger, deps.stop.signal)
  }
  return {
    verify: async (options) => await (await load()).verify(options),
    prove: async (id, withBodies) => await (await load()).prove(id, withBodies),
    rotateKey: async () => await (await load()).rotateKey(),
    keys: async () => await (await load()).keys(),
  }
}

/** Their modules are loaded when one is called. */
function lateQualityActions({ directory, stop }: ActionsDeps, read: () => Config): QualityActions {
  const load = async () => {
    const { createQualityActions } = await import('./quality-actions.ts')
    return createQualityActions({ directory, read, logger: openLogger, stop: stop.signal })
  }
  return {
    bench: async (options) => await (await load()).bench(options),
    drift: async (options) => await (await load()).drift(options),
    embedding: async (options) => await (await load()).embedding(options),
    groundedness: async (options) => await (await load()).groundedness(options),
    judge: async (options) => await (await load()).judge(options),
    queries: async (queries, qrels) => await (await load()).queries(queries, qrels),
  }
}

async function runServe(deps: ActionsDeps, config: Config, migrateServer: boolean): Promise<number> {
  const [{ serve }, { AlreadyRunningError }, logger] = await Promise.all([
    import('./serve.ts'),
    import('./db/lock.ts'),
    openLogger(config),
  ])
  const { directory, stop, onReloadSignal, terminal } = deps
  process.on('unhandledRejection', (reason) => events.forgottenFailure(logger, reason))
  try {
    await serve(config, {
      directory,
      migrateServer,
      logger,
      print: (text) => terminal.write(text),
      colors: terminal.colors,
      environment: deps.environment,
      stop,
      onReloadSignal,
    })
  } catch (error) {
    if (error instanceof AlreadyRunningError) throw new CliError(EXIT.alreadyRunning, error.message)
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    const { host, port } = config.server
    const message = `${host}:${port} is in use by another program. Stop it, or choose another port with PORT.`
    throw new CliError(EXIT.usage, message)
  }
  return EXIT.done
}

async function runWork({ environment, directory, stop }: ActionsDeps, lenient: boolean): Promise<number> {
  const readConfig = () => loadConfig(environment, directory)
  const { config, problems } = lenient
    ? readDespiteMistakes(environment, directory)
    : { config: readConfig(), problems: [] }
  const [{ work }, logger] = await Promise.all([import('./work.ts'), openLogger(config)])
  if (problems.length > 0) events.configRefused(logger, problems)
  await work(config, { logger, directory, readConfig, stop })
  return EXIT.done
}

/** What the environment alone says, and why the file says nothing. Jobs that need the file read it when they begin. */
function readDespiteMistakes(
  environment: Environment,
  directory: string,
): { config: Config; problems: readonly string[] } {
  try {
    return { config: loadConfig(environment, directory), problems: [] }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const config = loadConfig({ ...environment, AVAL_CONFIG: devNull }, directory)
    return { config, problems: error.problems }
  }
}

async function runMigrate(deps: ActionsDeps, config: Config): Promise<number> {
  const [{ openDatabase }, logger] = await Promise.all([import('./database.ts'), openLogger(config)])
  const database = await openDatabase(config, logger, {
    migrateServer: true,
    onEmbedded: () => undefined,
    onMigration: ({ name, position, total }) => deps.terminal.write(`${position}/${total}  ${name}\n`),
  })
  await database.close()
  deps.terminal.write('The database has the schema of this version.\n')
  return EXIT.done
}

async function openLogger(config: Config) {
  const { createLogger } = await import('./telemetry/logger.ts')
  // A person who just started the server reads the start screen; a log collector wants every event.
  return createLogger(config.log.level ?? (process.stderr.isTTY === true ? 'warn' : 'info'), process.stderr)
}

/** What can be looked at while no server runs. */
function selfCheck(deps: ActionsDeps, read: () => Config): Awaited<ReturnType<CliActions['selfCheck']>> {
  // A wrong config ends the command with its own sentences and exit code 2, which is what doctor would say.
  const config = read()
  const from = config.configPath ?? `defaults and environment (no aval.yaml in ${deps.directory})`
  const folder = existsSync(config.home) ? config.home : dirname(config.home)
  return [
    { name: 'config', status: 'ok', detail: from, remedy: null },
    isWritable(folder)
      ? { name: 'data folder', status: 'ok', detail: config.home, remedy: null }
      : {
          name: 'data folder',
          status: 'problem',
          detail: `${config.home} cannot be written`,
          remedy: 'Mend its rights, or choose another with AVAL_HOME.',
        },
  ]
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    // Converted into the answer to the question.
    return false
  }
}

/** For JSON.stringify: secrets print as stars and where they come from. */
function maskSecrets(this: unknown, key: string, value: unknown): unknown {
  const original = (this as Record<string, unknown>)[key]
  return original instanceof Secret ? `*** (${original.source})` : value
}
