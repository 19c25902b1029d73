/** The small parts of a DOCX: where its main part is, what its styles and lists mean, what it says about itself. */

import { Parser } from 'htmlparser2'
import { DocumentError } from './document-error.ts'
import type { ZipParts } from './docx-zip.ts'
import { MAX_ELEMENT_DEPTH } from './limits.ts'

export type XmlAttributes = Readonly<Record<string, string>>
export type XmlHandler = {
  open(name: string, attributes: XmlAttributes): void
  close?(name: string): void
  text?(text: string): void
}

/** A style: the level of heading that it makes, whether it hides its text, and its list. */
export type DocxStyle = { level: number | null; hidden: boolean; numberingId: string | null }
/** Numbering id and depth -> whether items are counted or have a bullet. */
export type DocxLists = ReadonlyMap<string, 'bullet' | 'number'>

/** Reads a part as XML without entities of its own: a declaration of them is passed over, so none can multiply. */
export async function readXml(zip: ZipParts, name: string, handler: XmlHandler): Promise<void> {
  let depth = 0
  let decoder: InstanceType<typeof TextDecoder> | null = null
  const parser = new Parser(
    {
      onopentag(tag, attributes) {
        depth += 1
        if (depth > MAX_ELEMENT_DEPTH)
          throw new DocumentError(
            'broken',
            `The DOCX nests more than ${MAX_ELEMENT_DEPTH} elements. Save it flatter or as text.`,
          )
        handler.open(tag, attributes)
      },
      onclosetag(tag) {
        depth -= 1
        handler.close?.(tag)
      },
      ontext: (text) => handler.text?.(text),
    },
    { xmlMode: true },
  )
  for await (const piece of zip.read(name)) {
    decoder ??= new TextDecoder(encodingOf(piece))
    parser.write(decoder.decode(piece, { stream: true }))
  }
  parser.end(decoder?.decode())
}

/** XML is UTF-8 unless it begins with a UTF-16 mark (XML 1.0, appendix F). */
function encodingOf(head: Buffer): string {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le'
  return head[0] === 0xfe && head[1] === 0xff ? 'utf-16be' : 'utf-8'
}

const MAIN_PART = 'word/document.xml'

/** The part with the document's text; some writers number it. */
export async function findMainPart(zip: ZipParts): Promise<string> {
  let found = MAIN_PART
  await readXml(zip, '_rels/.rels', {
    open(name, { Type: type = '', Target: target = '' }) {
      if (name === 'Relationship' && type.endsWith('/officeDocument')) found = target.replace(/^\//, '')
    },
  })
  if (zip.has(found)) return found
  throw new DocumentError('broken', 'The file is a ZIP archive and no DOCX. Save the document as .docx.')
}

const MAX_BASED_ON = 20
/** Of lists, as the format has them. */
export const LIST_DEPTHS = 9
type RawStyle = DocxStyle & { basedOn: string | null }

/** Styles by id, with what they take from the styles that they are based on. */
export async function readStyles(
  zip: ZipParts,
): Promise<{ styles: ReadonlyMap<string, DocxStyle>; language: string | null }> {
  const raw = new Map<string, RawStyle>()
  let language: string | null = null
  let style: RawStyle | null = null
  await readXml(zip, 'word/styles.xml', {
    open(name, attributes) {
      const value = attributes['w:val'] ?? ''
      if (name === 'w:style') {
        style = { level: null, hidden: false, numberingId: null, basedOn: null }
        raw.set(attributes['w:styleId'] ?? '', style)
      } else if (name === 'w:lang' && style === null) language ??= value
      else if (style === null) return
      else if (name === 'w:name') style.level ??= levelOfName(value)
      else if (name === 'w:outlineLvl') style.level = levelOfOutline(value)
      else if (name === 'w:basedOn') style.basedOn = value
      else if (name === 'w:numId') style.numberingId = value
      else if (name === 'w:vanish') style.hidden = isOn(attributes)
    },
    close(name) {
      if (name === 'w:style') style = null
    },
  })
  const styles = new Map([...raw.keys()].map((id) => [id, inherit(raw, id)]))
  return { styles, language }
}

function inherit(raw: ReadonlyMap<string, RawStyle>, id: string): DocxStyle {
  const style: DocxStyle = { level: null, hidden: false, numberingId: null }
  let at: string | null = id
  for (let step = 0; step < MAX_BASED_ON && at !== null; step += 1) {
    const base: RawStyle | undefined = raw.get(at)
    style.level ??= base?.level ?? null
    style.numberingId ??= base?.numberingId ?? null
    style.hidden ||= base?.hidden ?? false
    at = base?.basedOn ?? null
  }
  return style
}

function levelOfName(name: string): number | null {
  if (/^title$/i.test(name)) return 1
  const level = /^heading ([1-9])$/i.exec(name)?.[1]
  return level === undefined ? null : Number(level)
}

/** Outline levels count from 0; 9 is body text. */
export function levelOfOutline(value: string): number | null {
  return /^[0-8]$/.test(value) ? Number(value) + 1 : null
}

/** A switch of WordprocessingML: on when it stands there, unless it says off. */
export function isOn(attributes: XmlAttributes): boolean {
  return !/^(?:0|false|off)$/.test(attributes['w:val'] ?? '')
}

/** `<numbering id>/<depth>` -> bullet or number. */
export async function readLists(zip: ZipParts): Promise<DocxLists> {
  const formats = new Map<string, 'bullet' | 'number'>()
  const lists = new Map<string, 'bullet' | 'number'>()
  const at = { definition: '', depth: '', list: '' }
  const useDefinition = (id: string): void => {
    for (let depth = 0; depth < LIST_DEPTHS; depth += 1) {
      const format = formats.get(`${id}/${depth}`)
      if (format !== undefined) lists.set(`${at.list}/${depth}`, format)
    }
  }
  await readXml(zip, 'word/numbering.xml', {
    open(name, attributes) {
      const value = attributes['w:val'] ?? ''
      if (name === 'w:abstractNum') at.definition = attributes['w:abstractNumId'] ?? ''
      else if (name === 'w:lvl') at.depth = attributes['w:ilvl'] ?? ''
      else if (name === 'w:num') at.list = attributes['w:numId'] ?? ''
      else if (name === 'w:abstractNumId') useDefinition(value)
      else if (name === 'w:numFmt')
        formats.set(`${at.definition}/${at.depth}`, value === 'bullet' ? 'bullet' : 'number')
    },
  })
  return lists
}

/** Title and language as the document's properties have them. */
export async function readProperties(zip: ZipParts): Promise<{ title: string; language: string }> {
  const found = { title: '', language: '' }
  let inside: 'title' | 'language' | null = null
  await readXml(zip, 'docProps/core.xml', {
    open(name) {
      inside = name === 'dc:title' ? 'title' : name === 'dc:language' ? 'language' : null
    },
    close() {
      inside = null
    },
    text(text) {
      if (inside !== null && found[inside].length < 4000) found[inside] += text
    },
  })
  return found
}
