/** Why a sampled request was not judged. One table, for rows, the wire and people. */

/** As it is told. */
export const SKIP_REASONS = {
  unsupported_operation: 'no chat, completion or response',
  no_answer: 'it was not answered',
  too_large: 'its bodies are larger than a scorer is given',
  erased: 'its bodies were erased',
  unreadable: 'its bodies do not open: aval audit verify says more',
  redacted: 'values were taken out of its bodies before they were kept',
  cut: 'its bodies were kept in part',
  not_text: 'its bodies are no text that this version reads',
  asks_nothing: 'asks nothing in words',
  contexts_gone: 'the version of the index that it was answered from was dropped',
  budget_spent: 'the budget of the order is spent',
} as const
export type SkipReason = keyof typeof SKIP_REASONS
export type Skip = { skip: SkipReason }
