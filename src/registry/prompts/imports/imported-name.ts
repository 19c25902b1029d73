/** What a prompt of another product is called here: `Folder/Event Planner` is `folder-event-planner`. */

const MAX_LETTERS = 63
/** Longer than any name that means something. */
const MAX_GIVEN = 500

/**
 * A name of a prompt, which is a file's name too; null for one that would lead out of a folder and for one without a
 * letter or digit.
 */
export function importedName(given: string): string | null {
  if (given.length > MAX_GIVEN || leadsOut(given)) return null
  const name = given
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-/, '')
    .slice(0, MAX_LETTERS)
    .replace(/-$/, '')
  return name === '' ? null : name
}

function leadsOut(given: string): boolean {
  return /^[/\\~]|^[A-Za-z]:[/\\]|\0/.test(given) || given.split(/[/\\]/).includes('..')
}
