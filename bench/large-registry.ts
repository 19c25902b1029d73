/** A made-up registry of any number of routes, as plain data. Never writes it anywhere. */

import { contentOf } from '../src/registry/content.ts'
import { EMPTY_REGISTRY, type RegistryData } from '../src/registry/releases/registry-data.ts'

export const PROJECT = 'prj_default'

/** Each route with a prompt and a model of its own, two releases and a label with a canary. */
export function largeRegistry(routes: number): RegistryData {
  const prompts = []
  const models = []
  const releases = []
  const labels = []
  for (let route = 0; route < routes; route += 1) {
    const name = `route-${route}`
    const prompt = contentOf({
      messages: [
        { role: 'system', content: `Answer only from the sources. ${'Cite them. '.repeat(40)}` },
        { role: 'user', content: '{{question}}' },
      ],
      variables: { type: 'object', required: ['question'], properties: { question: { type: 'string' } } },
    })
    const model = contentOf({ upstream: 'up', model: name, parameters: { temperature: 0 } })
    prompts.push({ projectId: PROJECT, name, version: 1, hash: prompt.hash, content: prompt.text })
    models.push({ projectId: PROJECT, name, version: 1, hash: model.hash, content: model.text })
    for (const number of [1, 2]) {
      const content = contentOf({
        route: name,
        prompt: { name, version: 1, hash: prompt.hash },
        targets: [{ model: { name, version: 1, hash: model.hash }, weight: null }],
        parameters: { seed: number },
        retries: 2,
      })
      const id = `rel_${route}_${number}`
      releases.push({
        id,
        projectId: PROJECT,
        route: name,
        number,
        hash: content.hash,
        content: content.text,
      })
    }
    labels.push({
      projectId: PROJECT,
      route: name,
      label: 'production',
      releaseId: `rel_${route}_1`,
      canaryReleaseId: `rel_${route}_2`,
      canaryWeight: 500,
    })
  }
  return { ...EMPTY_REGISTRY, version: '1', prompts, models, releases, labels }
}
