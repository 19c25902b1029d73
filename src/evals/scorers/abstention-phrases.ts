/**
 * How answers say that the sources do not hold what was asked, by language. Patterns of Aval's own; repetitions are bounded and
 * none stands within another of the same words. Read clause by clause: what is said of the sources counts only before an answer.
 */

import { splitSentences } from '../../lib/sentences.ts'

/** An answer abstains at once, or it answers: what comes later is a remark about the answer. */
const OPENING_CHARS = 1_000
const MAX_CLAUSES = 6
/** Whoever says it says it within so many characters; patterns with gaps then take a bounded time. */
const MAX_CLAUSE_CHARS = 400

const GIVEN = '(?:provided|given|supplied|available|retrieved|numbered|attached|above|two|three|several)'
const NOUN =
  '(?:sources?|contexts?|passages?|documents?|texts?|articles?|excerpts?|snippets?|materials?|information|paragraphs?|documentation|handbook|manual|search results?|pages?)'
const SOURCE = `(?:(?:the|these|this|those|that|your|my|any|all|each|either|both) ){0,2}(?:of (?:the|these|those|your) )?(?:${GIVEN} ){0,2}${NOUN}(?: excerpts?)?(?: (?:${GIVEN}|here|you (?:have )?(?:gave|shared|provided)(?: me)?|i (?:was given|have)))?`
const SAY =
  '(?:say|state|mention|answer|specify|specifie|contain|include|provide|give|tell|hold|cover|address|addresse|discuss|discusse|explain|indicate|reveal|list|describe|disclose|name|identify|identifie|offer|report|define|clarify|clarifie|show|touch on|refer to|make (?:it )?clear|have)s?'
const SAID =
  '(?:mentioned|stated|specified|given|provided|included|covered|found|answered|described|contained|addressed|discussed|disclosed|explained|listed|indicated|available|present|in)'
const FOUND =
  '(?:find|found|locate|see|determine|tell|say|answer|identify|establish|confirm|conclude|infer|work out)'
const NOT = "(?: not|n't)"
/** What may stand before it: an apology, what the answer rests on, that something was searched. */
const LEAD =
  "^(?:(?:unfortunately|sorry|however|no|well|i(?: am|'m) sorry|i(?: am|'m) afraid)(?:, but|,| but| that)? |(?:based on|according to|from|in|regarding|as to|as far as|given|having read|after reading|if|when|for|about) [^,;]{1,120}, |i (?:looked|searched|read|went) [^,;]{1,60} (?:and|but) ){0,2}"
const RESTING = `^(?:unfortunately, |no, )?(?:based on|according to|from|given) [^,;]{0,60}${NOUN}[^,;]{0,40}, `
const ASKED = '(?:this|that|it|the answer|an answer|the question|this question|your question)'

