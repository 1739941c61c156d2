// Splits a server-sent event stream into its events; a comment line is a sign of life. Knows no JSON and no policy.

export interface SseEvent {
  id: string;
  data: string;
}

export type SseItem = SseEvent | 'heartbeat';

/** Feeds on text in any pieces and hands out whole events. */
export class SseSplitter {
  #rest = '';
  #id = '';
  #data: string[] = [];

  push(text: string): SseItem[] {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    return lines.flatMap((line) => this.#line(line));
  }

  #line(line: string): SseItem[] {
    if (line === '') return this.#dispatch();
    if (line.startsWith(':')) return ['heartbeat'];
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') this.#data.push(value);
    if (field === 'id') this.#id = value;
    return [];
  }

  #dispatch(): SseItem[] {
    if (this.#data.length === 0) return [];
    const event = { id: this.#id, data: this.#data.join('\n') };
    this.#data = [];
    return [event];
  }
}

/** Every item of a response's body; ends when the body ends, throws when it is cut. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<SseItem> {
  const splitter = new SseSplitter();
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* splitter.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
