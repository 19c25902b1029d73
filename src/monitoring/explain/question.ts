/** What is asked of a change. Types alone. */

import type { Subject } from '../alerts/alert.ts'
import type { Span } from './baseline.ts'

export type Traffic = { projectId: string; subject: Subject }

/** `before` null: what is usual is chosen, the same length right before or the same hours a week before. */
export type Question = Traffic & { metric: string; beganAtMs: number; before: Span | null; after: Span }