const ENGLISH: readonly RegExp[] = [
  `${LEAD}${SOURCE} (?:(?:(?:do|does|did|can|could)${NOT}|never) (?:\\w+ ){0,2}?(?:(?:seem|appear) to )?|fails? to |neither )${SAY}\\b`,
  `${LEAD}${SOURCE} (?:lacks?|omits?|leaves? (?:it |this )?open|(?:is|are) silent|stops? short of|says? nothing|(?:has|have|gives?|offers?|contains?|provides?|holds?) no(?:thing)?)\\b`,
  `${LEAD}(?:none|neither|no (?:one )?|nothing)(?: ?of| in| from)? ?(?:${SOURCE}|them) ${SAY}\\b`,
  `${LEAD}there(?:'s| is| are| was|${NOT})? ?(?:is${NOT}|are${NOT})? ?(?:no|not? enough|not any|enough|nothing|insufficient)(?: \\w+){0,2}? ?(?:information|mention|details?|indication|reference|answer|statement|about)[^;]{0,80}?\\b(?:in|from|to)\\b[^;]{0,40}?(?:${NOUN}|answer|say|determine)\\b`,
  `${LEAD}(?:(?:the|this|that|such|your|which|what|when|who|how|whether)\\b[^;]{0,80}? )?(?:this|that|it|is|are|was)?(?: ?(?:is|are|was))?(?: not|n't) (?:\\w+ )?${SAID}(?: \\w+)? (?:in|by|from|anywhere in) (?:any of )?(?:${SOURCE}|it|them)\\b`,
  `${LEAD}(?:the answer|${ASKED}) (?:is not|isn't|was not|wasn't) (?:\\w+ )?(?:${SAID}|there)\\b`,
  `${LEAD}(?:not|nowhere) ${SAID} (?:in|by) ${SOURCE}\\b`,
  `${LEAD}(?:i|we)(?: am|'m| are|'re| was| were)? ?(?:not able to|unable to|can(?:not|'t| not)|could(?: not|n't)|do(?: not|n't)|did(?: not|n't)) ${FOUND} [^;]{0,120}?(?:\\b(?:in|from|with|by|on) (?:[^;]{0,30} )?(?:${NOUN}|what)\\b)`,
  `${LEAD}without (?:further|more|additional) (?:context|information|sources?|details?),? (?:i|we|it) (?:can(?:not|'t)|could(?: not|n't)|(?:am|is) (?:unable|not possible))\\b`,
  `${LEAD}(?:i|we) (?:do(?: not|n't)|did(?: not|n't)) (?:find|see|have) (?:an? |the |any |enough |sufficient )(?:answer|information|details?)\\b`,
  `${LEAD}(?:i|we) have (?:no|insufficient|too little) (?:information|details?|sources?)\\b`,
  `${LEAD}i (?:do not|don't) know\\b(?! (?:of|anybody|anyone))`,
  `${LEAD}(?:${ASKED} |[^;]{1,80} )?(?:can(?:not|'t| not)|could(?: not|n't)) be (?:\\w+ )?(?:answered|determined|established|inferred|derived|found|identified|confirmed)(?: \\w+){0,3} (?:from|in|with|on|by) [^;]{0,40}?${NOUN}\\b`,
  `${LEAD}[^;]{1,60}?,? ?(?:cannot|can't) be (?:determined|established|answered|inferred)$`,
  `${LEAD}(?:it is|it's) (?:not possible|impossible|unclear|not clear)\\b[^;]{0,120}?\\b(?:from|in|with|on|by) (?:[^;]{0,30} )?${NOUN}\\b`,
  `${LEAD}(?:it is|it's) (?:not possible|impossible) to (?:determine|tell|say|answer|know)\\b`,
  `${LEAD}no (?:answer|information|details?) (?:can|could|is|are|was) (?:be )?(?:given|found|provided|derived|available)$`,
  `${LEAD}no ${NOUN} ${SAY}\\b`,
  `${LEAD}(?:insufficient|not enough) information\\b(?: (?:to|in|is)\\b|$)`,
  // Where it says first what it rests on, the sources need not be named again.
  `${RESTING}(?:i|we|it) (?:am|are|is|was) (?:unable|not able) to (?:answer|provide|give|determine|say|tell|find|identify)\\b`,
  `${RESTING}(?:i|we) (?:can(?:not|'t)|could(?: not|n't)) (?:answer|determine|say|tell|provide an answer)\\b`,
  `${RESTING}there(?:'s| is| are) (?:no|not enough|insufficient) (?:\\w+ )?(?:information|mention|details?|indication|reference|answer|evidence)\\b`,
  `${RESTING}(?:it is|it's) not (?:\\w+ )?(?:clear|stated|mentioned|specified|possible|known)\\b`,
  `${RESTING}[^;]{1,160}? (?:cannot be (?:determined|answered|found)|is not (?:explicitly |directly )?(?:provided|stated|mentioned|specified|given))\\b`,
  '^unable to (?:answer|determine|say|tell)\\b',
  '^unanswerable\\b',
  "\\bdo(?:es)?(?: not|n't) seem to answer (?:that|this|it)\\b",
  '\\bi can only quote from text you give me, and this message holds none\\b',
].map((pattern) => new RegExp(pattern))

