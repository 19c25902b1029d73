/** What the eval commands do without a server. */

import type { DatasetItem } from './datasets.ts'

/** A suite's file without mistakes, as `/api` takes it. */
export type SuiteFile = {
  name: string
  body: Readonly<Record<string, unknown>>
  dataset: {
    name: string
    version: number | null
    /** The file beside the suite that holds the dataset; null when there is none, or a version is named. */
    file: string | null
  }
  budgetUsd: string | null
}

/** A config of promptfoo, as the runs that it asks for. */
export type PromptfooFile = {
  name: string
  prompts: readonly { label: string; name: string; items: readonly DatasetItem[]; asksJudges: boolean }[]
  providers: readonly {
    label: string
    subject: string | { why: string }
    parameters: Readonly<Record<string, unknown>>
    remarks: readonly string[]
  }[]
  repeats: number | null
  concurrency: number | null
  timeoutMs: number | null
  compatibility: {
    tests: number
    bare: number
    assertions: readonly {
      type: string
      status: 'evaluated' | 'differs' | 'not_evaluated'
      remark: string | null
      count: number
    }[]
    leftOut: readonly { test: string; prompt: string | null; reason: string }[]
    ignored: readonly string[]
  }
}

export type EvalActions = {
  /**
   * Null for a file that is no config of promptfoo. `grader` judges what models judge there. Rejects with CliError for one
   * that has mistakes.
   */
  promptfoo(path: string, grader: string | undefined): Promise<PromptfooFile | null>
  /** Rejects with CliError for a file that cannot be read or has mistakes, all of which it names. */
  suite(path: string): Promise<SuiteFile>
  /** The YAML files of evals/, sorted, as paths; none where there is no such folder. */
  suites(): Promise<readonly string[]>
  /** The commit that the working folder stands on, with `-dirty` where it was changed; null where there is none. */
  commit(): Promise<string | null>
  /** A text file's lines. Rejects with CliError for one that cannot be read or is larger than 8 MB. */
  lines(path: string): Promise<string[]>
  /** Writes a report where it was asked to. Rejects with CliError when the disk refuses. */
  write(path: string, text: string): Promise<void>
}
