/** From a language tag to the text search configuration of PostgreSQL that knows its stems and stop words. */

/** By ISO 639-1; `simple` splits and lower-cases, and holds for every other language. */
const CONFIGURATIONS: Readonly<Record<string, string>> = {
  ar: 'arabic',
  ca: 'catalan',
  da: 'danish',
  de: 'german',
  el: 'greek',
  en: 'english',
  es: 'spanish',
  eu: 'basque',
  fi: 'finnish',
  fr: 'french',
  ga: 'irish',
  hi: 'hindi',
  hu: 'hungarian',
  hy: 'armenian',
  id: 'indonesian',
  it: 'italian',
  lt: 'lithuanian',
  ne: 'nepali',
  nl: 'dutch',
  no: 'norwegian',
  nb: 'norwegian',
  pt: 'portuguese',
  ro: 'romanian',
  ru: 'russian',
  sr: 'serbian',
  sv: 'swedish',
  ta: 'tamil',
  tr: 'turkish',
  yi: 'yiddish',
}

const DEFAULT_CONFIGURATION = 'simple'

/** `en-GB` as `english`; null and languages without a configuration as `simple`. */
export function configurationOf(language: string | null): string {
  const [primary = ''] = (language ?? '').toLowerCase().split(/[-_]/u)
  return Object.hasOwn(CONFIGURATIONS, primary) ? (CONFIGURATIONS[primary] ?? '') : DEFAULT_CONFIGURATION
}
