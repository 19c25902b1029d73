/** Written by bench/groundedness-fit.ts: what it learnt, from what, and how. Never edited by hand. */

import type { FittedWeights } from './weights.ts'

export const FITTED: FittedWeights = {
  version: 1,
  digest: 'aa2d523aa6541aefc2b8f52eec9512874d9f403417211f448f853539d63ab0dc',
  embedding: 'static-minilm',
  recipe: {
    l2: 600,
    steps: 200,
    maxSetWeight: 800,
  },
  features: [
    'unsaid',
    'distant',
    'looseOrder',
    'loosePairs',
    'looseCosine',
    'looseDistance',
    'missingNumbers',
    'farNumbers',
    'strayNumbers',
    'missingNames',
    'farNames',
    'strayNames',
    'opposites',
    'addedNegation',
    'lostNegation',
    'addedContrast',
    'addedQuantifier',
    'closeMissingNumbers',
    'closeMissingNames',
    'closeOpposites',
    'closeAddedNegation',
    'closeAddedContrast',
    'closeAddedQuantifier',
    'closeWeakest',
  ],
  sets: [
    {
      set: 'attributionbench',
      rows: 1101,
      unsupported: 534,
    },
    {
      set: 'begin-cmu',
      rows: 400,
      unsupported: 344,
    },
    {
      set: 'begin-tc',
      rows: 373,
      unsupported: 302,
    },
    {
      set: 'begin-wow',
      rows: 430,
      unsupported: 250,
    },
    {
      set: 'climatefever',
      rows: 7665,
      unsupported: 5722,
    },
    {
      set: 'control',
      rows: 799,
      unsupported: 513,
    },
    {
      set: 'covidfact',
      rows: 4086,
      unsupported: 2790,
    },
    {
      set: 'fever-symmetric',
      rows: 708,
      unsupported: 354,
    },
    {
      set: 'healthver',
      rows: 1907,
      unsupported: 1384,
    },
    {
      set: 'qags-cnndm',
      rows: 235,
      unsupported: 122,
    },
    {
      set: 'qags-xsum',
      rows: 239,
      unsupported: 123,
    },
    {
      set: 'ragtruth-qa',
      rows: 3369,
      unsupported: 1460,
    },
    {
      set: 'ragtruth-summary',
      rows: 126,
      unsupported: 43,
    },
    {
      set: 'summedits-ectsum',
      rows: 668,
      unsupported: 426,
    },
    {
      set: 'summedits-podcast',
      rows: 500,
      unsupported: 337,
    },
    {
      set: 'summedits-sales_call',
      rows: 520,
      unsupported: 347,
    },
    {
      set: 'summedits-samsum',
      rows: 664,
      unsupported: 422,
    },
    {
      set: 'wice-claims',
      rows: 259,
      unsupported: 191,
    },
  ],
  model: {
    intercept: 2.5967,
    weights: [
      0.18282, 0.54337, 0.010178, 1.2825, 0.44763, 0.44311, 0, 0, 0.36558, 0.13411, 0.083226, 0.10273, 0.2006,
      0.23715, 0.34298, 0.20555, 0.1516, 2.6302, 0.98608, 0.71345, 1.3205, 0.012763, 1.3292, 1.4637,
    ],
    calibrations: {
      any: {
        slope: 0.49147,
        offset: -0.36584,
        perClaim: 0.88999,
      },
      qa: {
        slope: 0.32398,
        offset: 0.085085,
        perClaim: 0.60618,
      },
      summary: {
        slope: 0.51704,
        offset: -0.24852,
        perClaim: 0.36928,
      },
      dialogue: {
        slope: 2.729,
        offset: -2.7216,
        perClaim: 1.4023,
      },
      claim: {
        slope: 0.52046,
        offset: -0.3007,
        perClaim: 1.3294,
      },
    },
  },
  folds: {
    attributionbench: {
      intercept: 2.6252,
      weights: [
        0.20653, 0.53227, 0, 1.2088, 0.4083, 0.52094, 0, 0, 0, 0.13273, 0.093469, 0.13336, 0.18395, 0.28674,
        0.3375, 0.2142, 0.1642, 2.6687, 0.96197, 0.70055, 1.359, 0.039592, 1.3359, 1.4789,
      ],
      calibrations: {
        any: {
          slope: 0.46069,
          offset: -0.33381,
          perClaim: 0.83025,
        },
        qa: {
          slope: 0.32398,
          offset: 0.085085,
          perClaim: 0.60618,
        },
        summary: {
          slope: 0.51704,
          offset: -0.24852,
          perClaim: 0.36928,
        },
        dialogue: {
          slope: 2.729,
          offset: -2.7216,
          perClaim: 1.4023,
        },
        claim: {
          slope: 0.45918,
          offset: -0.2424,
          perClaim: 1.4371,
        },
      },
    },
    'begin-cmu': {
      intercept: 2.5422,
      weights: [
        0.093527, 0.48687, 0, 1.2902, 0.43214, 0.28695, 0, 0.015615, 0.37811, 0.18294, 0.11697, 0.11737,
        0.22868, 0.24674, 0.35441, 0.15514, 0.18691, 2.6236, 0.88892, 0.65602, 1.3602, 0.11157, 1.3035,
        1.4731,
      ],
      calibrations: {
        any: {
          slope: 0.36857,
          offset: -0.26325,
          perClaim: 0.69807,
        },
        qa: {
          slope: 0.32398,
          offset: 0.085085,
          perClaim: 0.60618,
        },
        summary: {
          slope: 0.51704,
          offset: -0.24852,
          perClaim: 0.36928,
        },
        dialogue: {
          slope: 0.36857,
          offset: -0.26325,
          perClaim: 0.69807,
        },
        claim: {
          slope: 0.52046,
          offset: -0.3007,
          perClaim: 1.3294,
        },
      },
    },
    'begin-tc': {
      intercept: 2.5822,
      weights: [
        0.1697, 0.50039, 0, 1.2476, 0.4395, 0.42395, 0, 0, 0.3875, 0.15909, 0.10438, 0.11574, 0.19944,
        0.22463, 0.33605, 0.17091, 0.18009, 2.6176, 0.93285, 0.67997, 1.3221, 0, 1.2745, 1.4911,
      ],
      calibrations: {
        any: {
          slope: 0.36857,
          offset: -0.26325,
          perClaim: 0.69807,
        },
        qa: {
          slope: 0.32398,
          offset: 0.085085,
          perClaim: 0.60618,
        },
        summary: {
          slope: 0.51704,
          offset: -0.24852,
          perClaim: 0.36928,
        },
        dialogue: {
          slope: 0.36857,
          offset: -0.26325,
          perClaim: 0.69807,
        },
        claim: {
          slope: 0.52046,
          offset: -0.3007,
          perClaim: 1.3294,
        },
      },
    },
    'begin-wow': {
      intercept: 2.5811,
      weights: [
        0.11777, 0.54033, 0.019725, 1.2345, 0.47158, 0.42319, 0, 0, 0.40688, 0.1486, 0.10602, 0.13437,
        0.23031, 0.22642, 0.39213, 0.18112, 0.1398, 2.6246, 0.97156, 0.73416, 1.2941, 0, 1.3107, 1.4123,
      ],
      calibrations: {
        any: {
          slope: 0.36857,
          offset: -0.26325,
          perClaim: 0.69807,
        },
        qa: {
          slope: 0.32398,
          offset: 0.085085,
          perClaim: 0.60618,
        },
        summary: {
          slope: 0.51704,
          offset: -0.24852,
          perClaim: 0.36928,
        },
        dialogue: {
          slope: 0.36857,
          offset: -0.26325,
          perClaim: 0.69807,
        },
        claim: {
          slope: 0.52046,
          offset: -0.3007,
          perClaim: 1.3294,
        },
      },
    },
    climatefever: {
      intercept: 2.5867,
      weights: [
        0.18479, 0.50976, 0.011795, 1.29, 0.43148, 0.39772, 0, 0, 0.38133, 0.20962, 0.10987, 0.10401, 0.31986,
        0.2047, 0.36228, 0.26353, 0.2029, 2.773, 1.069, 0.64039, 1.3063, 0, 1.3015, 1.4412,
      ],
      calibrations: {
        any: {
          slope: 0.52987,
          offset: -0.44922,
          perClaim: 0.9991,
        },
        qa: {
          slope: 0.32398,
          offset: 0.085085,
          perClaim: 0.60618,
        },
        summary: {
          slope: 0.51704,
          offset: -0.24852,
          perClaim: 0.36928,
        },
        dialogue: {
          slope: 2.729,
          offset: -2.7216,
          perClaim: 1.4023,
        },
        claim: {
          slope: 0.59595,
          offset: -0.42164,
          perClaim: 1.6127,
        },
      },
    },
    control: {
      intercept: 2.6627,
      weights: [
        0.26127, 0.52496, 0.028809, 1.2732, 0.4044, 0.48448, 0, 0, 0.40716, 0.12692, 0.11, 0.13615, 0.24368,
        0.25208, 0.32953, 0.19887, 0.092416, 2.7838, 1.0243, 0.69016, 1.4737, 0.079702, 1.0049, 1.4033,
      ],
      calibrations: {
        any: {
          slope: 0.50292,
          offset: -0.36497,
          perClaim: 0.90409,
        },
        qa: {
          slope: 0.32398,
          offset: 0.085085,
          perClaim: 0.60618,
        },
        summary: {
          slope: 0.51704,
          offset: -0.24852,
          perClaim: 0.36928,
        },
        dialogue: {
          slope: 2.729,
          offset: -2.7216,
          perClaim: 1.4023,
        },
        claim: {
          slope: 0.57224,
          offset: -0.29151,
          perClaim: 1.4046,
        },
      },
    },
    covidfact: {
      intercept: 2.6345,
      weights: [
        0.17731, 0.54493, 0.11074, 1.2578, 0.39348, 0.44638, 0, 0, 0.41551, 0.1332, 0.10836, 0.16082, 0.22064,
        0.24262, 0.15044, 0.21945, 0.17925, 2.7337, 1.0612, 0.68111, 1.2399, 0.10343, 1.364, 1.3481,
      ],
      calibrations: {
        any: {
          slope: 0.48825,
          offset: -0.3516,
          perClaim: 0.87593,
        },
        qa: {
          slope: 0.32398,
          offset: 0.085085,
          perClaim: 0.60618,
        },
        summary: {
          slope: 0.51704,
          offset: -0.24852,
          perClaim: 0.36928,
        },
        dialogue: {
          slope: 2.729,
          offset: -2.7216,
          perClaim: 1.4023,
        },
        claim: {
          slope: 0.53376,
          offset: -0.26919,
          perClaim: 1.3144,
        },
      },
    },
    'fever-symmetric': {
      intercept: 2.5633,
      weights: [
        0.16191, 0.382, 0.20153, 1.2635, 0.4115, 0.38384, 0, 0, 0.42703, 0.10788, 0.072792, 0.12339, 0.21699,
        0.27071, 0.3103, 0.21801, 0.13965, 2.6361, 0.80297, 0.70235, 1.2905, 0.086358, 1.4495, 1.3723,
      ],
      calibrations: {
        any: {
          slope: 0.4612,
          offset: -0.33745,
          perClaim: 0.82932,
        },
        qa: {
          slope: 0.32398,
          offset: 0.085085,
          perClaim: 0.60618,
        },
        summary: {
          slope: 0.51704,
          offset: -0.24852,
          perClaim: 0.36928,
        },
        dialogue: {
          slope: 2.729,
          offset: -2.7216,
          perClaim: 1.4023,
        },
        claim: {
          slope: 0.44678,
          offset: -0.23975,
          perClaim: 1.1327,
        },
      },
    },
    healthver: {
      intercept: 2.6203,
      weights: [
        0.12106, 0.54812, 0, 1.4254, 0.46786, 0.49379, 0, 0, 0.29282, 0.24101, 0.12371, 0.083109, 0.11171,
        0.41448, 0.23932, 0.21006, 0.16409, 2.6537, 0.86035, 0.80093, 1.1349, 0, 1.3074, 1.4546,
      ],
      calibrations: {
        any: {
          slope: 0.54266,
          offset: -0.45762,
          perClaim: 1.0056,
        },
        qa: {
          slope: 0.32398,
          offset: 0.085085,
          perClaim: 0.60618,
        },
        summary: {
          slope: 0.51704,
          offset: -0.24852,
          perClaim: 0.36928,
        },
        dialogue: {
          slope: 2.729,
          offset: -2.7216,
          perClaim: 1.4023,
        },
        claim: {
          slope: 0.62251,
          offset: -0.4276,
          perClaim: 0.49075,
        },
      },
    },
    'qags-cnndm': {
      intercept: 2.7637,
      weights: [
        0.22885, 0.57031, 0.046241, 1.321, 0.49422, 0.44511, 0, 0, 0.36401, 0.12903, 0.084328, 0.11217,
        0.2032, 0.23522, 0.33736, 0.20415, 0.14522, 2.7242, 1.0073, 0.74194, 1.3334, 0.014885, 1.4043, 1.6469,
      ],
      calibrations: {
        any: {
          slope: 0.57333,
          offset: -0.40995,
          perClaim: 1.0962,
        },
        qa: {
          slope: 0.32398,
          offset: 0.085085,
          perClaim: 0.60618,
        },
        summary: {
          slope: 0.86924,
          offset: -0.34525,
          perClaim: 0.7847,
        },
        dialogue: {
          slope: 2.729,
          offset: -2.7216,
          perClaim: 1.4023,
        },
        claim: {
          slope: 0.52046,
          offset: -0.3007,
          perClaim: 1.3294,
        },
      },
    },
    'qags-xsum': {
      intercept: 2.6269,
      weights: [
        0.20819, 0.54375, 0.017359, 1.2944, 0.4409, 0.44853, 0, 0, 0.36692, 0.12866, 0.091555, 0.12711,
        0.20071, 0.23695, 0.36797, 0.20556, 0.15904, 2.586, 1.0303, 0.76207, 1.3509, 0.061541, 1.352, 1.4226,
      ],
      calibrations: {
        any: {
          slope: 0.57333,
          offset: -0.40995,
          perClaim: 1.0962,
        },
        qa: {
          slope: 0.32398,
          offset: 0.085085,
          perClaim: 0.60618,
        },
        summary: {
          slope: 0.86924,
          offset: -0.34525,
          perClaim: 0.7847,
        },
        dialogue: {
          slope: 2.729,
          offset: -2.7216,
          perClaim: 1.4023,
        },
        claim: {
          slope: 0.52046,
          offset: -0.3007,
          perClaim: 1.3294,
        },
      },
    },
    'ragtruth-qa': {
      intercept: 1.7828,
      weights: [
        0.4097, 0.84003, 0.13874, 0.25975, 0.49954, 0.3983, 0.010334, 0.064683, 0.14946, 0.037955, 0, 0,
        0.14021, 0.15531, 0.40967, 0.086173, 0.35191, 2.0365, 0.95228, 0.56103, 1.3042, 0, 1.0344, 0.67742,
      ],
      calibrations: {
        any: {
          slope: 0.67513,
          offset: -0.39032,
          perClaim: 0.45558,
        },
        qa: {
          slope: 0.67513,
          offset: -0.39032,
          perClaim: 0.45558,
        },
        summary: {
          slope: 0.54678,
          offset: -0.19131,
          perClaim: 0.22659,
        },
        dialogue: {
          slope: 2.729,
          offset: -2.7216,
          perClaim: 1.4023,
        },
        claim: {
          slope: 0.52046,
          offset: -0.3007,
          perClaim: 1.3294,
        },
      },
    },
    'ragtruth-summary': {
      intercept: 2.5779,
      weights: [
        0.16513, 0.54159, 0.010639, 1.2653, 0.45416, 0.46493, 0, 0, 0.35004, 0.1309, 0.080121, 0.10688,
        0.19493, 0.23102, 0.35488, 0.19895, 0.15382, 2.5831, 0.94976, 0.75106, 1.3246, 0.015838, 1.3701,
        1.5041,
      ],
      calibrations: {
        any: {
          slope: 0.67513,
          offset: -0.39032,
          perClaim: 0.45558,
        },
        qa: {
          slope: 0.67513,
          offset: -0.39032,
          perClaim: 0.45558,
        },
        summary: {
          slope: 0.54678,
          offset: -0.19131,
          perClaim: 0.22659,
        },
        dialogue: {
          slope: 2.729,
          offset: -2.7216,
          perClaim: 1.4023,
        },
        claim: {
          slope: 0.52046,
          offset: -0.3007,
          perClaim: 1.3294,
        },
      },
    },
    'summedits-ectsum': {
      intercept: 2.6294,
      weights: [
        0.20875, 0.58749, 0.023769, 1.3098, 0.45859, 0.39067, 0, 0, 0.3371, 0.11444, 0.087233, 0.056108,
        0.21474, 0.22089, 0.34351, 0.26461, 0.15075, 2.0605, 1.2645, 0.5595, 1.2029, 0, 1.3431, 1.4904,
      ],
      calibrations: {
        any: {
          slope: 0.47729,
          offset: -0.34267,
          perClaim: 0.92379,
        },
        qa: {
          slope: 0.32398,
          offset: 0.085085,
          perClaim: 0.60618,
        },
        summary: {
          slope: 0.32847,
          offset: -0.48818,
          perClaim: 0.36926,
        },
        dialogue: {
          slope: 2.729,
          offset: -2.7216,
          perClaim: 1.4023,
        },
        claim: {
          slope: 0.52046,
          offset: -0.3007,
          perClaim: 1.3294,
        },
      },
    },
    'summedits-podcast': {
      intercept: 2.5889,
      weights: [
        0.18907, 0.53897, 0.020346, 1.286, 0.45591, 0.44398, 0, 0, 0.46844, 0.10187, 0.10768, 0.10661,
        0.18559, 0.22995, 0.36611, 0.1622, 0.12711, 2.5898, 0.88961, 0.69739, 1.3368, 0, 1.2629, 1.4516,
      ],
      calibrations: {
        any: {
          slope: 0.47729,
          offset: -0.34267,
          perClaim: 0.92379,
        },
        qa: {
          slope: 0.32398,
          offset: 0.085085,
          perClaim: 0.60618,
        },
        summary: {
          slope: 0.32847,
          offset: -0.48818,
          perClaim: 0.36926,
        },
        dialogue: {
          slope: 2.729,
          offset: -2.7216,
          perClaim: 1.4023,
        },
        claim: {
          slope: 0.52046,
          offset: -0.3007,
          perClaim: 1.3294,
        },
      },
    },
    'summedits-sales_call': {
      intercept: 2.5893,
      weights: [
        0.20096, 0.53276, 0.043007, 1.285, 0.45262, 0.40223, 0, 0, 0.36204, 0.13206, 0.087535, 0.1342,
        0.19416, 0.21837, 0.3349, 0.13231, 0.10424, 2.5099, 0.89171, 0.69132, 1.1136, 0, 1.0736, 1.4937,
      ],
      calibrations: {
        any: {
          slope: 0.47729,
          offset: -0.34267,
          perClaim: 0.92379,
        },
        qa: {
          slope: 0.32398,
          offset: 0.085085,
          perClaim: 0.60618,
        },
        summary: {
          slope: 0.32847,
          offset: -0.48818,
          perClaim: 0.36926,
        },
        dialogue: {
          slope: 2.729,
          offset: -2.7216,
          perClaim: 1.4023,
        },
        claim: {
          slope: 0.52046,
          offset: -0.3007,
          perClaim: 1.3294,
        },
      },
    },
    'summedits-samsum': {
      intercept: 2.6303,
      weights: [
        0.22202, 0.6311, 0, 1.2882, 0.37089, 0.49401, 0, 0, 0.57937, 0.11765, 0.059695, 0.17806, 0.19705,
        0.20709, 0.34573, 0.27146, 0.16314, 2.7101, 0.89162, 0.74735, 1.2672, 0.22328, 1.3826, 1.4975,
      ],
      calibrations: {
        any: {
          slope: 0.47729,
          offset: -0.34267,
          perClaim: 0.92379,
        },
        qa: {
          slope: 0.32398,
          offset: 0.085085,
          perClaim: 0.60618,
        },
        summary: {
          slope: 0.32847,
          offset: -0.48818,
          perClaim: 0.36926,
        },
        dialogue: {
          slope: 2.729,
          offset: -2.7216,
          perClaim: 1.4023,
        },
        claim: {
          slope: 0.52046,
          offset: -0.3007,
          perClaim: 1.3294,
        },
      },
    },
    'wice-claims': {
      intercept: 2.5896,
      weights: [
        0.19074, 0.5267, 0, 1.2857, 0.44001, 0.46009, 0, 0, 0.29368, 0.12804, 0.048298, 0.057017, 0.21047,
        0.25036, 0.36974, 0.22223, 0.13475, 2.5752, 0.89851, 0.75034, 1.3228, 0.031094, 1.3636, 1.4596,
      ],
      calibrations: {
        any: {
          slope: 0.47359,
          offset: -0.35263,
          perClaim: 0.85576,
        },
        qa: {
          slope: 0.32398,
          offset: 0.085085,
          perClaim: 0.60618,
        },
        summary: {
          slope: 0.51704,
          offset: -0.24852,
          perClaim: 0.36928,
        },
        dialogue: {
          slope: 2.729,
          offset: -2.7216,
          perClaim: 1.4023,
        },
        claim: {
          slope: 0.47413,
          offset: -0.27119,
          perClaim: 1.1866,
        },
      },
    },
  },
  band: {
    low: 0.43,
    high: 0.57,
  },
}
