/** Documents at addresses, for a sync: what a fetch rejects with, as the problem of one document. */

import { type DocumentFetcher, FetchError } from '../../providers/fetch-document.ts'
import { DocumentError, type DocumentProblem } from '../documents/document-error.ts'
import type { OriginDeps } from './origin.ts'

const PROBLEMS: Readonly<Record<FetchError['kind'], DocumentProblem>> = {
  unreachable: 'unreadable',
  refused: 'unreadable',
  too_large: 'too_large',
  timeout: 'timeout',
}

export function readUrl(fetcher: Pick<DocumentFetcher, 'fetch'>): OriginDeps['fetchUrl'] {
  return async (url, signal) => {
    try {
      return await fetcher.fetch(url, signal)
    } catch (error) {
      if (error instanceof FetchError)
        throw new DocumentError(PROBLEMS[error.kind], error.message, { cause: error })
      throw error
    }
  }
}
