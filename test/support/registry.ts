/** Versions put straight into the tables, for tests of what rests on them. */
import type { Db } from '../../src/db/client.ts'
import { modelVersions, promptVersions } from '../../src/db/version-tables.ts'
import { newId } from '../../src/lib/ids.ts'
import { contentOf } from '../../src/registry/content.ts'
import type { NewRelease } from '../../src/registry/releases/create.ts'

export const AUTHOR = { id: 'vk_author', name: 'ada', projectId: 'prj_default', person: 'ada@example.com' }

/** A release with nothing said about it. */
export const NOTHING: Omit<NewRelease, 'route'> = {
  from: null,
  prompt: null,
  models: null,
  parameters: null,
  retries: null,
  index: null,
  retrieval: null,
}

type Seed = { projectId?: string; name: string; version?: number; content: object }

/** `content` as a model file says it. */
export async function seedModel(db: Db, { projectId, name, version, content }: Seed): Promise<void> {
  await db.insert(modelVersions).values(rowOf('mv', { projectId, name, version, content }))
}

/** `content` as a prompt file says it, without its tests. */
export async function seedPrompt(db: Db, { projectId, name, version, content }: Seed): Promise<void> {
  await db.insert(promptVersions).values(rowOf('pv', { projectId, name, version, content }))
}

function rowOf(
  kind: 'mv' | 'pv',
  {
    projectId = AUTHOR.projectId,
    name,
    version = 1,
    content,
  }: {
    projectId?: string | undefined
    name: string
    version?: number | undefined
    content: object
  },
) {
  const { text, hash } = contentOf(content)
  return {
    id: newId(kind, Date.now()),
    projectId,
    name,
    version,
    hash,
    content: text,
    createdBy: AUTHOR.id,
    createdByName: AUTHOR.name,
    createdAt: new Date(),
  }
}
