/**
 * An HTML page -> the text that a reader sees, as Markdown. Reads it as a stream of tags, so that neither depth nor size
 * of a hostile page costs more than its bytes; runs nothing, fetches nothing, and takes no text from attributes.
 */

import { Parser } from 'htmlparser2'
import { cleanLanguage, cleanLine } from './clean-text.ts'
import { DocumentError } from './document-error.ts'
import { MAX_ELEMENT_DEPTH, MAX_TITLE_CHARS } from './limits.ts'
import { Outline } from './outline.ts'

export type HtmlPage = { text: string; title: string | null; language: string | null }

/** Their content is not shown as text, or not by a browser that runs scripts. */
const WITHOUT_TEXT = new Set(
  'script style template noscript noframes noembed iframe object applet canvas audio video svg select datalist textarea'.split(
    ' ',
  ),
)
const BLOCKS = new Set(
  'p div section article main aside header footer nav address blockquote figure figcaption form fieldset legend details summary dl dt dd hr center dialog body caption'.split(
    ' ',
  ),
)
const HIDING_STYLE =
  /(?:^|[;\s])(?:display\s{0,9}:\s{0,9}none|visibility\s{0,9}:\s{0,9}(?:hidden|collapse)|opacity\s{0,9}:\s{0,9}0(?:\.0{0,9})?\s{0,9}(?:;|!|$)|font-size\s{0,9}:\s{0,9}0(?:px|em|rem|pt|%)?\s{0,9}(?:;|!|$))/i
const LISTS = new Set(['ul', 'ol', 'menu'])

type Attributes = Readonly<Record<string, string>>
type List = { ordered: boolean; next: number }

/** Throws DocumentError `broken` for a page nested deeper than any browser shows, `too_large` for too much text. */
export function readHtml(html: string): HtmlPage {
  const reader = new HtmlReader()
  const parser = new Parser(
    {
      onopentag: (name, attributes) => reader.open(name, attributes),
      onclosetag: (name) => reader.close(name),
      ontext: (text) => reader.text(text),
    },
    { decodeEntities: true },
  )
  parser.write(html)
  parser.end()
  return reader.page()
}

class HtmlReader {
  readonly #outline = new Outline()
  readonly #lists: List[] = []
  #depth = 0
  /** Depth of the outermost element whose content is left out; 0 when there is none. */
  #silentFrom = 0
  #titleFrom = 0
  #title: string | null = null
  #titleText = ''
  #language: string | null = null

  open(name: string, attributes: Attributes): void {
    this.#depth += 1
    if (this.#depth > MAX_ELEMENT_DEPTH)
      throw new DocumentError(
        'broken',
        `The page nests more than ${MAX_ELEMENT_DEPTH} elements. Save it flatter or as text.`,
      )
    if (name === 'html') this.#language ??= cleanLanguage(attributes.lang ?? attributes['xml:lang'])
    if (this.#silentFrom > 0) return
    if (name === 'title' && this.#title === null) this.#titleFrom = this.#depth
    if (WITHOUT_TEXT.has(name) || isHidden(attributes) || name === 'title') {
      this.#silentFrom = this.#depth
      return
    }
    this.#start(name, attributes)
  }

  close(name: string): void {
    if (this.#titleFrom === this.#depth) {
      this.#title = cleanLine(this.#titleText, MAX_TITLE_CHARS)
      this.#titleFrom = 0
    }
    if (this.#silentFrom === 0) this.#end(name)
    if (this.#silentFrom === this.#depth) this.#silentFrom = 0
    this.#depth -= 1
  }

  text(text: string): void {
    if (this.#titleFrom > 0 && this.#titleText.length < MAX_TITLE_CHARS) this.#titleText += text
    if (this.#silentFrom === 0) this.#outline.write(text)
  }

  page(): HtmlPage {
    return { text: this.#outline.text(), title: this.#title, language: this.#language }
  }

  #start(name: string, attributes: Attributes): void {
    const outline = this.#outline
    if (/^h[1-6]$/.test(name)) outline.startHeading(Number(name[1]))
    else if (name === 'br') outline.breakLine()
    else if (name === 'pre') outline.startCode()
    else if (name === 'table') outline.startTable()
    else if (name === 'tr') outline.startRow()
    else if (name === 'td' || name === 'th') outline.startCell()
    else if (LISTS.has(name)) this.#startList(name === 'ol', attributes)
    else if (name === 'li') this.#startItem()
    else if (BLOCKS.has(name)) outline.endBlock()
  }

  #startList(ordered: boolean, attributes: Attributes): void {
    this.#outline.endBlock()
    this.#lists.push({ ordered, next: startOf(attributes) })
  }

  #startItem(): void {
    const list = this.#lists.at(-1)
    this.#outline.startItem(
      Math.max(0, this.#lists.length - 1),
      list?.ordered === true ? `${list.next}.` : '-',
    )
    if (list !== undefined) list.next += 1
  }

  #end(name: string): void {
    const outline = this.#outline
    if (name === 'td' || name === 'th') outline.endCell()
    else if (name === 'table') outline.endTable()
    else if (/^(?:h[1-6]|pre|li)$/.test(name) || BLOCKS.has(name)) outline.endBlock()
    else if (LISTS.has(name)) {
      outline.endBlock()
      this.#lists.pop()
    }
  }
}

function isHidden(attributes: Attributes): boolean {
  if (Object.hasOwn(attributes, 'hidden') || attributes['aria-hidden'] === 'true') return true
  return HIDING_STYLE.test(attributes.style ?? '')
}

function startOf(attributes: Attributes): number {
  const start = Number.parseInt(attributes.start ?? '1', 10)
  return Number.isSafeInteger(start) && Math.abs(start) < 1e6 ? start : 1
}
