/** From excess to state: when an alert begins, when it is over, and how alerts beyond the budget raise what the next one needs. Pure. */

/** `no_data`: too little history to judge by. `warn`: near an alert. */
export type SeriesState = 'ok' | 'warn' | 'alert' | 'no_data'
/** `calmPoints`: points in a row that were calm since the alert; `spent`: alerts that the budget has not paid back yet. */
export type Episodes = { isAlert: boolean; calmPoints: number; spent: number }

/** The budget: so many alerts a week cost nothing. */
const WEEK_MS = 7 * 86_400_000
const FREE = 1
/** Each alert beyond the budget makes the next one need so much more. */
const SURCHARGE = 0.25
/** Shares of what an alert needs: a warning begins at one, an alert is over after so many points below the other. */
const WARN_SHARE = 0.8
const CALM_SHARE = 0.7
const CALM_POINTS = 36

export function newEpisodes(): Episodes {
  return { isAlert: false, calmPoints: 0, spent: 0 }
}

/** Changes `episodes`: pays back one alert a week. */
export function payBack(episodes: Episodes, elapsedMs: number): void {
  episodes.spent = Math.max(0, episodes.spent - elapsedMs / WEEK_MS)
}

/** Changes `episodes`: what the charts forget at a gap, an alert does too. */
export function endEpisode(episodes: Episodes): void {
  episodes.isAlert = false
}

/** Changes `episodes` by one point. `excess`: score / limit; an alert begins above `factor`, or more where the budget is spent. */
export function follow(
  episodes: Episodes,
  excess: number,
  factor: number,
): { state: SeriesState; alerted: boolean } {
  const need = factor * (1 + SURCHARGE * Math.max(0, episodes.spent - FREE))
  if (episodes.isAlert) {
    episodes.calmPoints = excess < CALM_SHARE * factor ? episodes.calmPoints + 1 : 0
    episodes.isAlert = episodes.calmPoints < CALM_POINTS
    return { state: episodes.isAlert ? 'alert' : 'ok', alerted: false }
  }
  if (excess > need) {
    episodes.isAlert = true
    episodes.calmPoints = 0
    episodes.spent += 1
    return { state: 'alert', alerted: true }
  }
  return { state: excess > WARN_SHARE * need ? 'warn' : 'ok', alerted: false }
}
