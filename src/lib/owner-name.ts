/** How the owner of a key is written: a person or a team by a name or an e-mail address. Pure. */

/** ASCII alone: letters that only look alike would make two people of one. */
export const OWNER_NAME = /^[A-Za-z0-9._@-]{1,100}$/

export const OWNER_RULE = '1 to 100 letters, digits and . _ @ -, such as anna@example.com'
