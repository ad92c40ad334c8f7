// A server process of the built package, as the smoke tests drive it: started on a free port, asked over HTTP, ended.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const READY_MS = 30_000;
const REQUEST_MS = 10_000;
const STOP_MS = 30_000;

export const MAIN = fileURLToPath(new URL('../dist/src/cli/main.js', import.meta.url));

export class Server {
  /** What it printed. */
  output = '';
  base = '';
  #child;
  #exited;

  /** `node` is the binary to run it with. */
  constructor(node, directory, ...flags) {
    const argv = [MAIN, 'serve', '--port', '0', '--data', directory, ...flags];
    this.#child = spawn(node, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#exited = once(this.#child, 'exit');
    // Whoever waits for the exit hears of a binary that cannot be started.
    this.#exited.catch(() => {});
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (this.output += text));
    }
  }

  /** Resolves when it takes requests; rejects when it is gone before, or late. */
  async ready() {
    const deadline = performance.now() + READY_MS;
    this.base = await this.#eventually(
      'line with its address',
      deadline,
      () => /listening on (http:\/\/[\w.:[\]]+:\d+)/.exec(this.output)?.[1],
    );
    await this.#eventually('readiness', deadline, async () => {
      const response = await fetch(`${this.base}/readyz`, { signal: AbortSignal.timeout(REQUEST_MS) });
      await response.arrayBuffer();
      return response.ok ? true : undefined;
    });
  }

  async call(method, path, body, headers = {}) {
    const content =
      body === undefined
        ? { headers }
        : { headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) };
    const signal = AbortSignal.timeout(REQUEST_MS);
    const response = await fetch(this.base + path, { method, signal, ...content });
    const text = await response.text();
    const said = `${method} ${path} answered ${response.status} ${text}`;
    return { status: response.status, json: text === '' ? null : JSON.parse(text), said };
  }

  /** SIGTERM, and exit 0. */
  async stop() {
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
    const [code, signal] = await this.#exited;
    clearTimeout(timer);
    assert.equal(code, 0, `after SIGTERM the server ended with ${signal ?? code}`);
  }

  async kill() {
    if (this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null)
      return;
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  /** Polls until `probe` gives a value. A server that is gone, or the deadline, ends it. */
  async #eventually(what, deadline, probe) {
    for (;;) {
      const value = await probe();
      if (value !== undefined) return value;
      const { exitCode, signalCode } = this.#child;
      assert.equal(exitCode ?? signalCode, null, `the server ended before its ${what}`);
      assert.ok(performance.now() < deadline, `no ${what} in ${READY_MS / 1000} s`);
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
    }
  }
}
