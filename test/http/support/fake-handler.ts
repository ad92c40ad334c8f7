/** A handler that a test answers by hand: it keeps the exchanges it was given and tells when one comes. */
import { assert } from '../../../src/core/assert.ts';
import { PROBLEMS } from '../../../src/core/problems.ts';
import type { ProblemCode } from '../../../src/core/problems.ts';
import type { RequestHead } from '../../../src/http/head.ts';
import type { Admission, Exchange, Reply, RequestHandler } from '../../../src/http/listener.ts';

export const FAKE_BODY_BYTES_MAX = 1000;

export function textReply(text: string, status = 200): Reply {
  return { status, headers: 'Content-Type: text/plain\r\n', body: Buffer.from(text), close: false };
}

/**
 * Targets: `/auto…` is answered at once with its own target; `/refused…` is refused at the head, `/closing…` with the end
 * of the connection; `/stream…` may be answered by a stream; others wait.
 */
export class FakeHandler implements RequestHandler<Admission> {
  readonly handled: Exchange<Admission>[] = [];
  /** Answers at once when set. */
  autoReply: ((exchange: Exchange<Admission>) => Reply) | null = null;
  #taken = 0;
  #wake: () => void = () => {};

  admit(head: RequestHead): Admission {
    return {
      bodyBytesMax: FAKE_BODY_BYTES_MAX,
      safe: (head.method === 'GET' || head.method === 'HEAD') && !head.target.startsWith('/stream'),
      refusal: refusalOf(head.target),
    };
  }

  /** Requests that wait for their turn. */
  waiting = 0;

  awaitTurn(): () => void {
    let isOver = false;
    this.waiting++;
    return () => {
      assert(!isOver, 'a request stops waiting once');
      isOver = true;
      this.waiting--;
    };
  }

  handle(exchange: Exchange<Admission>): void {
    if (exchange.head.target.startsWith('/auto')) return exchange.reply(textReply(exchange.head.target));
    this.handled.push(kept(exchange));
    this.#wake();
    if (this.autoReply !== null) exchange.reply(this.autoReply(exchange));
  }

  refuse(code: ProblemCode, detail: string): Reply {
    return {
      status: PROBLEMS[code][0],
      headers: 'Content-Type: application/problem+json\r\n',
      body: Buffer.from(JSON.stringify({ code, detail })),
      close: true,
    };
  }

  /** The exchanges in the order they were handled, one a call. */
  async next(): Promise<Exchange<Admission>> {
    while (this.handled.length <= this.#taken) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.handled[this.#taken++];
  }
}

/** With the body, which an exchange lets go of when it has been handled. */
function kept(exchange: Exchange<Admission>): Exchange<Admission> {
  const { head, admission, body, receivedAtMs } = exchange;
  return {
    head,
    admission,
    body,
    receivedAtMs,
    reply: (reply) => exchange.reply(reply),
    stream: (streamHead, listener) => exchange.stream(streamHead, listener),
  };
}

function refusalOf(target: string): Reply | null {
  if (target.startsWith('/refused')) return textReply('refused', 404);
  return target.startsWith('/closing') ? { ...textReply('closing', 400), close: true } : null;
}
