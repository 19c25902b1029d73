/** Who adds to the registry: a virtual key, as much of it as is kept beside what it made. */

export type Actor = { readonly id: string; readonly name: string; readonly projectId: string }
