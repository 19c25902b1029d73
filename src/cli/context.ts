/** What every command gets: the terminal, the client, and the actions main.ts supplies. */

import { type Command, InvalidArgumentError } from 'commander'
import { printableJson, printableLine } from '../lib/printable.ts'
import type { Client } from './client.ts'
import type { DatasetActions } from './datasets.ts'
import type { EvalActions } from './evals.ts'
import { CliError, EXIT } from './exit-codes.ts'
import type { QualityActions } from './quality.ts'
import type { Terminal } from './terminal.ts'

/** A check of `aval doctor`, as the server sends it. */
export type Check = {
  name: string
  status: 'ok' | 'warning' | 'problem'
  detail: string
  remedy: string | null
}

/** What only the process itself can do; each resolves to an exit code. */
export type CliActions = {
  /** `migrate`: bring a server's schema up to date first, instead of refusing an old one. */
  serve(options: { migrate: boolean }): Promise<number>
  /** `lenient`: begin despite mistakes in aval.yaml; what needs the file waits until it is mended. */
  work(options: { lenient: boolean }): Promise<number>
  migrate(): Promise<number>
  check(options: { json: boolean }): Promise<number>
  /** What doctor can look at while no server runs: the config, the data folder, the database. */
  selfCheck(): Promise<readonly Check[]>
  audit: AuditActions
  prompts: PromptActions
  sync: SyncActions
  /** Sources and indexes that aval.yaml declares, as `/api` takes them. Rejects with ConfigError for mistakes in them. */
  retrieval(): Promise<DeclaredRetrieval>
  quality: QualityActions
  datasets: DatasetActions
  policies: PolicyActions
  evals: EvalActions
}

/** `problems` keep every promotion under the policy from passing. */
export type CheckedPolicy = { name: string; problems: readonly string[]; notes: readonly string[] }
type PolicyActions = {
  /** Against the files beside aval.yaml. Rejects with ConfigError for mistakes in it. */
  check(): Promise<readonly CheckedPolicy[]>
}

type Declared = Readonly<{ name: string } & Record<string, unknown>>
type DeclaredRetrieval = { sources: readonly Declared[]; indexes: readonly Declared[] }

type Finding = {
  severity: 'altered' | 'incomplete' | 'explained'
  kind: string
  writer: string | null
  seq: number | null
  id: string | null
  message: string
}

/** What `aval audit verify` found; `src/audit/verify/verify.ts` says what each number counts. */
export type VerifyResult = {
  status: 'intact' | 'altered' | 'incomplete'
  records: number
  rows: number
  events: number
  bodies: number
  writers: number
  heads: number
  superHeads: number
  signed: number
  underWay: number
  altered: number
  incomplete: number
  explained: number
  findings: readonly Finding[]
  keys: readonly string[]
  /** Where the keys came from that were trusted. */
  keysFrom: 'given' | 'this machine' | 'the database'
}

/** What reads the log's database itself, without a server in between. */
export type AuditActions = {
  verify(options: {
    keys: readonly string[]
    checkpoints: readonly string[]
    sinceMs: number | null
    untilMs: number | null
    onProgress: (progress: { records: number; total: number }) => void
  }): Promise<VerifyResult>
  /** The bundle that docs/verify.mjs reads. */
  prove(id: string, withBodies: boolean): Promise<object>
  /** A new signing key for the next start; the old one vouches for it. */
  rotateKey(): Promise<void>
  keys(): Promise<readonly { verifierKey: string; endorsement: string | null }[]>
}

/** What `aval prompt check` found in one file: mistakes, or how its tests went. */
export type CheckedPrompt = {
  name: string
  problems: readonly string[]
  tests: readonly {
    position: number
    passed: boolean
    problem: string | null
    missed: readonly { kind: string; expected: string }[]
    rendered: string | null
  }[]
}
export type DiffPart = { kind: 'same' | 'added' | 'removed'; text: string }

/** The prompt files beside aval.yaml. Everything throws CliError for a file that cannot be read. */
export type PromptActions = {
  /** Names of all files, sorted; or the given ones, each of which is there. */
  names(given: readonly string[]): Promise<readonly string[]>
  read(name: string): Promise<string>
  check(name: string): Promise<CheckedPrompt>
  /** A file without mistakes, as `/api` shows the content of a version. */
  content(name: string): Promise<object>
  /** A content of `/api` in readable form. */
  text(content: object): Promise<string>
  /** From one content to another, word by word. */
  diff(from: object, to: object): Promise<readonly DiffPart[]>
  /** The messages that a file makes of these values. */
  render(name: string, input: RenderInput): Promise<readonly object[]>
  /** Makes prompt files of another product's file; writes none while one of them would overwrite something. */
  importFrom(format: ImportFormat, path: string, options: ImportOptions): Promise<ImportResult>
}

