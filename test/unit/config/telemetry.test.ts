import { describe, expect, test } from 'vitest'
import { listenAddress, resolveOtlp } from '../../../src/config/telemetry.ts'

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/' }

describe('a collector', () => {
  test('is none until its address is set, whatever else is', () => {
    expect(resolveOtlp({ OTEL_SERVICE_NAME: 'gateway-1', OTEL_TRACES_SAMPLER: 'nonsense' }, [])).toBeNull()
    expect(resolveOtlp({ OTEL_EXPORTER_OTLP_ENDPOINT: '' }, [])).toBeNull()
  })

  test('is its address, with headers as secrets and a share of traces', () => {
    const problems: string[] = []
    const otlp = resolveOtlp(
      {
        ...ENDPOINT,
        OTEL_EXPORTER_OTLP_HEADERS: 'api-key=a%3Db, tenant=one',
        OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
        OTEL_TRACES_SAMPLER_ARG: '0.1',
      },
      problems,
    )

    expect(problems).toEqual([])
    expect(otlp).toMatchObject({
      endpoint: 'http://collector:4318',
      serviceName: 'aval',
      sampler: 'parentbased_traceidratio',
      ratio: 0.1,
    })
    expect(otlp?.headers['api-key']?.reveal()).toBe('a=b')
    expect(JSON.stringify(otlp)).not.toContain('a=b')
  })

  test.each([
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' }, /OTEL_EXPORTER_OTLP_ENDPOINT/],
    [{ ...ENDPOINT, OTEL_TRACES_SAMPLER: 'sometimes' }, /OTEL_TRACES_SAMPLER: text "sometimes"/],
    [{ ...ENDPOINT, OTEL_TRACES_SAMPLER_ARG: '2' }, /from 0 to 1/],
    [{ ...ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS: 'secret-alone' }, /pairs such as/],
    [{ ...ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS: 'a=%zz' }, /percent-encoded/],
  ])('that is written wrong is told once, without its secret: %j', (environment, said) => {
    const problems: string[] = []
    resolveOtlp(environment, problems)

    expect(problems).toEqual([expect.stringMatching(said)])
    expect(problems[0]).not.toMatch(/secret-alone|%zz/)
  })
})

test.each([
  ['127.0.0.1:9464', { host: '127.0.0.1', port: 9464 }],
  ['[::1]:9464', { host: '::1', port: 9464 }],
])('%s is an address', (text, address) => {
  expect(listenAddress.parse(text)).toEqual(address)
})

test.each([['9464'], [':9464'], ['127.0.0.1:99999'], ['http://a:1'], [9464]])('%s is no address', (text) => {
  expect(listenAddress.safeParse(text).success).toBe(false)
})
