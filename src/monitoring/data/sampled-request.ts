/** A request of one of two windows, as comparisons take it. Types alone. */

export type WindowName = 'recent' | 'baseline'

/** What the log's row tells, without opening a body. */
export type SampledRequest = {
  window: WindowName
  id: string
  /** The end user's pseudonym; null where the app named nobody. */
  subject: string | null
  /** Variables of the prompt were missing or wrong. */
  refusedVariables: boolean
  /** The upstream's content filter ended the answer. */
  filtered: boolean
  /** Null without an index. */
  search: { index: string; cosine: number | null; documents: readonly string[] } | null
}

/** What is compared of an answer: thousands of whole ones are more than a worker has room for. */
export type AnswerTraits = {
  /** In UTF-16 units. */
  length: number
  /** It begins as refusals do. */
  refused: boolean
  isJson: boolean
}

/** And what its bodies say; null where they could not be opened. */
export type OpenedRequest = SampledRequest & {
  words: {
    question: string
    answer: AnswerTraits
    /** ISO 639-1; null for a text that is too short to tell. */
    language: string | null
    /** Of the question, length 1. */
    vector: Float32Array
  } | null
}
