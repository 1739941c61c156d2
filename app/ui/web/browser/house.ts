// One house for one test: the program with its own data, settings and upstream, and the page in a browser. The program
// can be killed and started again on the same data and at the same address.
import { test as base, type Page } from '@playwright/test';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunView } from '../src/api/contract';
import { needed, Program } from './program.ts';
import { Upstream } from './upstream.ts';

/** `none`: Quick has no source that works. `ready`: the test model, loaded. `asked`: the test model, not loaded yet. */
export type Quick = 'none' | 'ready' | 'asked';

export class House {
  url = '';
  readonly upstream: Upstream;
  readonly #folder: string;
  #program: Program | undefined;

  constructor(folder: string, upstream: Upstream) {
    this.#folder = folder;
    this.upstream = upstream;
  }

  async start(quick: Quick): Promise<this> {
    writeFileSync(join(this.#folder, 'steadfast.toml'), this.#settings(quick));
    await this.#begin('127.0.0.1:0');
    if (quick === 'ready')
      await until('Quick to be ready', async () => (await this.json<{ phase: string }>(`/api/models/${QUICK}`)).phase === 'ready');
    return this;
  }

  kill(): Promise<void> {
    return this.#program?.kill() ?? Promise.resolve();
  }

  /** Starts it again where the page expects it. */
  again(): Promise<void> {
    return this.#begin(new URL(this.url).host);
  }

  async json<T>(path: string): Promise<T> {
    const response = await fetch(this.url + path);
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as T;
  }

  run(id: string): Promise<RunView> {
    return this.json<RunView>(`/api/runs/${id}`);
  }

  async #begin(listen: string): Promise<void> {
    const args = ['serve', '--listen', listen, '--data-dir', join(this.#folder, 'data'), '--config', join(this.#folder, 'steadfast.toml')];
    this.#program = new Program(needed('STEADFAST_BIN', 'steadfast'), args, join(this.#folder, 'server.log'));
    const line = await this.#program.firstLine;
    this.url = /http:\/\/[\w.:]+/.exec(line)?.[0] ?? '';
    await until('the house to be ready', async () => (await fetch(`${this.url}/readyz`)).ok);
  }

  #settings(quick: Quick): string {
    const catalogue = join(this.#folder, 'models.toml');
    const path = quick === 'none' ? join(this.#folder, 'no-such-file.gguf') : needed('STEADFAST_TEST_MODEL');
    writeFileSync(catalogue, `[[model]]\nid = "${QUICK}"\nsources = [{ kind = "file", path = ${JSON.stringify(path)} }]\n`);
    return `
[models]
start = ${JSON.stringify(quick === 'ready' ? 'quick' : '')}
hub_endpoint = "http://127.0.0.1:9"
catalogue = ${JSON.stringify(catalogue)}

[gateway]
wait_first = "400ms"
wait_max = "4s"

[[upstreams]]
name = "cloud-b"
url = "${this.upstream.address}/v1"
key = "${KEY}"
models = [{ id = "big-model", name = "Big", context = 32768 }]
`;
  }
}

/** Asks until it is so, or the test's own time is over. */
export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000;
  let last: unknown;
  while (Date.now() < end) {
    try {
      if (await isSo()) return;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`waited too long for ${what}${last ? ` (${last})` : ''}`);
}

export const QUICK = 'smollm2-135m-instruct';
export const KEY = 'sk-of-the-tests-1234567890';
export const BIG = 'cloud-b/big-model';

interface Fixtures {
  quick: Quick;
  house: House;
  /** The page, opened, with Big chosen unless the test has a model of its own. */
  chat: Chat;
}

/** The page as a person uses it. */
export class Chat {
  constructor(
    readonly page: Page,
    readonly house: House,
  ) {}

  async choose(model: string): Promise<void> {
    await this.page.locator(`label[data-tier="${model}"]`).click();
  }

  async send(text: string): Promise<void> {
    await this.page.locator('#composer').fill(text);
    await this.page.keyboard.press('Enter');
  }

  /** The newest answer. */
  get answer() {
    return this.page.locator('[data-role="assistant"]').last();
  }

  answerIn(state: string) {
    return this.page.locator(`[data-role="assistant"][data-state="${state}"]`).last();
  }

  act(id: string) {
    return this.answer.locator(`[data-act="${id}"]`);
  }

  get words() {
    return this.answer.locator('.prose');
  }

  /** The states that the newest run went through, from the page's own ring. */
  async passed(run: string): Promise<string[]> {
    const events = await this.page.evaluate(() => window.__steadfast?.events ?? []);
    return events
      .filter((event) => event.what === 'run' && event.id === run)
      .map((event) => (event.attempt && event.attempt > 1 ? `${event.to} ${event.attempt}` : event.to));
  }

  async runId(): Promise<string> {
    return (await this.answer.getAttribute('data-msg-id')) ?? '';
  }

  async buttons(): Promise<string[]> {
    return this.answer.locator('.acts').last().getByRole('button').allInnerTexts();
  }
}

export const test = base.extend<Fixtures>({
  quick: ['none', { option: true }],

  house: async ({ quick }, use, info) => {
    const folder = mkdtempSync(join(tmpdir(), 'steadfast-page-'));
    const upstream = await new Upstream(folder).started();
    const house = new House(folder, upstream);
    try {
      await use(await house.start(quick));
      if (info.status !== info.expectedStatus) await info.attach('server.log', { path: join(folder, 'server.log') });
    } finally {
      await Promise.all([house.kill(), upstream.kill()]);
      rmSync(folder, { recursive: true, force: true });
    }
  },

  chat: async ({ page, house, quick }, use) => {
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => /Content.Security|violates/i.test(message.text()) && faults.push(message.text()));
    await page.goto(house.url);
    const chat = new Chat(page, house);
    if (quick === 'none') await chat.choose(BIG);
    await use(chat);
    if (faults.length > 0) throw new Error(`the page itself failed: ${faults.join('; ')}`);
  },
});

export { expect } from '@playwright/test';

/** Keeps a picture of what a state looks like. */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = join(import.meta.dirname, '../../../../test-artefacts/screens');
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), animations: 'disabled' });
}
