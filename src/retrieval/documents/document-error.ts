/** The one error of documents: why a document is left out, as a word for programs and a sentence for a person. */

export type DocumentProblem =
  | 'empty'
  | 'binary'
  | 'encoding'
  | 'broken'
  | 'encrypted'
  | 'too_large'
  | 'too_many'
  | 'unsupported'
  | 'timeout'
  | 'changed'
  | 'unreadable'

/** Its message says what was found and what to do; it holds nothing of the document's text. */
export class DocumentError extends Error {
  override name = 'DocumentError'
  readonly reason: DocumentProblem

  constructor(reason: DocumentProblem, message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.reason = reason
  }
}
