/** What an upstream asks for a model from some time on. A figure that nobody stated is null, never 0. */

/** Micro-USD per million tokens. */
export type TokenFigures = {
  readonly input: bigint | null
  /** Input tokens that the upstream read from its cache. */
  readonly cachedInput: bigint | null
  /** Input tokens that the upstream wrote to its cache. */
  readonly cacheWrite: bigint | null
  readonly output: bigint | null
  /** null: reasoning tokens cost what other output tokens cost. */
  readonly reasoning: bigint | null
}

/** Figures for the whole of a call whose input has more tokens than that. */
export type PriceTier = TokenFigures & { readonly aboveInputTokens: number }

export type Price = TokenFigures & {
  /** Micro-USD for each image that was made. */
  readonly perImage: bigint | null
  /** Micro-USD for each call, whatever it holds; null: nobody has heard of such a charge. */
  readonly perRequest: bigint | null
  /** For requests in batches, whatever their length; left out where nobody stated any: half is not taken for granted. */
  readonly batch?: TokenFigures
  /** By rising `aboveInputTokens`; empty where one price holds for every length. */
  readonly tiers: readonly PriceTier[]
  /** Where the figures come from: a page, a contract, a person, a list and its version. */
  readonly source: string
  /** Milliseconds since the epoch; null: for as long as the source knows. */
  readonly validFromMs: number | null
  /** `price_…` of a price that somebody set; null for one of the shipped list. */
  readonly id: string | null
}

/** A price that a project set for a model of an upstream. */
export type OwnPrice = Price & {
  readonly id: string
  readonly validFromMs: number
  readonly upstream: string
  readonly model: string
}

/** What a price is asked for. `baseUrl` is null for upstreams that are reached by none, such as `local`. */
export type PriceTarget = {
  readonly upstream: string
  readonly dialect: string
  readonly baseUrl: string | null
  /** The upstream's id of the model. */
  readonly model: string
}

/** What stands beside a cost on the log, so that the figures behind it can be found again. */
export function priceVersion(price: Price): string {
  return price.id ?? price.source
}

/** What requests in batches cost by this price; null where it does not say. */
export function priceInBatches({ batch, ...price }: Price): Price | null {
  return batch === undefined ? null : { ...price, ...batch, tiers: [] }
}
