/** What a document may at most be. Beyond a limit it is refused as a whole: half a document answers wrongly. */

const MIB = 1024 * 1024

/** Bytes of a file, before anything of it is read. */
export const MAX_FILE_BYTES = 64 * MIB
/** Characters of one document's text (UTF-16 units), about five thousand printed pages of them. */
export const MAX_TEXT_CHARS = 16 * MIB
/** Rows of a CSV or JSONL file, each a document. */
export const MAX_ROWS = 200_000
/** Characters of all rows together: a column's name is written once for each row. */
export const MAX_ROWS_CHARS = 128 * MIB
export const MAX_COLUMNS = 1000
export const MAX_PDF_PAGES = 5000
/** What a DOCX may inflate to, all parts together. Prose is packed to a tenth; a bomb to a thousandth. */
export const MAX_UNZIPPED_BYTES = 256 * MIB
export const MAX_ZIP_ENTRIES = 10_000
/** Open elements; browsers stop near 512, and each closing tag is looked up among the open ones. */
export const MAX_ELEMENT_DEPTH = 1000
/** A front matter, and a row's metadata as JSON. */
export const MAX_METADATA_CHARS = 64 * 1024
export const MAX_TITLE_CHARS = 500
export const MAX_KEY_CHARS = 500

/** `64 MiB` of a number of bytes, for errors. */
export function mebibytes(bytes: number): string {
  return `${Math.round((bytes / MIB) * 10) / 10} MiB`
}
