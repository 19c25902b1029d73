/** A run that ends because no second try mends it. */

export class RunRefused extends Error {
  override name = 'RunRefused'
}
