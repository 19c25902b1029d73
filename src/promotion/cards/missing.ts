/** What nobody has stated of a release, as sentences with the command or file that mends each. Pure. */

import type { ReleaseContent } from '../../registry/releases/release-content.ts'
import type { Card, CardIndex, CardModel } from './card.ts'

/** In the order of the card's sections; empty for a complete card. */
export function missingFrom(
  card: Pick<Card, 'route' | 'release' | 'purpose' | 'owner' | 'models' | 'data' | 'evaluation'>,
  { prompt, targets }: Pick<ReleaseContent, 'prompt' | 'targets'>,
): string[] {
  const { route, release, purpose, owner, models, data, evaluation } = card
  return [
    ...(purpose === null ? [ofPrompt('purpose', 'description', route, prompt)] : []),
    ...(owner === null ? [ofPrompt('owner', 'owner', route, prompt)] : []),
    ...models.flatMap((model, at) => licenceOf(model, route, targets, at)),
    ...(data.index === null ? [] : sourceLicence(data.index, route)),
    ...(evaluation === null
      ? [
          `No evidence: no policy has judged this release. Let the label's policy name suites (policies: in aval.yaml), then: aval promote ${route} ${release} --to <label>`,
        ]
      : []),
  ]
}

function ofPrompt(
  what: string,
  member: 'description' | 'owner',
  route: string,
  prompt: ReleaseContent['prompt'],
): string {
  if (prompt === null) {
    return `No ${what}: a prompt states it, and this release has none. aval release create ${route} --prompt <name>`
  }
  const { name } = prompt
  return `No ${what}: give prompts/${name}.yaml the member ${member}, then: aval prompt push ${name}; aval release create ${route} --prompt ${name}`
}

function licenceOf(
  { version, licence, training }: CardModel,
  route: string,
  targets: ReleaseContent['targets'],
  at: number,
): string[] {
  if (licence !== null) return []
  if (training !== undefined) {
    return [
      `No licence of model ${version}, which was trained here: the next one gets it by aval finetune create --licence`,
    ]
  }
  const name = targets[at]?.model.name ?? version
  // Naming one model would leave the others out.
  const all = targets.map(({ model, weight }) => (weight === null ? model.name : `${model.name}=${weight}`))
  return [
    `No licence of model ${version}: give model-versions/${name}.yaml the member licence, then: aval model push ${name}; aval release create ${route} --model ${all.join(' ')}`,
  ]
}

function sourceLicence({ source, version, documents, licences }: CardIndex, route: string): string[] {
  const unknown = licences.find(({ value }) => value === null)?.count ?? 0
  if (licences.length > 0 && unknown === 0) return []
  const of = licences.length === 0 ? `${documents}` : `${unknown} of ${documents}`
  const [index = version] = version.split('@')
  return [
    `No licence of ${of} documents of the source ${source}: state license under sources.${source} in aval.yaml, then: aval source sync ${source} --wait; aval index build ${index} --source ${source}; aval release create ${route} --index ${index}`,
  ]
}
