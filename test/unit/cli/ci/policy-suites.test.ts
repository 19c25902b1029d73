import { expect, test } from 'vitest'
import { demandPolicySuites } from '../../../../src/cli/ci/policy-suites.ts'
import { CliError, EXIT } from '../../../../src/cli/exit-codes.ts'
import { CANDIDATE, suiteFile } from '../../../support/check-outcome.ts'

const answers = suiteFile('answers')
const scope = { measured: [{ candidate: CANDIDATE, suites: [answers] }], unasked: [] }

/** Asks with a server that answers with `answer`, which throws for one that refuses. */
async function demanded(answer: (path: string) => unknown, isNamed = false) {
  const json = async <Answer>({ path }: { path: string }) => answer(path) as Answer
  return await demandPolicySuites({ json }, scope, [answers], { label: 'production', isNamed })
}
const refuse = (code: string) => () => {
  throw new CliError(EXIT.usage, 'No.', code)
}

test('the policy of the compared label is asked for, and what it demands and files have is run anyway', async () => {
  const asked: string[] = []
  const found = await demanded((path) => {
    asked.push(path)
    return { name: 'careful', suites: ['answers'] }
  })

  expect({ asked, found }).toEqual({ asked: ['/api/policies/answers%40production'], found: [] })
})

test('a demanded suite without a file is a mistake of the files, and spared when others were named', async () => {
  const careful = () => ({ name: 'careful', suites: ['answers', 'cited'] })

  await expect(demanded(careful)).rejects.toMatchObject({ exitCode: 103 })
  expect(await demanded(careful, true)).toEqual([
    { route: 'answers', policy: 'careful', suite: 'cited', asks: null },
  ])
})

test('a server that knows no policies demands nothing, and one that refuses the key is believed', async () => {
  expect(await demanded(refuse('not_found'))).toEqual([])
  await expect(demanded(refuse('permission_denied'))).rejects.toThrow('No.')
})
