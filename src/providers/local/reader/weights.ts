/**
 * Constants of the reader, as `node bench/reader.ts --data <folder> --fit` printed them on the calibration halves of
 * XQuAD-en, CLAPNQ and PubMedQA (docs/models/local-reader.md has the figures). Change the features, and fit again.
 */

/** Log-odds that a sentence holds the answer; the order is `FEATURE_NAMES` of features.ts. */
export const SENTENCE_WEIGHTS: readonly number[] = [-1.916, 2.871, 1.948, 0.659, 0.453, 0.567, 1.16, 0.042]

/** Log-odds that the texts answer at all: bias, best sentence's log-odds, most cosine, most coverage, most nearby coverage, hint. */
export const ANSWER_WEIGHTS: readonly number[] = [-2.228, 1.165, 1.145, 0.357, 1.217, 0.258]

/**
 * Below this probability the reader abstains. It maximises the mean balanced accuracy over the three calibration
 * sets (.813). Lower quotes text that does not answer, which misleads; higher refuses what it could have quoted.
 */
export const ANSWER_THRESHOLD = 0.48
