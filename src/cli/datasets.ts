/** What the commands of datasets get from the process: files read as items, and logged requests made into some. */

export type DatasetItem = Readonly<{ id: string } & Record<string, unknown>>

/** What comes out of a file, in its order. */
export type DatasetRead =
  | { kind: 'format'; format: string }
  | { kind: 'item'; where: string; item: DatasetItem; hash: string; bytes: number }
  | { kind: 'problem'; text: string }
  /** `left`: a row that is no item, and why. `note`: what the author of an item should know of it. */
  | { kind: 'note' | 'left'; where: string; text: string }

type LoggedCall = {
  id: string
  operation: string
  route: string | null
  model: string | null
  subject: string | null
  startedAt: string
  body: string
  answer: string | null
  contexts: readonly string[]
}

/** Everything throws CliError for a file that cannot be read. */
export type DatasetActions = {
  /** Reads anew each time it is gone through. `format` and `schema` (a file) are null for none given. */
  read(path: string, options: { format: string | null; schema: string | null }): AsyncIterable<DatasetRead>
  /** A JSON Schema of a JSON or YAML file, as `/api` takes it. */
  schema(path: string): Promise<unknown>
  itemOf(call: LoggedCall): Promise<{ item: DatasetItem } | { left: string }>
  /** Names of what `trainingExample` writes. */
  trainingFormats(): Promise<readonly string[]>
  /** The item as a line of a training file, or why it gives none; `format` is one of those names. */
  trainingExample(item: DatasetItem, format: string): Promise<{ line: object } | { left: string }>
  /** Names of what `perturb` can be asked for. */
  perturbations(): Promise<readonly string[]>
  /** The item first, then its perturbed ones; `left` says of which there is none, and why. Bytes are those of JSON. */
  perturb(item: DatasetItem, settings: { wanted: readonly string[]; seed: number }): Promise<MadeItems>
  /** What `hallucination` makes beside an item, by `metadata.perturbation`. */
  hallucinationCases(): Promise<readonly string[]>
  /** As `perturb`; no items at all where the item cannot be asked with its passages. */
  hallucination(item: DatasetItem, settings: { seed: number }): Promise<MadeItems>
}

export type MadeItems = { items: { item: DatasetItem; bytes: number }[]; left: string[] }
