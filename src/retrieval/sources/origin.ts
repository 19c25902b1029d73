/** Where a source's files are: a folder on the worker's disk, or addresses that were given one by one. */

import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import { listFolder } from '../documents/folder.ts'
import { readStable } from '../documents/read-stable.ts'
import { type FolderSettings, folderSettings, type UrlsSettings, urlsSettings } from './settings.ts'
import type { SourceRow } from './store.ts'

export type OriginDeps = {
  /** Relative paths of folders start here. */
  directory: string
  /** The bytes at an address. Rejects with DocumentError. */
  fetchUrl: (url: string, signal: AbortSignal) => Promise<{ bytes: Buffer; mediaType: string | null }>
}
export type OriginFile = { key: string; bytes: number }
export type Origin = {
  files: readonly OriginFile[]
  /** Rejects with DocumentError for what cannot be read. */
  read(
    file: OriginFile,
    signal: AbortSignal,
  ): Promise<{ bytes: Buffer; digest: string; mediaType: string | null }>
}

/** Rejects with DocumentError for a folder that is not there. */
export async function openOrigin(deps: OriginDeps, source: SourceRow): Promise<Origin> {
  const settings: unknown = JSON.parse(source.settings)
  return source.kind === 'folder'
    ? await folderOrigin(deps, folderSettings.parse(settings))
    : urlsOrigin(deps, urlsSettings.parse(settings))
}

async function folderOrigin(deps: OriginDeps, { path, include, exclude }: FolderSettings): Promise<Origin> {
  const root = resolve(deps.directory, path)
  const found = await listFolder(root, { include, exclude })
  const paths = new Map(found.map((file) => [file.key, file.path]))
  return {
    files: found.map(({ key, sizeBytes }) => ({ key, bytes: sizeBytes })),
    read: async ({ key }) => ({
      ...(await readStable(paths.get(key) ?? resolve(root, key))),
      mediaType: null,
    }),
  }
}

function urlsOrigin({ fetchUrl }: OriginDeps, { urls }: UrlsSettings): Origin {
  return {
    files: [...new Set(urls)].map((key) => ({ key, bytes: 0 })),
    read: async ({ key }, signal) => {
      const { bytes, mediaType } = await fetchUrl(key, signal)
      return { bytes, digest: createHash('sha256').update(bytes).digest('hex'), mediaType }
    },
  }
}
