/** A bar on a terminal; in a log a line every tenth. */

import { SingleBar } from 'cli-progress'
import type { Terminal } from '../terminal.ts'

export type Progress = { done: (count: number) => void; end: () => void }

export function replayProgress(terminal: Terminal, total: number): Progress {
  if (!terminal.interactive) {
    let nextShare = 0.1
    return {
      done: (count) => {
        if (count < total && count / total < nextShare) return
        while (nextShare <= count / total) nextShare += 0.1
        terminal.writeError(`${count} of ${total} sent\n`)
      },
      end: () => undefined,
    }
  }
  const bar = new SingleBar({
    format: '{bar} {percentage} %  {value} of {total} sent  eta {eta_formatted}',
    stream: terminal.progressStream as NodeJS.WriteStream,
    hideCursor: true,
    barsize: 24,
  })
  bar.start(total, 0)
  return { done: (count) => bar.update(count), end: () => bar.stop() }
}
