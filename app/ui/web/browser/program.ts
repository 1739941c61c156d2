// A program as a child process: its first line, its log, its end. What is not ended at the end of a test is killed.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export class Program {
  readonly #child: ChildProcess;
  readonly firstLine: Promise<string>;

  constructor(path: string, args: string[], log: string) {
    this.#child = spawn(path, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, STEADFAST_LOG: 'debug,hyper=info,sqlx=info' },
    });
    this.#child.stderr!.pipe(createWriteStream(log, { flags: 'a' }));
    const lines = createInterface({ input: this.#child.stdout! });
    this.firstLine = Promise.race([
      once(lines, 'line').then(([line]) => line as string),
      once(this.#child, 'exit').then(([code]) =>
        Promise.reject(new Error(`${path} ended with ${code} before it said anything; its log is ${log}`)),
      ),
      once(this.#child, 'error').then(([error]) => Promise.reject(error)),
    ]) as Promise<string>;
  }

  /** Pulls the plug, and waits until it is dark. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }
}

/** Where a program or a file of the tests is, or an error that says how to get it. */
export function needed(variable: string, otherwise?: string): string {
  const path = process.env[variable] ?? (otherwise && join(import.meta.dirname, '../../../../target/debug', otherwise));
  if (path && existsSync(path)) return path;
  throw new Error(`${variable} names nothing (${path}): \`cargo xtask test --only browser\` sets it`);
}
