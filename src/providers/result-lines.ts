/** Lines of a file of results. One that is too long to be an answer is passed over, and the others behind it are still read. */

const LF = 0x0a

/** Without their line feeds; null for a line of more than `maxBytes`, of which no more than that is held. Empty lines are none. */
export async function* resultLines(
  chunks: AsyncIterable<Buffer>,
  maxBytes: number,
): AsyncGenerator<Buffer | null> {
  let held: Buffer[] = []
  let heldBytes = 0
  const take = (): Buffer | null => {
    const line = heldBytes > maxBytes ? null : Buffer.concat(held)
    held = []
    heldBytes = 0
    return line
  }
  const hold = (piece: Buffer) => {
    heldBytes += piece.length
    if (heldBytes > maxBytes) held = []
    else if (piece.length > 0) held.push(piece)
  }
  for await (const chunk of chunks) {
    let from = 0
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, from)) {
      hold(chunk.subarray(from, end))
      from = end + 1
      if (heldBytes > 0) yield take()
    }
    hold(chunk.subarray(from))
  }
  if (heldBytes > 0) yield take()
}
