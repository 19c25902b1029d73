/** Aval's own rows: the members of an item, or columns of a table named `metadata.team` for what lies in one. */

import { isJsonObject, type JsonObject, type JsonValue } from '../../../lib/json.ts'
import { itemShape } from '../item.ts'
import { type Format, idOf, jsonOf, type Mapped } from './draft.ts'

const MEMBERS = Object.keys(itemShape.shape)
/** Of these a cell holds JSON. Of all others a cell is a text, also one that looks like JSON. */
const JSON_COLUMNS = ['messages', 'variables', 'assertions', 'contexts', 'metadata', 'labels', 'source']
const GROUPS = ['variables', 'metadata', 'labels', 'source']

export const own: Format = {
  fits: (row) => Object.keys(row).some((name) => MEMBERS.includes(name.split('.', 1)[0] ?? '')),
  toItem: (row, isTable) => {
    if (isTable) return fromTable(row)
    return { draft: { ...row, ...idOf(row.id) } }
  },
}

function fromTable(row: JsonObject): Mapped {
  const draft: JsonObject = {}
  for (const [column, cell] of Object.entries(row)) {
    const [name = '', ...rest] = column.split('.')
    const member = rest.join('.')
    const value = cellValue(name, member, String(cell))
    if (value === undefined) return { problem: `column ${column.slice(0, 60)}: not valid JSON.` }
    const held = draft[name]
    if (member === '') draft[name] = value
    else if (GROUPS.includes(name)) draft[name] = { ...(isJsonObject(held) ? held : {}), [member]: value }
    else draft[column] = value
  }
  return { draft }
}

function cellValue(name: string, member: string, cell: string): JsonValue | undefined {
  if (member !== '') return name === 'labels' ? labelOf(cell) : cell
  if (name === 'contexts' && !cell.startsWith('[')) return [cell]
  return JSON_COLUMNS.includes(name) ? jsonOf(cell) : cell
}

/** Anything that is no number stays as it is, and is refused with its place. */
function labelOf(cell: string): JsonValue {
  if (cell === 'null') return null
  return cell.trim() === '' || Number.isNaN(Number(cell)) ? cell : Number(cell)
}
