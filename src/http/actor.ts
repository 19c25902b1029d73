/** A key as the rooms see who acts. */

import type { VirtualKey } from '../keys/key.ts'
import { personOf } from '../keys/person.ts'
import type { Actor } from '../registry/actor.ts'

export function actorOf(key: VirtualKey): Actor {
  return { id: key.id, name: key.name, projectId: key.projectId, person: personOf(key) }
}
