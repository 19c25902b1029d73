/** Every environment name Aval reads, at most 25. Secrets may also live under names that aval.yaml gives. */

export const ENVIRONMENT = {
  PORT: 'port to listen on (default 8700)',
  HOST: 'address to listen on (default 127.0.0.1)',
  AVAL_HOME: 'data folder (default .aval)',
  AVAL_CONFIG: 'path of aval.yaml (default ./aval.yaml, when it exists)',
  AVAL_ADMIN_KEY: 'your own admin key, at least 32 characters, instead of a generated one',
  AVAL_APP_KEY: 'your own app key, at least 32 characters, instead of a generated one',
  AVAL_PEPPER:
    'secret under which keys are digested, at least 32 characters; generated into the data folder when absent',
  AVAL_PEPPER_FILE: 'file holding the pepper',
  AVAL_AUDIT_KEY:
    'secret under which logged bodies are sealed, at least 32 characters, the same for all gateways; generated when absent',
  AVAL_SIGNING_KEY:
    "Ed25519 key that signs the log's heads, PKCS#8 PEM or the base64 of a 32-byte seed; generated when absent",
  DATABASE_URL: 'PostgreSQL 16+ with pgvector; without it the embedded database is used',
  REDIS_URL: 'Redis for the job queue; without it the queue lives in the database',
  OPENAI_API_KEY: 'turns on the upstream "openai"',
  OPENAI_BASE_URL: 'its address (default https://api.openai.com/v1)',
  ANTHROPIC_API_KEY: 'turns on the upstream "anthropic"',
  ANTHROPIC_BASE_URL: 'its address (default https://api.anthropic.com)',
  GEMINI_API_KEY: 'turns on the upstream "gemini"',
  GEMINI_BASE_URL: 'its address (default https://generativelanguage.googleapis.com)',
  OLLAMA_HOST: 'address of an Ollama server (default http://127.0.0.1:11434, used when it answers)',
  AVAL_URL: 'where the command line finds the server (default http://127.0.0.1:8700)',
  AVAL_KEY: 'the key the command line sends; without it the one that serve left in the data folder',
  LOG_LEVEL: 'trace, debug, info, warn, error or silent (default info, on a terminal warn)',
  NO_COLOR: 'when set, no colours on a terminal',
} as const

/**
 * The standard names of OpenTelemetry, read as one family beside ours: who runs a collector has them already. Its packages
 * read the rest of the family themselves, once they are loaded.
 */
export const OTEL_ENVIRONMENT = {
  OTEL_EXPORTER_OTLP_ENDPOINT: 'turns on traces and metrics over OTLP/HTTP, such as http://127.0.0.1:4318',
  OTEL_EXPORTER_OTLP_HEADERS: 'sent to it, such as api-key=…; values percent-encoded',
  OTEL_SERVICE_NAME: 'service.name (default aval)',
  OTEL_TRACES_SAMPLER:
    'always_on, always_off, traceidratio, or one of them after parentbased_ (default parentbased_always_on)',
  OTEL_TRACES_SAMPLER_ARG: 'share of traces for the samplers by ratio, from 0 to 1 (default 1)',
} as const

export type OtelName = keyof typeof OTEL_ENVIRONMENT
export type EnvironmentName = keyof typeof ENVIRONMENT
export type Environment = Readonly<Record<string, string | undefined>>
