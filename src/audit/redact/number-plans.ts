/** Who issues which numbers: tables of card issuers, IBAN lengths and country calling codes. Data and its look-up only. */

/** Beginning from, beginning to (same number of digits), shortest and longest length. */
type CardRange = readonly [from: number, to: number, min: number, max: number]

/**
 * Issuer identification numbers in use: https://en.wikipedia.org/wiki/Payment_card_number#Issuer_identification_number_(IIN),
 * with Visa https://developer.visa.com, Mastercard's 2-series since 2017, and the networks' own pages. Ranges of
 * networks that ended, and UATP (1…, which any counter or moment in time begins with), are left out: precision.
 */
const CARD_RANGES: readonly CardRange[] = [
  [4, 4, 13, 13], // Visa, cards of before 2000
  [4, 4, 16, 16],
  [4, 4, 19, 19],
  [51, 55, 16, 16], // Mastercard
  [2221, 2720, 16, 16],
  [34, 34, 15, 15], // American Express
  [37, 37, 15, 15],
  [6011, 6011, 16, 19], // Discover
  [644, 649, 16, 19],
  [65, 65, 16, 19], // Discover and RuPay
  [300, 305, 14, 19], // Diners Club
  [3095, 3095, 14, 19],
  [36, 36, 14, 19],
  [38, 39, 14, 19],
  [3528, 3589, 16, 19], // JCB
  [62, 62, 16, 19], // UnionPay
  [5018, 5018, 13, 19], // Maestro
  [5020, 5020, 13, 19],
  [5038, 5038, 13, 19],
  [5893, 5893, 13, 19],
  [6304, 6304, 13, 19],
  [6759, 6763, 13, 19],
  [2200, 2204, 16, 19], // Mir
  [60, 60, 16, 16], // RuPay
  [81, 82, 16, 16],
  [508, 508, 16, 16],
  [9792, 9792, 16, 16], // Troy
]

/** By the first two digits, so that a number is held against one or two ranges. */
const BY_TWO_DIGITS: readonly (readonly CardRange[])[] = Array.from({ length: 100 }, (_, two) =>
  CARD_RANGES.filter(([from, to]) => {
    const length = String(from).length
    const lowest = length === 1 ? from * 10 : Math.floor(from / 10 ** (length - 2))
    const highest = length === 1 ? to * 10 + 9 : Math.floor(to / 10 ** (length - 2))
    return two >= lowest && two <= highest
  }),
)

/** True when an issuer has cards of `count` digits that begin with these four. */
export function cardFits(beginning: number, count: number): boolean {
  for (const [from, to, min, max] of BY_TWO_DIGITS[Math.floor(beginning / 100)] ?? []) {
    if (count < min || count > max) continue
    const same = Math.floor(beginning / 10 ** (4 - String(from).length))
    if (same >= from && same <= to) return true
  }
  return false
}

/** Lengths of the SWIFT IBAN registry, release 100 (https://www.swift.com/standards/data-standards/iban). */
const LENGTHS =
  'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ' +
  'ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 ' +
  'LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 ' +
  'PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30'

const IBAN_LENGTHS: ReadonlyMap<number, number> = new Map(
  LENGTHS.split(' ').map((entry) => [
    (entry.charCodeAt(0) << 8) | entry.charCodeAt(1),
    Number(entry.slice(2)),
  ]),
)

/** Letters and digits of an IBAN of the country with these two letters; undefined when it has none. */
export function ibanLength(first: number, second: number): number | undefined {
  return IBAN_LENGTHS.get((first << 8) | second)
}

/** Assigned country calling codes: ITU-T E.164, annex to the Operational Bulletin no. 1114 and its amendments. */
const CALLING_CODES = new Set(
  (
    '1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 ' +
    '86 90 91 92 93 94 95 98 211 212 213 216 218 220 221 222 223 224 225 226 227 228 229 230 231 232 233 234 235 236 ' +
    '237 238 239 240 241 242 243 244 245 246 247 248 249 250 251 252 253 254 255 256 257 258 260 261 262 263 264 265 ' +
    '266 267 268 269 290 291 297 298 299 350 351 352 353 354 355 356 357 358 359 370 371 372 373 374 375 376 377 378 ' +
    '380 381 382 383 385 386 387 389 420 421 423 500 501 502 503 504 505 506 507 508 509 590 591 592 593 594 595 596 ' +
    '597 598 599 670 672 673 674 675 676 677 678 679 680 681 682 683 685 686 687 688 689 690 691 692 800 808 850 852 ' +
    '853 855 856 870 878 880 881 882 883 886 888 960 961 962 963 964 965 966 967 968 970 971 972 973 974 975 976 977 ' +
    '979 992 993 994 995 996 998'
  ).split(' '),
)

/** True when a number (digits after the `+`) begins with a code that is assigned. */
export function isCountryCode(number: string): boolean {
  return (
    CALLING_CODES.has(number.slice(0, 1)) ||
    CALLING_CODES.has(number.slice(0, 2)) ||
    CALLING_CODES.has(number.slice(0, 3))
  )
}
