// What went wrong with a request: the server's problem+json, or the line to the server itself.

/** `LINK_LOST` is the page's own code: no answer came, so nobody knows whether the request arrived. */
export class Problem extends Error {
  override readonly name = 'Problem';

  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly retryable: boolean,
    readonly retryAfter: number | undefined,
    readonly suggestion: string,
    readonly reference: string,
  ) {
    super(`${code}: ${detail}`);
  }

  static linkLost(): Problem {
    return new Problem(0, 'LINK_LOST', 'Steadfast cannot be reached.', true, undefined, '', '');
  }

  static async from(response: Response): Promise<Problem> {
    const body: unknown = await response.json().catch(() => undefined);
    const said = isRecord(body) ? body : {};
    const text = (key: string) => (typeof said[key] === 'string' ? said[key] : '');
    const retryAfter = typeof said.retry_after === 'number' ? said.retry_after : undefined;
    const retryable = typeof said.retryable === 'boolean' ? said.retryable : response.status >= 500 || response.status === 429;
    return new Problem(
      response.status,
      text('code') || 'INTERNAL',
      text('detail'),
      retryable,
      retryAfter,
      text('suggestion'),
      text('instance'),
    );
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
