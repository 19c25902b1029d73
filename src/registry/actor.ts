/** Who adds to the registry: a virtual key, as much of it as is kept beside what it made. */

export type Actor = {
  readonly id: string
  readonly name: string
  readonly projectId: string
  /** Who answers for the key: its owner, or its id where it has none. Two keys may be one person. */
  readonly person: string
}
