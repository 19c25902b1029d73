/** placeholder until merged */
export type Span = { start: number; end: number }
export type TopLevelScan = { depth: number; entries: ReadonlyMap<string, Span>; duplicate: string | null }
const QUOTE = 34
const BACKSLASH = 92
export function scanTopLevel(bytes: Buffer, maxDepth: number): TopLevelScan {
  const entries = new Map<string, Span>()
  let duplicate: string | null = null
  let depth = 0
  let deepest = 0
  let key: string | null = null
  let valueFrom = -1
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0
    if (byte === QUOTE) {
      const from = at
      at += 1
      while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1
      if (depth === 1 && key === null) {
        try {
          key = JSON.parse(bytes.toString('utf8', from, at + 1)) as string
        } catch {
          key = ''
        }
        valueFrom = -1
      } else if (depth === 1 && valueFrom < 0) valueFrom = from
      continue
    }
    if (byte === 123 || byte === 91) {
      if (depth === 1 && valueFrom < 0) valueFrom = at
      depth += 1
      if (depth > deepest) deepest = depth
      if (deepest > maxDepth) break
    } else if (byte === 125 || byte === 93 || (byte === 44 && depth === 1)) {
      if (byte !== 44) depth -= 1
      if ((byte === 44 || depth === 0) && key !== null && valueFrom >= 0) {
        let end = at
        while (end > valueFrom && (bytes[end - 1] ?? 0) <= 32) end -= 1
        if (entries.has(key)) duplicate ??= key
        entries.set(key, { start: valueFrom, end })
        key = null
      }
    } else if (depth === 1 && key !== null && valueFrom < 0 && byte > 32 && byte !== 58) valueFrom = at
  }
  return { depth: deepest, entries, duplicate }
}
