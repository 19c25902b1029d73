/**
 * What this process has spent on shadows, and what it knows that others have: reserved before a call, settled after it.
 * In memory alone; the log has what each call cost.
 */

import { NOTHING_SUMMED, type SummedCosts } from '../../audit/shadows/store.ts'
import type { ServedShadow } from '../../registry/releases/book.ts'

/** What this process alone knows of a shadow. */
type Tally = {
  /** Chosen and not sent: the queue was full, or the shadow or the process had ended. */
  dropped: number
  /** Chosen and not sent: it may leave traces at the upstream, or there was no room in the budget. */
  skipped: number
  /** Micro-USD kept back for calls whose cost nobody told. */
  held: bigint
}

/** What other processes have spent: by the log, and in micro-USD what they keep back for calls whose cost nobody told. */
export type OthersSpent = { logged: SummedCosts; held: bigint }

export type Ledger = {
  /** What other processes have spent as of now. Nothing is reserved before the first time. */
  learn(shadowId: string, others: OthersSpent, nowMs: number): void
  /** What was learned of their calls on the log: the next sum goes on from there. */
  loggedOf(shadowId: string): SummedCosts
  /** False when it does not fit, or what others spent was not learned lately. */
  reserve(shadow: ServedShadow, microUsd: bigint, nowMs: number): boolean
  /** Ends a reservation; `cost` is what it came to, `unknown` keeps the reservation as spent. */
  settle(shadowId: string, reserved: bigint, cost: bigint | 'unknown'): void
  count(shadowId: string, what: 'dropped' | 'skipped'): void
  /** True once the budget is used up, or more than half of it and a request did not fit any more. */
  isSpent(shadow: ServedShadow): boolean
  isLearned(shadowId: string): boolean
  tallyOf(shadowId: string): Readonly<Tally>
  /** Shadows whose tally is another than was told last. */
  news(): string[]
  told(shadowId: string, tally: Readonly<Tally>): void
}

type Account = Tally & {
  spent: bigint
  reserved: bigint
  /** Calls under way. */
  calls: number
  others: bigint
  logged: SummedCosts
  learnedAtMs: number | null
  full: boolean
  /** `totalOf` the tally that was told last: counts only grow. */
  told: bigint
}

/** Without news of the others for this long, nothing more is mirrored: the bound of what they overshoot together. */
const MAX_AGE_MS = 30_000
/** Kept after their end too: what still waits in the queue may be counted later. */
const MAX_ACCOUNTS = 1000

export function createLedger(): Ledger {
  const accounts = new Map<string, Account>()
  const accountOf = (shadowId: string): Account => {
    const found = accounts.get(shadowId)
    if (found !== undefined) return found
    if (accounts.size >= MAX_ACCOUNTS) dropOldest(accounts)
    const made = newAccount()
    accounts.set(shadowId, made)
    return made
  }
  return {
    learn(shadowId, { logged, held }, nowMs) {
      const account = accountOf(shadowId)
      account.logged = logged
      account.others = logged.microUsd + held
      account.learnedAtMs = nowMs
    },
    loggedOf: (shadowId) => accounts.get(shadowId)?.logged ?? NOTHING_SUMMED,
    reserve(shadow, microUsd, nowMs) {
      const account = accountOf(shadow.id)
      const { learnedAtMs } = account
      if (learnedAtMs === null || nowMs - learnedAtMs > MAX_AGE_MS) return false
      if (account.others + account.spent + account.reserved + microUsd > shadow.budget) {
        // With calls under way there may be room again once they have ended for less. And what does not fit although less
        // than half is spent is a giant: it is skipped, and others may fit.
        const isMostlySpent = 2n * (account.others + account.spent) >= shadow.budget
        if (account.calls === 0 && isMostlySpent) account.full = true
        return false
      }
      account.reserved += microUsd
      account.calls += 1
      return true
    },
    settle(shadowId, reserved, cost) {
      const account = accountOf(shadowId)
      account.reserved -= reserved
      account.calls -= 1
      account.spent += cost === 'unknown' ? reserved : cost
      if (cost === 'unknown') account.held += reserved
    },
    count(shadowId, what) {
      accountOf(shadowId)[what] += 1
    },
    isSpent(shadow) {
      const account = accountOf(shadow.id)
      return account.full || account.others + account.spent >= shadow.budget
    },
    isLearned: (shadowId) => (accounts.get(shadowId)?.learnedAtMs ?? null) !== null,
    tallyOf: (shadowId) => ({ ...accountOf(shadowId) }),
    news: () => [...accounts].flatMap(([id, account]) => (totalOf(account) === account.told ? [] : [id])),
    told(shadowId, tally) {
      accountOf(shadowId).told = totalOf(tally)
    },
  }
}

/** The first that is at rest: nothing under way, nothing to tell, and nobody has learned of it lately. */
function dropOldest(accounts: Map<string, Account>): void {
  const newest = Math.max(...[...accounts.values()].map(({ learnedAtMs }) => learnedAtMs ?? 0))
  for (const [id, account] of accounts) {
    const isOld = newest - (account.learnedAtMs ?? 0) > MAX_AGE_MS
    if (!isOld || account.calls > 0 || totalOf(account) !== account.told) continue
    accounts.delete(id)
    return
  }
}

function totalOf({ dropped, skipped, held }: Readonly<Tally>): bigint {
  return BigInt(dropped + skipped) + held
}

function newAccount(): Account {
  return {
    dropped: 0,
    skipped: 0,
    held: 0n,
    spent: 0n,
    reserved: 0n,
    calls: 0,
    others: 0n,
    logged: NOTHING_SUMMED,
    learnedAtMs: null,
    full: false,
    told: 0n,
  }
}