/** A clause says it when it names the sources, denies, and speaks of saying, in any order. */
type Words = { source: RegExp; denial: RegExp; saying: RegExp; alone: RegExp }
const OTHERS: readonly Words[] = [
  {
    // German
    source:
      /\b(?:quellen?|texte?s?|dokumente?n?|kontext|passagen?|unterlagen|abschnitte?n?|artikeln?|auszug|auszüge|handbuch|material|informationen)\b/,
    denial: /\b(?:nicht|nichts|keine?[nrms]?|weder)\b/,
    saying:
      /(?:enth[aä]lt|erwähn|genannt|nenn|angegeben|angaben?\b|hervor|beantwort|\bsteht\b|\bstehen\b|find|hinweise?\b|aussage|\bsag|entnehm|bestimm|ermitteln|auskunft|informationen)/,
    alone: /^(?:das )?(?:ich )?weiß (?:ich )?(?:es |das )?nicht(?![^,;.])/,
  },
  {
    // French
    source:
      /(?<!\p{L})(?:sources?|textes?|documents?|contextes?|passages?|extraits?|articles?|informations? fournies?)(?!\p{L})/u,
    denial: /(?:\bn[e'] ?|\baucune?\b|\bpas\b|\bimpossible\b)/,
    saying:
      /(?:mentionn|précis|indiqu|contien|figur|répon|trouv|\bdi(?:t|sent)\b|\bparle|donne|détermin|permet|fourni(?:t|ssent))/,
    alone: /^je ne (?:le )?sais pas(?!\p{L})/u,
  },
  {
    // Spanish
    source: /(?<!\p{L})(?:fuentes?|textos?|documentos?|contextos?|pasajes?|fragmentos?|artículos?)(?!\p{L})/u,
    denial: /(?<!\p{L})(?:no|ni|ning[uú]n[ao]?|tampoco)(?!\p{L})/u,
    saying:
      /(?:mencion|especific|indic|contien|aparec|respon|encontr|\bdicen?\b|determin|informaci[oó]n (?:suficiente|sobre)|figur|proporciona\b)/,
    alone: /^no lo sé(?!\p{L})/u,
  },
  {
    // Portuguese
    source: /(?<!\p{L})(?:fontes?|textos?|documentos?|contextos?|passagens?|trechos?|artigos?)(?!\p{L})/u,
    denial: /(?<!\p{L})(?:não|nem|nenhuma?)(?!\p{L})/u,
    saying: /(?:mencion|especific|indic|inform|cont[eéê]m|const|respond|encontr|\bdizem?\b|determin|figura)/,
    alone: /^não sei(?!\p{L})/u,
  },
  {
    // Italian
    source:
      /(?<!\p{L})(?:font[ei]|test[oi]|document[oi]|contest[oi]|pass(?:o|i|aggio|aggi)|brani?|articol[oi])(?!\p{L})/u,
    denial: /(?<!\p{L})(?:non|né|nessun[ao]?)(?!\p{L})/u,
    saying:
      /(?:menzion|specific|indic|contien|contengono|rispond|trova|\bdic(?:e|ono)\b|determin|informazion[ei] (?:sufficient|su)|presente|figura)/,
    alone: /^non lo so(?!\p{L})/u,
  },
  {
    // Chinese
    source: /(?:资料|文本|文中|文档|文件|段落|上下文|来源|信息|文章|材料|内容)/,
    denial: /(?:没有|未|无法|不能|不足|找不到|并没|没)/,
    saying: /(?:提到|提及|说明|回答|答案|确定|包含|给出|相关信息|指出|记载|判断)/,
    alone: /^(?:我)?不知道[。，]?$/,
  },
  {
    // Japanese
    source: /(?:資料|文書|本文|文章|情報源|文脈|ドキュメント|与えられた情報|提供された|出典|記事)/,
    denial: /(?:ません|ない|なし)/,
    saying: /(?:記載|判断|情報が|書かれて|答え|分かり|わかり|言及|回答|含まれて|見つかり|述べ)/,
    alone: /^(?:分かりません|わかりません)。?$/,
  },
]

/** A clause that only says what the sources are about, or is sorry: neither an answer nor none. */
const PREFACE = new RegExp(
  `^(?:(?:(?:based on|according to|from) [^,;]{1,80}, )?(?:here(?:'s| is| are)|the answer to)|(?:i(?: am|'m) )?sorry|unfortunately|hello|thank you|(?:${SOURCE}|they|it) (?:(?:only |mainly |mostly )?(?:describe|discuss|discusse|cover|mention|talk about|deal with|focu(?:s|sse|se) on|concern|contain|list|explain)s?|(?:is|are) (?:only |mainly |mostly )?about))\\b`,
)
/** Behind such a clause it is the sources that do not say it. */
const PRONOUN = /^(?:they|it)\b/
const YET = /^(?:however|but|nevertheless|nonetheless|still|that said|instead),? /
const OFFER =
  /\b(?:not|n't|no|nor|cannot|unable|i (?:can|could|would|recommend|suggest)|you (?:can|could|may|might|should)|please|consult|let me know)\b/
/** Of a quotation the answer says no word itself. */
const QUOTED = /[“"«„][^“”"«»„]{0,2000}[”"»“]/gu

/** The clause that says it, null when the answer answers. */
export function abstentionPhrase(text: string): string | null {
  const opening = text.slice(0, OPENING_CHARS).normalize('NFC').replace(QUOTED, ' ')
  const clauses = splitSentences(opening, MAX_CLAUSES)
    .flatMap((sentence) => sentence.text.split(/[;:]\s/))
    .map(plainClause)
    .filter((clause) => clause !== '')
    .slice(0, MAX_CLAUSES)
  for (const [at, clause] of clauses.entries()) {
    if (saysSo(at === 0 ? clause : clause.replace(PRONOUN, 'the text'))) {
      return clauses.slice(at + 1).some(goesOn) ? null : clause
    }
    if (!PREFACE.test(clause)) return null
  }
  return null
}

/** “However, passage 2 says …”: what was asked is answered after all, as far as it goes. */
function goesOn(clause: string): boolean {
  return YET.test(clause) && !saysSo(clause.replace(YET, '')) && !OFFER.test(clause)
}

/** In lower case, without marks at its ends and citations behind it. */
function plainClause(clause: string): string {
  return clause
    .slice(0, MAX_CLAUSE_CHARS)
    .toLowerCase()
    .replace(/[\u2018\u2019\u00b4`]/g, "'")
    .replace(/^[^\p{L}\p{N}]+|(?:\s*\[\d{1,4}\]){0,9}[\s.!。]*$/gu, '')
}

function saysSo(clause: string): boolean {
  if (ENGLISH.some((pattern) => pattern.test(clause))) return true
  return OTHERS.some(
    ({ source, denial, saying, alone }) =>
      alone.test(clause) || (source.test(clause) && denial.test(clause) && saying.test(clause)),
  )
}
