/** What the eval commands do without a server. */

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

export type EvalActions = {
  /** Rejects with CliError for a file that cannot be read or has mistakes, all of which it names. */
  suite(path: string): Promise<SuiteFile>
  /** The commit that the working folder stands on, with `-dirty` where it was changed; null where there is none. */
  commit(): Promise<string | null>
  /** Writes a report where it was asked to. Rejects with CliError when the disk refuses. */
  write(path: string, text: string): Promise<void>
}