/** A file without mistakes: `hash` is that of the version it is, `body` what `/api` makes one of. */
export type SyncFile = {
  kind: 'prompt' | 'model'
  name: string
  path: string
  hash: string
  body: Readonly<Record<string, unknown>>
}
export type SyncFiles = { files: readonly SyncFile[]; problems: readonly string[] }

/** The files of prompts and model versions beside aval.yaml. */
export type SyncActions = {
  /** All of them. Throws for no mistake in a file: each is a sentence of `problems`. */
  files(): Promise<SyncFiles>
  /** What is wrong with aval.yaml itself; secrets that it names are not looked up. */
  configProblems(): Promise<readonly string[]>
}

export type ImportFormat = 'promptfoo' | 'langfuse-export' | 'openai-evals'
/** `force`: also over files with another content. */
export type ImportOptions = { force: boolean; dryRun: boolean }
export type ImportResult = {
  /** `refused`: a file with another content is there. */
  prompts: readonly {
    name: string
    path: string
    source: string
    status: 'new' | 'replaced' | 'unchanged' | 'refused'
  }[]
  leftOut: readonly { kind: 'prompt' | 'other'; what: string; count: number; reason: string }[]
  /** False when nothing was written, because of `dryRun` or of a refused file. */
  written: boolean
}

export type RenderInput = {
  variables: Readonly<Record<string, unknown>>
  contexts: readonly unknown[]
  messages: readonly unknown[]
}

export type CliContext = {
  terminal: Terminal
  /** The words of the command line, without `aval`. */
  typed: readonly string[]
  client: Client
  actions: CliActions
  nowMs: () => number
  /** Aborts when the person or the system wants the command to stop: finish what is under way, begin nothing. */
  stop: AbortSignal
  /** Runs a command's body and keeps its exit code; nothing means done. */
  run: <Input extends unknown[]>(
    body: (...input: Input) => Promise<number | undefined>,
  ) => (...input: Input) => Promise<void>
}

export type ListOptions = { limit?: string; cursor?: string; json?: boolean }

/** `--json`, on every command that prints data. */
export function withJson(command: Command): Command {
  return command.option('--json', 'print JSON, times in UTC')
}

/** `--limit`, `--cursor` and `--json`, on every list. */
export function withPaging(command: Command): Command {
  return withJson(
    command
      .option('--limit <count>', 'rows per page, at most 200', '50')
      .option('--cursor <cursor>', 'go on where the page before ended'),
  )
}

/** For options that count something: a whole number from 1, or the option is refused by name. */
export function wholeNumber(text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= 1 && Number.isSafeInteger(value)) return value
  throw new InvalidArgumentError('Write a whole number from 1.')
}

export function withExamples(command: Command, ...examples: readonly string[]): Command {
  return command.addHelpText('after', `\nExamples:\n${examples.map((line) => `  $ ${line}`).join('\n')}`)
}

export function writeJson(context: CliContext, value: unknown): void {
  context.terminal.write(`${printableJson(value)}\n`)
}

/** The line under a page that is not the last: what was typed, from where this page ends. */
export function writeNextPage({ terminal, typed }: CliContext, cursor: string | null): void {
  if (cursor === null) return
  const kept = typed.filter((word, at) => !/^--cursor(?:=|$)/.test(word) && typed[at - 1] !== '--cursor')
  terminal.write(`\nMore: ${['aval', ...kept, '--cursor', cursor].map(shellWord).join(' ')}\n`)
}

/** As a POSIX shell reads it back. */
function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${printableLine(word).replaceAll("'", `'\\''`)}'`
}

/** Nothing destructive without `--yes` or a question. Throws CliError when the answer is no or nobody can answer. */
export async function demandConsent(
  context: CliContext,
  yes: boolean | undefined,
  question: string,
): Promise<void> {
  if (yes === true) return
  if (!context.terminal.interactive) {
    throw new CliError(EXIT.usage, `${question} Nobody is here to ask: add --yes.`)
  }
  if (!(await context.terminal.confirm(question))) throw new CliError(EXIT.usage, 'Nothing was changed.')
}
