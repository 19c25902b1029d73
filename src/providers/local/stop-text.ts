/** Stop strings over streamed text: nothing of a stop string is ever let out, wherever the pieces break. */

export type StopText = {
  /** Takes the next piece; returns what may be shown now. After a stop was found it returns nothing. */
  push(piece: string): string
  /** The stream is over: whatever was held back. */
  flush(): string
  readonly stopped: boolean
}

/** At most four strings, as the OpenAI API allows; empty strings never match. */
export function createStopText(stops: readonly string[]): StopText {
  const wanted = stops.filter((stop) => stop !== '')
  const longest = Math.max(0, ...wanted.map((stop) => stop.length))
  let held = ''
  let stopped = false
  return {
    get stopped() {
      return stopped
    },
    push(piece) {
      if (stopped) return ''
      held += piece
      const found = wanted.map((stop) => held.indexOf(stop)).filter((at) => at >= 0)
      if (found.length > 0) {
        stopped = true
        const shown = held.slice(0, Math.min(...found))
        held = ''
        return shown
      }
      const keep = tailLength(held, wanted, longest)
      const shown = held.slice(0, held.length - keep)
      held = held.slice(held.length - keep)
      return shown
    },
    flush() {
      const rest = held
      held = ''
      return rest
    },
  }
}

/** Length of the longest end of `text` that begins one of the stop strings. */
function tailLength(text: string, stops: readonly string[], longest: number): number {
  for (let length = Math.min(longest - 1, text.length); length > 0; length -= 1) {
    if (stops.some((stop) => stop.startsWith(text.slice(text.length - length)))) return length
  }
  return 0
}
