/** What is said to whoever asks for a label that is on its way already. */

import type { PromotionRow } from './store.ts'

/** `live` null is one that has ended since. */
export function underWay(
  { route, label }: Pick<PromotionRow, 'route' | 'label'>,
  live: PromotionRow | null,
): string {
  const which = live === null ? 'Another promotion' : `Promotion ${live.id} (${live.state})`
  const said = `${which} of "${route}@${label}" is under way, and there is one at a time.`
  if (live === null) return `${said} Ask again.`
  const end =
    live.state === 'canary' ? `aval rollback ${route} --label ${label}` : `aval promotion withdraw ${live.id}`
  return `${said} See it: aval promotion show ${live.id}; end it: ${end}.`
}
