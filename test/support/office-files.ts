/** Writes small PDF and DOCX files, byte by byte, so that tests say what is in them and can break one thing at a time. */

import { crc32, deflateRawSync, deflateSync } from 'node:zlib'

export type ZipEntry = {
  name: string
  content: Buffer
  /** What the directory says in place of the truth. */
  declaredSize?: number
  encrypted?: boolean
}

const u16 = (value: number): Buffer => Buffer.from([value & 255, value >> 8])
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

export function zipOf(entries: readonly ZipEntry[]): Buffer {
  const files: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const { name, content, declaredSize = content.length, encrypted = false } of entries) {
    const packed = deflateRawSync(content)
    const common = Buffer.concat([
      u16(20),
      u16(encrypted ? 1 : 0),
      u16(8),
      u32(0),
      u32(crc32(content)),
      u32(packed.length),
      u32(declaredSize),
      u16(name.length),
      u16(0),
    ])
    const file = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), packed])
    files.push(file)
    directory.push(
      Buffer.concat([
        Buffer.from('PK\x01\x02'),
        u16(20),
        common,
        u16(0),
        u16(0),
        u16(0),
        u32(0),
        u32(offset),
        Buffer.from(name),
      ]),
    )
    offset += file.length
  }
  const index = Buffer.concat(directory)
  const end = [
    u16(0),
    u16(0),
    u16(entries.length),
    u16(entries.length),
    u32(index.length),
    u32(offset),
    u16(0),
  ]
  return Buffer.concat([...files, index, Buffer.from('PK\x05\x06'), ...end])
}

const W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'

/** A DOCX with this body; `parts` are further XML parts by name, and may replace the usual ones. */
export function docxOf(body: string, parts: Readonly<Record<string, string>> = {}): Buffer {
  const all: Record<string, string> = {
    '_rels/.rels':
      '<Relationships><Relationship Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>',
    'word/document.xml': `<?xml version="1.0" encoding="UTF-8"?><w:document ${W}><w:body>${body}</w:body></w:document>`,
    ...parts,
  }
  return zipOf(Object.entries(all).map(([name, xml]) => ({ name, content: Buffer.from(xml) })))
}

export function paragraph(text: string, properties = ''): string {
  return `<w:p><w:pPr>${properties}</w:pPr><w:r><w:t xml:space="preserve">${text}</w:t></w:r></w:p>`
}

const HELVETICA = '<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>'

/** A PDF with one page for each content stream; `font` is the object of its one font. */
export function pdfOf(contents: readonly (string | Buffer)[], trailer = '', font = HELVETICA): Buffer {
  const parts: Buffer[] = [Buffer.from('%PDF-1.4\n')]
  const offsets: number[] = []
  let size = parts[0]?.length ?? 0
  const write = (text: string | Buffer): void => {
    const bytes = Buffer.from(text)
    parts.push(bytes)
    size += bytes.length
  }
  const object = (head: string, stream?: Buffer): void => {
    offsets.push(size)
    write(`${offsets.length} 0 obj\n${head}\n`)
    if (stream !== undefined) {
      write('stream\n')
      write(stream)
      write('\nendstream\n')
    }
    write('endobj\n')
  }
  const kids = contents.map((_, at) => `${5 + 2 * at} 0 R`).join(' ')
  object('<</Type/Catalog/Pages 2 0 R/Lang(en-GB)>>')
  object(`<</Type/Pages/Kids[${kids}]/Count ${contents.length}>>`)
  object(font)
  object('<</Title(A small document)>>')
  contents.forEach((content, at) => {
    const packed = deflateSync(content)
    object(
      `<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents ${6 + 2 * at} 0 R/Resources<</Font<</F1 3 0 R>>>>>>`,
    )
    object(`<</Length ${packed.length}/Filter/FlateDecode>>`, packed)
  })
  const table = size
  write(`xref\n0 ${offsets.length + 1}\n0000000000 65535 f \n`)
  for (const offset of offsets) write(`${String(offset).padStart(10, '0')} 00000 n \n`)
  write(
    `trailer\n<</Size ${offsets.length + 1}/Root 1 0 R/Info 4 0 R${trailer}>>\nstartxref\n${table}\n%%EOF\n`,
  )
  return Buffer.concat(parts)
}

/** A page's content: each text on a line of its own, `gap` points below the last. */
export function pdfLines(lines: readonly { text: string; gap?: number }[]): string {
  const shown = lines.map(({ text, gap = 14 }) => `0 -${gap} Td (${text}) Tj`)
  return `BT /F1 12 Tf 72 750 Td ${shown.join(' ')} ET`
}
