/** Waits for a model in training, and says how it ended. */

import { printableLine } from '../../../lib/printable.ts'
import { type CliContext, writeJson } from '../../context.ts'
import { EXIT } from '../../exit-codes.ts'
import { type Look, startProgress } from '../../progress.ts'
import { waitUntil } from '../../wait.ts'
import { type FineTune, fineTunePath, fineTuneText, isOver, stateText } from './wire.ts'

const LOOK: Look = {
  bar: '{what}  {words}',
  line: ({ phase, words }) => `${phase}  ${words?.words ?? ''}`.trimEnd(),
}

/** 0 for a model that is there, 1 for one that is not. Throws CliError when waiting ends before the training. */
export async function waitForTuning(context: CliContext, id: string, json: boolean): Promise<number> {
  const progress = startProgress(context.terminal, LOOK, json)
  try {
    const ended = await waitUntil(context, {
      look: async () => {
        const one = await context.client.json<FineTune>({ method: 'GET', path: fineTunePath(id) })
        const what = stateText(one)
        const words = printableLine(one.error ?? one.said ?? '')
        progress.update({ done: 0, total: null, phase: what, words: { what, words } })
        return one
      },
      isOver,
      later: `aval finetune wait ${id}`,
    })
    progress.stop()
    if (json) writeJson(context, ended)
    else context.terminal.write(fineTuneText(context, ended))
    return ended.state === 'done' ? EXIT.done : EXIT.ours
  } finally {
    progress.stop()
  }
}
