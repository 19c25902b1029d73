/** What a release is made of: every ingredient by name, version and hash, so that its own hash stands for all of them. */

import { isJsonObject, type JsonObject } from '../../lib/json.ts'
import { type Content, contentOf } from '../content.ts'
import type { RetrievalSettings } from './retrieval-settings.ts'

/** A version as a release pins it. Numbers are for people, the hash is what was meant. */
export type VersionRef = { name: string; version: number; hash: string }

export type ReleaseTarget = { model: VersionRef; weight: number | null }

/** The index that a question is asked of, and how. */
export type ReleaseIndex = {
  version: VersionRef
  /** The variable that is the question; null is the caller's last message. */
  question: string | null
  retrieval: RetrievalSettings
}

export type ReleaseContent = {
  route: string
  /** Null for a route that passes the caller's messages through. */
  prompt: VersionRef | null
  /** Absent for a release without one, so that it changes no hash of theirs. */
  index?: ReleaseIndex
  /** In order of preference, or all of them with a weight. */
  targets: readonly ReleaseTarget[]
  /** Members of the request that the release decides, whatever the caller sends. */
  parameters: JsonObject
  /** Further attempts after every target has been tried once. */
  retries: number
}

export function releaseContent(release: ReleaseContent): Content {
  return contentOf(release)
}

/** Reads what `releaseContent` wrote. Throws RangeError for anything else: somebody changed it. */
export function parseRelease(text: string): ReleaseContent {
  const value: unknown = JSON.parse(text)
  if (!isJsonObject(value as never) || !Array.isArray((value as ReleaseContent).targets)) {
    throw new RangeError('This text is not the content of a release.')
  }
  return value as ReleaseContent
}

/** `support-answer@14`, `gpt-4o-mini@3`, or a name alone for the newest version; null for anything else. */
export function parseVersionRef(text: string): { name: string; version: number | null } | null {
  const match = /^([a-z0-9][a-z0-9._-]{0,62})(?:@(\d{1,9}))?$/.exec(text)
  if (match === null) return null
  const version = match[2] === undefined ? null : Number(match[2])
  return version === 0 ? null : { name: match[1] ?? '', version }
}

/** `r12` as 12; null for anything else. */
export function parseReleaseNumber(text: string): number | null {
  const match = /^r([1-9]\d{0,8})$/.exec(text)
  return match === null ? null : Number(match[1])
}

export function refText({ name, version }: Pick<VersionRef, 'name' | 'version'>): string {
  return `${name}@${version}`
}

/** Names a version among those of all projects. */
export function versionKey(projectId: string, ref: Pick<VersionRef, 'name' | 'version'>): string {
  return `${projectId} ${refText(ref)}`
}
