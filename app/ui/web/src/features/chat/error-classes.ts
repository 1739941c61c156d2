// From the server's error codes to what a person is told: the class, the headline, what follows from it, and the way
// forward that fits. One row per code; a test holds the rows to the server's list of codes.
import type { Failure } from '../../api/contract';
import { say, type Key, type Sentence } from '../../messages';
import { asked } from '../../components/amounts';

export type ErrorClass =
  | 'engine.loading'
  | 'engine.memory'
  | 'engine.crash'
  | 'upstream.busy'
  | 'upstream.rate'
  | 'upstream.down'
  | 'upstream.timeout'
  | 'stream.cut'
  | 'auth.key'
  | 'auth.session'
  | 'input.too_long'
  | 'input.unsupported'
  | 'input.refused'
  | 'store.down'
  | 'link.offline'
  | 'internal';

/** A way forward beside "Try again" and "Answer with": what a person can mend. */
export type Fix = 'open_servers' | 'open_models' | 'load' | 'edit' | 'new_conversation' | 'copy_report';

/** Whether the button "Try again" is offered; `never` where it cannot help until something is mended. */
export type TryAgain = 'offered' | 'never';

export interface ErrorKind {
  class: ErrorClass;
  headline: Extract<Key, `err.${string}`>;
  then: Extract<Key, `err.then.${string}`>;
  tryAgain: TryAgain;
  fix?: Fix;
}

const KINDS: Record<string, ErrorKind> = {
  MODEL_LOADING: kind('engine.loading', 'err.engine.loading', 'err.then.wait', 'offered'),
  MODEL_NOT_LOADED: kind('engine.loading', 'err.engine.not_loaded', 'err.then.load', 'offered', 'open_models'),
  OUT_OF_MEMORY: kind('engine.memory', 'err.engine.memory', 'err.then.smaller', 'offered', 'open_models'),
  MODEL_CRASHED: kind('engine.crash', 'err.engine.crash', 'err.then.saved', 'offered', 'open_models'),
  INVALID_MODEL_FILE: kind('engine.crash', 'err.engine.file', 'err.then.file', 'never', 'open_models'),
  CORRUPT: kind('engine.crash', 'err.engine.file', 'err.then.file', 'never', 'open_models'),

  OVERLOADED: kind('upstream.busy', 'err.upstream.busy', 'err.then.wait', 'offered'),
  RATE_LIMITED: kind('upstream.rate', 'err.upstream.rate', 'err.then.wait', 'offered'),
  QUOTA_EXHAUSTED: kind('upstream.rate', 'err.upstream.quota', 'err.then.credit', 'never', 'open_servers'),
  UPSTREAM_PROTOCOL: kind('upstream.down', 'err.upstream.protocol', 'err.then.address', 'never', 'open_servers'),
  UNAVAILABLE: kind('upstream.down', 'err.upstream.down', 'err.then.wait', 'offered', 'open_servers'),
  CONNECTION_LOST: kind('upstream.down', 'err.upstream.lost', 'err.then.wait', 'offered', 'open_servers'),
  CIRCUIT_OPEN: kind('upstream.down', 'err.upstream.resting', 'err.then.wait', 'offered', 'open_servers'),
  RETRY_EXHAUSTED: kind('upstream.down', 'err.upstream.exhausted', 'err.then.wait', 'offered', 'open_servers'),
  TIMEOUT: kind('upstream.timeout', 'err.upstream.timeout', 'err.then.wait', 'offered'),
  STREAM_CUT: kind('stream.cut', 'err.stream.cut', 'err.then.saved', 'offered'),
  TOOL_CALL_TRUNCATED: kind('stream.cut', 'err.stream.call', 'err.then.saved', 'offered'),
  INTERRUPTED: kind('stream.cut', 'err.stream.restart', 'err.then.saved', 'offered'),

  UNAUTHORIZED: kind('auth.key', 'err.auth.key', 'err.then.key', 'never', 'open_servers'),
  FORBIDDEN: kind('auth.key', 'err.auth.forbidden', 'err.then.key', 'never', 'open_servers'),

  CONTEXT_TOO_LONG: kind('input.too_long', 'err.input.too_long', 'err.then.shorten', 'never', 'new_conversation'),
  UNSUPPORTED_INPUT: kind('input.unsupported', 'err.input.unsupported', 'err.then.edit', 'never', 'edit'),
  VALIDATION: kind('input.refused', 'err.input.refused', 'err.then.edit', 'never', 'edit'),
  CONFLICT: kind('input.refused', 'err.input.refused', 'err.then.edit', 'never', 'edit'),
  STREAM_EXPIRED: kind('input.refused', 'err.input.refused', 'err.then.edit', 'never', 'edit'),
  KEY_REUSED: kind('input.refused', 'err.input.refused', 'err.then.edit', 'never', 'edit'),
  TOOL_NOT_FOUND: kind('input.refused', 'err.input.refused', 'err.then.edit', 'never', 'edit'),
  NOT_FOUND: kind('input.refused', 'err.upstream.unknown', 'err.then.edit', 'never', 'open_servers'),

  DISK_FULL: kind('store.down', 'err.engine.disk', 'err.then.disk', 'offered'),
  STORAGE_UNAVAILABLE: kind('store.down', 'err.store.down', 'err.then.wait', 'offered'),
  QUERY_TIMEOUT: kind('store.down', 'err.store.down', 'err.then.wait', 'offered'),
  LINK_LOST: kind('link.offline', 'err.link.offline', 'err.then.saved', 'offered'),
  CANCELLED: kind('internal', 'err.cancelled', 'err.then.saved', 'offered'),
  INTERNAL: kind('internal', 'err.internal', 'err.then.saved', 'offered', 'copy_report'),
};

/** The codes that have a row; the page's own `LINK_LOST` among them. */
export const KNOWN_CODES: readonly string[] = Object.keys(KINDS);

/** A code that a newer server may have is treated as a fault inside the program. */
export function kindOf(failure: Failure): ErrorKind {
  return KINDS[failure.code] ?? { ...INTERNAL, tryAgain: failure.retryable ? 'offered' : 'never' };
}

/** What happened, in one sentence. `model` is what the person chose, `who` whoever was asked for it. */
export function headline(failure: Failure, model: string, who: string): Sentence {
  const about = { model, who, wait: failure.retry_after === undefined ? '' : asked(failure.retry_after) };
  return say(kindOf(failure).headline as 'err.upstream.busy', about);
}

function kind(cls: ErrorClass, headline: ErrorKind['headline'], then: ErrorKind['then'], tryAgain: TryAgain, fix?: Fix): ErrorKind {
  return { class: cls, headline, then, tryAgain, ...(fix && { fix }) };
}

const INTERNAL = kind('internal', 'err.internal', 'err.then.saved', 'offered', 'copy_report');
