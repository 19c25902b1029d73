/** What a judge is told whose answer could not be read; the mistake follows it. */

import type { JudgeText } from './judge-prompt.ts'

export const REPAIR: JudgeText = {
  name: 'repair',
  version: 1,
  text: `Your answer could not be read by a program. Give it again, judged as before, as one JSON object of the form asked for and nothing else. What is wrong with it:`,
}
