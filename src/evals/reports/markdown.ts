/**
 * A report as a comment on a pull request: GitHub's Markdown, the verdict first. No name, reason or output of others can become
 * markup, a link or a mention. Pure.
 */

import { printable, printableLine } from '../../lib/printable.ts'
import type { ScorerVerdict } from '../runs/verdict.ts'
import { forestsOf } from './forest.ts'
import { forestKey, forestLines } from './forest-text.ts'
import type { ItemAnswer, ItemChange, ItemComparison } from './items.ts'
import { escapeMarkup } from './markup.ts'
import { demandText, differenceText, estimateText, probabilityText, valueText } from './numbers.ts'
import { counted, factsOf, outcomeText, type Report } from './report.ts'

/** GitHub takes 65,536 characters in a comment; with these bounds the worst report stays below. */
const MAX_REASONS = 20
const MAX_REASON_CHARS = 240
const MAX_ITEMS = 10
const MAX_ITEM_SCORES = 5
const MAX_OUTPUT_CHARS = 300
const MAX_NAME_CHARS = 80
const PLOT_WIDTH = 100
