/**
 * A DOCX -> its text as Markdown: headings by style and outline level, lists, tables, foot- and endnotes. Macros,
 * pictures, comments, deleted and hidden text are left out; nothing that the document points to is fetched.
 */

import { cleanLanguage, cleanLine } from './clean-text.ts'
import {
  type DocxLists,
  type DocxStyle,
  findMainPart,
  isOn,
  LIST_DEPTHS,
  levelOfOutline,
  readLists,
  readProperties,
  readStyles,
  readXml,
  type XmlAttributes,
} from './docx-parts.ts'
import { openZip } from './docx-zip.ts'
import { MAX_TITLE_CHARS } from './limits.ts'
import { Outline } from './outline.ts'

/** `mc:Fallback` says again, for older readers, what stands before it. */
const LEFT_OUT = new Set(['w:del', 'w:moveFrom', 'mc:Fallback', 'w:sectPr', 'w:pPrChange', 'w:rPrChange'])

/** Throws DocumentError. */
export async function readDocx(
  bytes: Buffer,
): Promise<{ text: string; title: string | null; language: string | null }> {
  const zip = await openZip(bytes)
  const main = await findMainPart(zip)
  const { styles, language } = await readStyles(zip)
  const lists = await readLists(zip)
  const properties = await readProperties(zip)
  const body = new DocxBody(styles, lists)
  const folder = main.slice(0, main.lastIndexOf('/') + 1)
  for (const part of [main, `${folder}footnotes.xml`, `${folder}endnotes.xml`]) await readXml(zip, part, body)
  return {
    text: body.result(),
    title: cleanLine(properties.title, MAX_TITLE_CHARS),
    language: cleanLanguage(properties.language) ?? cleanLanguage(language),
  }
}

type Paragraph = { styleId: string; level: number | null; numberingId: string | null; depth: number }

class DocxBody {
  readonly #outline = new Outline()
  readonly #styles: ReadonlyMap<string, DocxStyle>
  readonly #lists: DocxLists
  readonly #counters = new Map<string, number>()
  #paragraph = newParagraph()
  #inProperties = false
  #inText = false
  #hiddenRun = false
  /** How many of LEFT_OUT are open. */
  #leftOut = 0

  constructor(styles: ReadonlyMap<string, DocxStyle>, lists: DocxLists) {
    this.#styles = styles
    this.#lists = lists
  }

  /** Everything read so far. */
  result(): string {
    return this.#outline.text()
  }

  open(name: string, attributes: XmlAttributes): void {
    if (LEFT_OUT.has(name)) this.#leftOut += 1
    if (this.#leftOut > 0) return
    if (this.#inProperties) this.#readProperty(name, attributes)
    else this.#start(name, attributes)
  }

  close(name: string): void {
    if (LEFT_OUT.has(name)) this.#leftOut -= 1
    if (this.#leftOut > 0) return
    if (name === 'w:t' || name === 'm:t') this.#inText = false
    else if (name === 'w:r') this.#hiddenRun = false
    else if (name === 'w:pPr') this.#shapeParagraph()
    else if (name === 'w:p') this.#outline.endBlock()
    else if (name === 'w:tc') this.#outline.endCell()
    else if (name === 'w:tbl') this.#outline.endTable()
  }

  text(text: string): void {
    if (this.#inText && !this.#hiddenRun && this.#leftOut === 0) this.#outline.write(text)
  }

  #start(name: string, attributes: XmlAttributes): void {
    const outline = this.#outline
    if (name === 'w:t' || name === 'm:t') this.#inText = true
    else if (name === 'w:p') outline.endBlock()
    else if (name === 'w:pPr') {
      this.#inProperties = true
      this.#paragraph = newParagraph()
    } else if (name === 'w:r') this.#hiddenRun = false
    else if (name === 'w:vanish') this.#hiddenRun ||= isOn(attributes)
    else if (name === 'w:rStyle')
      this.#hiddenRun ||= this.#styles.get(attributes['w:val'] ?? '')?.hidden === true
    else if (name === 'w:tbl') outline.startTable()
    else if (name === 'w:tr') outline.startRow()
    else if (name === 'w:tc') outline.startCell()
    else if (name === 'w:tab') outline.write(' ')
    else if (name === 'w:noBreakHyphen') outline.write('-')
    else if (name === 'w:br' || name === 'w:cr') outline.breakLine()
  }

  #readProperty(name: string, attributes: XmlAttributes): void {
    const value = attributes['w:val'] ?? ''
    if (name === 'w:pStyle') this.#paragraph.styleId = value
    else if (name === 'w:outlineLvl') this.#paragraph.level = levelOfOutline(value)
    else if (name === 'w:numId') this.#paragraph.numberingId = value
    else if (name === 'w:ilvl' && /^[0-8]$/.test(value)) this.#paragraph.depth = Number(value)
  }

  #shapeParagraph(): void {
    this.#inProperties = false
    const { styleId, level, numberingId, depth } = this.#paragraph
    const style = this.#styles.get(styleId)
    const heading = level ?? style?.level ?? null
    const list = numberingId ?? style?.numberingId ?? null
    if (heading !== null) this.#outline.startHeading(heading)
    // List 0 takes a paragraph out of the list of its style.
    else if (list !== null && list !== '0') this.#outline.startItem(depth, this.#markerOf(list, depth))
  }

  #markerOf(list: string, depth: number): string {
    if (this.#lists.get(`${list}/${depth}`) !== 'number') return '-'
    const next = (this.#counters.get(`${list}/${depth}`) ?? 0) + 1
    this.#counters.set(`${list}/${depth}`, next)
    for (let deeper = depth + 1; deeper < LIST_DEPTHS; deeper += 1) this.#counters.delete(`${list}/${deeper}`)
    return `${next}.`
  }
}

function newParagraph(): Paragraph {
  return { styleId: '', level: null, numberingId: null, depth: 0 }
}
