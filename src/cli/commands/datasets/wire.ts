/** Datasets as `/api` answers them. */

import type { DatasetItem } from '../../datasets.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import type { Page } from '../../list.ts'

export type DatasetVersion = {
  id: string
  name: string
  version: number
  hash: string
  items: number
  item_schema: object | null
  description: string | null
  created_at: string
  created_by: string
  created_by_name: string | null
}
export type PushedDataset = DatasetVersion & { created: boolean }
export type ItemsPage = Page<{ position: number; id: string; hash: string; item: DatasetItem }>

export function refOf({ name, version }: Pick<DatasetVersion, 'name' | 'version'>): string {
  return `${name}@${version}`
}

/** The path of `returns@3`, or of the newest version for `returns`. Throws CliError. */
export function datasetPath(text: string): string {
  const [, name = '', version = 'newest'] = /^([a-z0-9][a-z0-9-]{0,62})(?:@([1-9]\d{0,8}))?$/.exec(text) ?? []
  if (name !== '') return `/api/datasets/${name}/versions/${version}`
  throw new CliError(
    EXIT.usage,
    `"${text.slice(0, 80)}" names no dataset. Write returns@3, or returns for its newest version.`,
  )
}

export function isDatasetName(text: string): boolean {
  return /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(text)
}
