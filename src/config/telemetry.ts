/** Who may be told how the process does: an address that Prometheus reads, a collector that takes OTLP. */

import { z } from 'zod'
import { percentDecoded } from '../lib/percent.ts'
import { Secret } from '../lib/secret.ts'
import type { Environment, OtelName } from './environment.ts'

export type ListenAddress = { host: string; port: number }

const ADDRESS = 'an address such as 127.0.0.1:9464'
export const listenAddress = z.string(ADDRESS).transform((text, context): ListenAddress => {
  const [, host = '', port = ''] = /^(\[[0-9a-f:]+\]|[A-Za-z0-9.-]+):(\d{1,5})$/i.exec(text) ?? []
  if (host === '' || Number(port) > 65_535) {
    context.addIssue({ code: 'custom', message: ADDRESS })
    return z.NEVER
  }
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) }
})

/** https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ */
const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const
type SamplerName = (typeof SAMPLERS)[number]

export type OtlpConfig = {
  /** Without `/v1/traces`, as the specification has it. */
  endpoint: string
  /** May hold credentials, each value a secret. */
  headers: Readonly<Record<string, Secret>>
  serviceName: string
  sampler: SamplerName
  /** The share of traces that are kept, from 0 to 1; for the samplers by ratio. */
  ratio: number
}

/** Null without an endpoint: then nothing is sent and no package of OpenTelemetry is read. */
export function resolveOtlp(environment: Environment, problems: string[]): OtlpConfig | null {
  const env = (name: OtelName) => (environment[name] === '' ? undefined : environment[name])
  const endpoint = env('OTEL_EXPORTER_OTLP_ENDPOINT')
  if (endpoint === undefined) return null
  if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol)) {
    problems.push('OTEL_EXPORTER_OTLP_ENDPOINT is no http:// or https:// URL. Write http://collector:4318.')
  }
  const sampler = env('OTEL_TRACES_SAMPLER') ?? 'parentbased_always_on'
  if (!isSampler(sampler)) {
    problems.push(`OTEL_TRACES_SAMPLER: text "${sampler}" where one of ${SAMPLERS.join(', ')} is expected.`)
  }
  const ratio = Number(env('OTEL_TRACES_SAMPLER_ARG') ?? 1)
  if (!(ratio >= 0 && ratio <= 1)) {
    problems.push('OTEL_TRACES_SAMPLER_ARG: a share from 0 to 1 is expected.')
  }
  return {
    endpoint: endpoint.replace(/\/+$/, ''),
    headers: readHeaders(env('OTEL_EXPORTER_OTLP_HEADERS') ?? '', problems),
    serviceName: env('OTEL_SERVICE_NAME') ?? 'aval',
    sampler: isSampler(sampler) ? sampler : 'always_off',
    ratio,
  }
}

function isSampler(text: string): text is SamplerName {
  return (SAMPLERS as readonly string[]).includes(text)
}

/** `api-key=secret,tenant=a`, values percent-encoded: https://opentelemetry.io/docs/specs/otel/protocol/exporter/ */
function readHeaders(text: string, problems: string[]): Record<string, Secret> {
  const headers: Record<string, Secret> = {}
  for (const part of text.split(',')) {
    if (part.trim() === '') continue
    const [, name = '', value = ''] = /^\s*([A-Za-z0-9-]+)\s*=\s*(.*?)\s*$/.exec(part) ?? []
    const decoded = percentDecoded(value)
    // The value itself is a secret, and not shown.
    if (decoded === null)
      problems.push('OTEL_EXPORTER_OTLP_HEADERS: a value is not percent-encoded as it should be.')
    else headers[name] = new Secret(decoded, 'env:OTEL_EXPORTER_OTLP_HEADERS')
    if (name === '')
      problems.push('OTEL_EXPORTER_OTLP_HEADERS: pairs such as api-key=…,tenant=… are expected.')
  }
  return headers
}
