/** Which rows of the request log apps asked for. SQL alone. */

/**
 * True of a row whose key is one of the database or of aval.yaml. Runs and online scoring ask under ids of their own in place of a
 * key's, and so does whatever asks next: it is not taken for an app before it stands here. Null for a row without a key, which has no
 * project either and is nobody's. Whether it was sent again (`replay_of`) or mirrored (`shadow_of`) are other columns.
 */
export const ASKED_BY_APPS = "key_id ~ '^(vk|cfg)_'"
