import { eld } from 'eld/small'
import { describe, expect, test } from 'vitest'
import { LANGUAGES } from '../../../../src/evals/scorers/language.ts'
import { prepareScorer } from '../../../../src/evals/scorers/registry.ts'
import { judgeSample, scoreOf } from '../../../support/judge-sample.ts'

const GERMAN = 'Schuhe können innerhalb von dreißig Tagen zurückgegeben werden.'
const ENGLISH = 'Shoes may be returned within thirty days.'

describe('language', () => {
  test('is the one the suite asks for, or one of several', async () => {
    expect(await scoreOf('language', { value: 'de' }, { output: GERMAN })).toBe(1)
    expect(await scoreOf('language', { value: 'de-AT' }, { output: GERMAN })).toBe(1)
    expect(await scoreOf('language', { value: ['fr', 'de'] }, { output: GERMAN })).toBe(1)
    expect(await judgeSample('language', { value: 'de' }, { output: ENGLISH })).toMatchObject({
      value: 0,
      reason: 'The answer is in en, expected is de.',
    })
  })

  test('is that of the question where the suite asks for none', async () => {
    expect(
      await scoreOf('language', {}, { input: 'Wie lange kann ich Schuhe zurückgeben?', output: GERMAN }),
    ).toBe(1)
    expect(
      await scoreOf('language', {}, { input: 'Wie lange kann ich Schuhe zurückgeben?', output: ENGLISH }),
    ).toBe(0)
    expect(await scoreOf('language', {}, { input: '7 + 5', output: ENGLISH })).toBe('abstained')
  })

  test('abstains for what has none', async () => {
    expect(await scoreOf('language', { value: 'en' }, { output: '12,345.67' })).toBe('abstained')
    // One word, for which the detector guesses without being sure.
    expect(await scoreOf('language', { value: 'en' }, { output: 'ok' })).toBe('abstained')
  })

  test('refuses one it cannot tell, and knows exactly those of its detector', () => {
    expect(() => prepareScorer({ kind: 'language', settings: { value: 'la' } })).toThrow(/"la" is not one of/)
    expect(() => prepareScorer({ kind: 'language', settings: { value: 'nb' } })).not.toThrow()
    expect(LANGUAGES.toSorted()).toEqual(Object.values(eld.info().Languages).toSorted())
  })
})
