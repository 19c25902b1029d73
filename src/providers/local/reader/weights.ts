/** Constants of the reader. */
export const SENTENCE_WEIGHTS: readonly number[] = [-4, 4, 2, 2, 0.5, 0.3, 1, 0]
export const ANSWER_WEIGHTS: readonly number[] = [0, 1, 0, 0, 0, 0]
export const ANSWER_THRESHOLD = 0.5
