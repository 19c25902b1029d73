/** The few closed word lists that guards against small edits need. English; another language simply matches none of them. */

/** Words that carry no claim of their own. Contrasts and quantifiers have lists of their own; a negation is looked for like content. */
export const STOP_WORDS: ReadonlySet<string> = wordSet(
  `a an the and or but if then than that this these those of in on at to from by for with about as into
  is are was were be been being am do does did doing have has had having will would can could shall should may might must
  it its he she they them his her their we you i me my your our us him who whom which what when where why how there here
  so such too very just also own same s t re ve ll d m o`,
)

/** One match a negation; `n't` counts wherever it ends a word. */
export const NEGATION =
  /\b(?:not|no|never|none|nobody|nothing|neither|nor|without|cannot|fails?|failed|refus(?:e|es|ed)|den(?:y|ies|ied)|lacks?|unable)\b|n['’]t\b/giu

/** Words that set one thing against another, or leave something out. */
export const CONTRASTS: ReadonlySet<string> = wordSet(
  'but except excluding excludes exclude excluded instead rather despite unlike contrary unless whereas besides',
)

/** Words that narrow or widen a claim. */
export const QUANTIFIERS: ReadonlySet<string> = wordSet(
  `all every always only any entirely completely fully totally exclusively solely merely limited rarely hardly barely seldom
  none nothing never`,
)

/** Each line: words that claim the opposite of the words after the bar. */
const OPPOSITES = `
increase rise rose risen grow grew grown growth climb gain surge jump soar expand boost raise lift up upward higher more greater improve strengthen advance exceed above over accelerate | decrease fall fell fallen drop decline shrink shrank reduce reduction loss slump plunge contract cut lower down downward less fewer worsen weaken retreat below under slow
high large big great huge major significant substantial considerable wide broad extensive comprehensive full unlimited long tall strong | low small little tiny minor insignificant slight limited narrow restricted partial short weak
better best good great positive favorable favourable beneficial benefit advantage helpful success successful succeed succeeded win won winner victory profit profitable strength | worse worst bad poor negative unfavorable unfavourable harmful harm disadvantage unhelpful failure unsuccessful fail lose lost loser defeat loss unprofitable weakness
before prior previous earlier former past until early begin began begun start open opening initial first | after following subsequent later latter future since late end ended finish stop close closing final last
accept agree approve confirm allow permit support welcome admit recommend encourage favor favour praise include embrace pass join adopt enable require required mandatory | reject disagree refuse deny forbid prohibit ban oppose discourage criticize criticise exclude block veto leave dismiss prevent prevented optional voluntary
buy bought purchase import receive borrow take took earn hire demand | sell sold sale export give gave lend spend spent fire supply
always often frequently usually common regularly | never rarely seldom hardly uncommon occasionally
likely possible able available certain sure | unlikely impossible unable unavailable uncertain unsure
easy simple cheap affordable inexpensive safe fast quick | difficult hard challenging complicated complex expensive costly pricey dangerous risky slow
happy glad pleased excited satisfied calm interested optimistic confident love like enjoy hope | sad upset disappointed bored dissatisfied angry uninterested pessimistic doubtful hate dislike fear
true right correct accurate real same similar identical legal innocent | false wrong incorrect inaccurate fake different dissimilar distinct illegal guilty
man men male boy husband father dad son brother he his him | woman women female girl wife mother mom daughter sister she her
north inside in indoor internal domestic local public online general alive birth born life | south outside out outdoor external foreign national private offline specific dead death die
east left front top upper day morning today summer ancient old new temporary passive continue keep remain stay save remember find protect create build | west right back bottom lower night evening yesterday tomorrow winter modern young former permanent active stop discard abandon waste forget damage destroy
all everyone everything every most many majority maximum entire whole together completely fully entirely exactly | none nobody nothing some few minority minimum part apart alone partially partly approximately
friend ally defend peace employer buyer customer doctor teacher parent adult ask question | enemy rival attack war employee seller supplier patient student child answer`

const PREFIXES = ['un', 'in', 'im', 'dis', 'non', 'ir', 'il', 'mis']

/** Builds the look-up from a word to its opposites, both ways, under the caller's own form of a word. */
export function createOpposites(formOf: (word: string) => string): (form: string) => readonly string[] {
  const listed = new Map<string, Set<string>>()
  const add = (form: string, others: readonly string[]) => {
    listed.set(form, new Set([...(listed.get(form) ?? []), ...others]))
  }
  for (const line of OPPOSITES.trim().split('\n')) {
    const [left = [], right = []] = line.split('|').map((side) => side.trim().split(/\s+/u).map(formOf))
    for (const form of left) add(form, right)
    for (const form of right) add(form, left)
  }
  return (form) => [...(listed.get(form) ?? []), ...prefixed(form)]
}

/** `possible` beside `impossible`: English negates many words by a prefix. */
function prefixed(form: string): string[] {
  if (form.length < 5) return []
  const bare = PREFIXES.filter((prefix) => form.startsWith(prefix) && form.length - prefix.length >= 5)
  return [...bare.map((prefix) => form.slice(prefix.length)), ...PREFIXES.map((prefix) => prefix + form)]
}

function wordSet(text: string): ReadonlySet<string> {
  return new Set(text.split(/\s+/u).filter((word) => word !== ''))
}
