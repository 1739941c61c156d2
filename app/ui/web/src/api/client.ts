// Every request that the page makes, one function each. A request ends with its answer or with a `Problem`.
import type { Conversation, ConversationView, ModelStatus, RunView, StoredMessage } from './contract';
import { Problem } from './problem';

/** A message as it leaves the page; the id makes sending it twice harmless. */
export interface Outgoing {
  id: string;
  text: string;
  model: string;
}

export interface NewRun {
  id: string;
  model?: string;
  continues?: string;
}

export type StopReason = 'user_stop' | 'route_change' | 'model_switch';

export const client = {
  conversations: () => ask<{ conversations: Conversation[] }>('GET', '/api/conversations').then((list) => list.conversations),
  conversation: (id: string) => ask<ConversationView>('GET', `/api/conversations/${id}`),
  rename: (id: string, title: string) => ask<Conversation>('PATCH', `/api/conversations/${id}`, { title }),
  remove: (id: string) => ask<undefined>('DELETE', `/api/conversations/${id}`),
  restore: (id: string) => ask<Conversation>('POST', `/api/conversations/${id}/restore`, {}),

  send: (conversation: string, message: Outgoing) =>
    ask<{ message: StoredMessage; run: RunView }>('POST', `/api/conversations/${conversation}/messages`, message),
  editMessage: (id: string, text: string) => ask<StoredMessage>('PATCH', `/api/messages/${id}`, { text }),
  removeMessage: (id: string) => ask<undefined>('DELETE', `/api/messages/${id}`),
  sendNow: (id: string) => ask<RunView>('POST', `/api/messages/${id}/send-now`, {}),
  runAgain: (message: string, run: NewRun) => ask<RunView>('POST', `/api/messages/${message}/runs`, run),

  run: (id: string) => ask<RunView>('GET', `/api/runs/${id}`),
  stop: (run: string, reason: StopReason) => ask<RunView>('POST', `/api/runs/${run}/stop`, { reason }),
  tryNow: (run: string) => ask<unknown>('POST', `/api/runs/${run}/try-now`, {}),
  dismiss: (run: string) => ask<RunView>('POST', `/api/runs/${run}/dismiss`, {}),

  models: () => ask<{ models: ModelStatus[] }>('GET', '/api/models').then((list) => list.models),
  load: (model: string) => atDoor(model, 'load'),
  cancelLoad: (model: string) => atDoor(model, 'cancel', { reason: 'user_stop' }),
  unload: (model: string) => atDoor(model, 'unload'),
  reset: (model: string) => atDoor(model, 'reset'),
  removeModel: (model: string) => atDoor(model, 'remove'),

  health: () => ask<{ store?: { ok: boolean } }>('GET', '/healthz'),
};

function atDoor(model: string, door: string, body: object = {}): Promise<ModelStatus> {
  return ask<ModelStatus>('POST', `/api/models/${encodeURIComponent(model)}/${door}`, body);
}

async function ask<T>(method: string, path: string, body?: object): Promise<T> {
  const response = await reach(path, {
    method,
    signal: AbortSignal.timeout(PATIENCE_MS),
    ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  if (!response.ok) throw await Problem.from(response);
  if (response.status === 204) return undefined as T;
  return (await response.json().catch(() => Promise.reject(Problem.linkLost()))) as T;
}

/** A refused, cut or timed-out request is a lost line, whatever the browser calls it. */
async function reach(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, init);
  } catch {
    throw Problem.linkLost();
  }
}

const PATIENCE_MS = 15_000;
