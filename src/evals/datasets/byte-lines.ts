/** Lines of a stream of bytes, each within a bound, so that a file of any size is read in little memory. */

/** Why a file is not read on; the message is a sentence for people. */
export class DatasetFileError extends Error {
  override name = 'DatasetFileError'
}

type ByteLine = { number: number; bytes: Buffer }

const LF = 0x0a

/**
 * Lines from 1, without their line feed; the last needs none. Throws DatasetFileError with the line's number for one that
 * is longer than `maxBytes`, before it is held whole.
 */
export async function* byteLines(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<ByteLine> {
  let held: Uint8Array[] = []
  let heldBytes = 0
  let number = 1
  const hold = (piece: Uint8Array) => {
    heldBytes += piece.length
    if (heldBytes > maxBytes) {
      throw new DatasetFileError(`line ${number}: more than ${maxBytes} bytes, and one line is one item.`)
    }
    held.push(piece)
  }
  for await (const chunk of chunks) {
    let from = 0
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, from)) {
      hold(chunk.subarray(from, end))
      yield { number, bytes: Buffer.concat(held) }
      held = []
      heldBytes = 0
      number += 1
      from = end + 1
    }
    if (from < chunk.length) hold(chunk.subarray(from))
  }
  if (heldBytes > 0) yield { number, bytes: Buffer.concat(held) }
}
