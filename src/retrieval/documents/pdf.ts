/**
 * The text layer of a PDF, page by page. Runs no script of the document and draws nothing. A hostile file may still take
 * long or much memory: whoever reads strangers' files does it in a thread that can be ended.
 */

import type { getDocumentProxy } from 'unpdf'
import { cleanLanguage, cleanLine, cleanText } from './clean-text.ts'
import { DocumentError } from './document-error.ts'
import { MAX_PDF_PAGES, MAX_TEXT_CHARS, MAX_TITLE_CHARS, mebibytes } from './limits.ts'

export type PdfText = {
  text: string
  title: string | null
  language: string | null
  /** Where each page begins in `text`; a page without text begins where the next one does. */
  pageStarts: number[]
}

type Pdf = Awaited<ReturnType<typeof getDocumentProxy>>
type Page = Awaited<ReturnType<Pdf['getPage']>>
type Item = { str: string; transform: number[]; height: number; hasEOL: boolean }

/** Lines further apart than this many times their height are paragraphs: single spacing is 1.2, one and a half is 1.5. */
const PARAGRAPH_GAP = 1.7
const PAGE_BREAK = '\n\n'

/** Throws DocumentError `encrypted`, `broken`, `too_many`, `too_large`, `empty` (scanned pages) or `unsupported` (see `dataOf`). */
export async function readPdf(bytes: Buffer): Promise<PdfText> {
  const missing = new Set<string>()
  const pdf = await openPdf(bytes, missing)
  try {
    if (pdf.numPages > MAX_PDF_PAGES)
      throw new DocumentError(
        'too_many',
        `The PDF has ${pdf.numPages} pages, more than ${MAX_PDF_PAGES}. Split it.`,
      )
    const { text, pageStarts } = await readPages(pdf)
    if (missing.size > 0) throw withoutFonts([...missing])
    if (text === '')
      throw new DocumentError(
        'empty',
        'The PDF is empty: its pages hold pictures and no text. Run it through OCR first.',
      )
    return { text, pageStarts, ...(await describe(pdf)) }
  } catch (error) {
    throw error instanceof DocumentError ? error : broken(error)
  } finally {
    await pdf.destroy()
  }
}

async function openPdf(bytes: Buffer, missing: Set<string>): Promise<Pdf> {
  const { getDocumentProxy: open } = await import('unpdf')
  try {
    // A copy: the library takes the memory that it is given.
    return await open(new Uint8Array(bytes), {
      verbosity: 0,
      isEvalSupported: false,
      disableFontFace: true,
      enableXfa: false,
      useWorkerFetch: false,
      BinaryDataFactory: dataOf(missing),
    })
  } catch (error) {
    if (error instanceof Error && error.name === 'PasswordException')
      throw new DocumentError('encrypted', 'The PDF needs a password. Save it without one.', { cause: error })
    throw broken(error)
  }
}

/**
 * What the library asks for tables of Chinese, Japanese and Korean letters, which a PDF may name in place of bringing its
 * fonts. They are not here, and the library would leave out what they stand for without a word: each is noted.
 */
function dataOf(missing: Set<string>): object {
  return class {
    readonly fetch = ({ kind, filename }: { kind: string; filename: string }): Promise<never> => {
      if (kind === 'cMapUrl') missing.add(filename.replace(/\.bcmap$/, '').slice(0, 40))
      return Promise.reject(new Error(`${filename} is not here.`))
    }
  }
}

function withoutFonts(names: readonly string[]): DocumentError {
  const shown = names.slice(0, 3).join(', ')
  return new DocumentError(
    'unsupported',
    `The PDF has letters in fonts that it does not bring along (${shown}). Save it with embedded fonts, or as text.`,
  )
}

function broken(cause: unknown): DocumentError {
  return new DocumentError('broken', 'The PDF is broken and cannot be read. Open it and save it again.', {
    cause,
  })
}

async function readPages(pdf: Pdf): Promise<{ text: string; pageStarts: number[] }> {
  const pageStarts: number[] = []
  let text = ''
  for (let number = 1; number <= pdf.numPages; number += 1) {
    const page = await pdf.getPage(number)
    const own = cleanText(await readPage(page, MAX_TEXT_CHARS - text.length)).trim()
    page.cleanup()
    if (own !== '' && text !== '') text += PAGE_BREAK
    pageStarts.push(text.length)
    text += own
  }
  return { text, pageStarts }
}

async function readPage(page: Page, maxChars: number): Promise<string> {
  const reader = page.streamTextContent().getReader()
  const lines = new PageLines()
  for (;;) {
    const { done, value } = (await reader.read()) as { done: boolean; value?: { items: readonly unknown[] } }
    if (done) return lines.text
    for (const item of value?.items ?? []) if (isText(item)) lines.add(item)
    if (lines.text.length > maxChars) {
      await reader.cancel(new Error('too large'))
      throw new DocumentError(
        'too_large',
        `The PDF has more text than ${mebibytes(MAX_TEXT_CHARS)}. Split it.`,
      )
    }
  }
}

function isText(item: unknown): item is Item {
  return typeof item === 'object' && item !== null && 'str' in item
}

class PageLines {
  text = ''
  #lineStart = true
  #y: number | null = null
  #height = 0

  add({ str, transform, height, hasEOL }: Item): void {
    if (this.#lineStart && str.trim() !== '') {
      const y = transform[5] ?? 0
      const gap = this.#y === null ? 0 : Math.abs(this.#y - y)
      if (gap > PARAGRAPH_GAP * Math.max(height, this.#height)) this.text += '\n'
      this.#y = y
      this.#height = height
      this.#lineStart = false
    }
    this.text += str
    if (!hasEOL) return
    this.text += '\n'
    this.#lineStart = true
  }
}

async function describe(pdf: Pdf): Promise<{ title: string | null; language: string | null }> {
  const { info } = await pdf.getMetadata()
  const { Title: title, Language: language } = info as { Title?: unknown; Language?: unknown }
  return {
    title: typeof title === 'string' ? cleanLine(title, MAX_TITLE_CHARS) : null,
    language: typeof language === 'string' ? cleanLanguage(language) : null,
  }
}
