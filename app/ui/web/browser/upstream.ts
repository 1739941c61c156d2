// The scripted upstream, and what it says: the scenario is a word in the question (`SCN-503x2#key`).
import { join } from 'node:path';
import { needed, Program } from './program.ts';

export interface Call {
  scenario: string;
  at_ms: number;
  words_sent: number;
  closed_by_client: boolean;
}

export class Upstream {
  readonly #program: Program;
  address = '';

  constructor(folder: string) {
    this.#program = new Program(needed('STEADFAST_SCRIPTED_UPSTREAM', 'scripted-upstream'), [], join(folder, 'upstream.log'));
  }

  async started(): Promise<this> {
    const line = await this.#program.firstLine;
    this.address = /https?:\/\/[\w.:]+/.exec(line)?.[0] ?? `http://${line.trim()}`;
    return this;
  }

  /** The calls with this scenario and key, oldest first. */
  async calls(scenario: string): Promise<Call[]> {
    const log = (await (await fetch(`${this.address}/log`)).json()) as { calls: Call[] };
    return log.calls.filter((call) => call.scenario === scenario);
  }

  kill(): Promise<void> {
    return this.#program.kill();
  }
}

/** What every scenario says, as far as it gets: no two words are alike. */
export function words(count: number): string {
  return Array.from({ length: count }, (_, index) => `${NAMES[index % NAMES.length]}${index + 1}`).join(' ');
}

const NAMES = ['amber', 'birch', 'cedar', 'delta', 'ember', 'fjord', 'grove', 'heron'];
