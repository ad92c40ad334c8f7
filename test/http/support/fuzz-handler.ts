/**
 * The handler behind a fuzzed listener: answers at once and logs what it was given, by the address of the peer, of
 * which every run has its own.
 */
import { PROBLEMS } from '../../../src/core/problems.ts';
import type { ProblemCode } from '../../../src/core/problems.ts';
import { checkFraming } from '../../../src/http/checks.ts';
import type { RequestHead } from '../../../src/http/head.ts';
import type { Admission, Exchange, Reply, RequestHandler } from '../../../src/http/listener.ts';

export const FUZZ_BODY_BYTES_MAX = 1000;

/** A request as the handler saw it. */
export type Handled = Omit<RequestHead, 'peer'> & { readonly body: string | null };

/**
 * Targets: `/refused…` is refused at the head, `/closing…` too and with the connection; `/bye…` is answered with the
 * last reply of its connection, `/empty…` with a 204, `/stream…` by a stream. `/any…` is let in whatever its framing;
 * others pass the check of the service, since what it refuses never gets further than the head.
 */
export class FuzzHandler implements RequestHandler<Admission> {
  readonly #logs = new Map<string, Handled[]>();

  /** What came from an address; forgets it. */
  take(address: string): readonly Handled[] {
    const log = this.#logs.get(address) ?? [];
    this.#logs.delete(address);
    return log;
  }

  admit(head: RequestHead): Admission {
    return {
      bodyBytesMax: FUZZ_BODY_BYTES_MAX,
      safe: (head.method === 'GET' || head.method === 'HEAD') && !head.target.startsWith('/stream'),
      refusal: this.#refusalOf(head),
    };
  }

  awaitTurn(): null {
    return null;
  }

  handle(exchange: Exchange<Admission>): void {
    const { peer, ...head } = exchange.head;
    const body = exchange.body === null ? null : Buffer.from(exchange.body).toString('latin1');
    let log = this.#logs.get(peer.address);
    if (log === undefined) this.#logs.set(peer.address, (log = []));
    const index = log.push({ ...head, body }) - 1;
    const { method, target } = head;
    if (target.startsWith('/stream') && method !== 'GET' && method !== 'HEAD') return this.#stream(exchange);
    const reply = replyTo(method, 200, `handled ${index}`);
    if (target.startsWith('/empty')) exchange.reply({ ...reply, status: 204, body: null });
    else exchange.reply({ ...reply, close: target.startsWith('/bye') });
  }

  /** Without the detail: listeners, and versions of llhttp, put it in words of their own. */
  refuse(code: ProblemCode, _detail: string, requestId: string): Reply {
    return {
      status: PROBLEMS[code][0],
      headers: 'Content-Type: application/problem+json\r\n',
      body: Buffer.from(JSON.stringify({ code, requestId })),
      close: true,
    };
  }

  #refusalOf(head: RequestHead): Reply | null {
    const { method, target } = head;
    if (target.startsWith('/refused')) return replyTo(method, 404, 'refused');
    if (target.startsWith('/closing')) return { ...replyTo(method, 403, 'closing'), close: true };
    const framing = target.startsWith('/any') ? null : checkFraming(head);
    if (framing === null) return null;
    return {
      ...replyTo(method, PROBLEMS[framing.code][0], `framing: ${framing.code}`),
      close: framing.close,
    };
  }

  #stream(exchange: Exchange<Admission>): void {
    const listener = { writable: () => {}, gone: () => {}, drained: () => {} };
    const stream = exchange.stream(
      { status: 200, headers: `X-Method: ${exchange.head.method}\r\n` },
      listener,
    );
    stream?.write(Buffer.from('first'));
    stream?.end(Buffer.from('last'));
  }
}

/** X-Method tells the reader of replies which of them are to a HEAD. */
function replyTo(method: string, status: number, text: string): Reply {
  return { status, headers: `X-Method: ${method}\r\n`, body: Buffer.from(text), close: false };
}
