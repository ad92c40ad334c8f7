/**
 * What the two listeners do differently, reviewed: the first is node:http's, the second the lean one. An entry covers
 * as little as it can, and goes when nothing differs by it any more.
 */
import { HEADERS_BYTES_MAX } from '../../../src/core/limits.ts';
import type { FuzzRun } from './fuzz-case.ts';
import type { ReplySeen } from './fuzz-replies.ts';
import type { KnownDifference, Outcome } from './fuzz-pair.ts';

/** How many requests, from the first, both handled alike. */
function commonHandled(first: Outcome, second: Outcome): number {
  const text = second.handled.map((handled) => JSON.stringify(handled));
  const at = first.handled.findIndex((handled, i) => JSON.stringify(handled) !== text[i]);
  return at < 0 ? first.handled.length : at;
}

/** What lies between a semicolon and the end of its line, over all lines. */
function extensionBytes({ bytes }: FuzzRun): number {
  return (bytes.match(/;[^\n]*/g) ?? []).reduce((sum, extension) => sum + extension.length, 0);
}

function isTooLarge(outcome: Outcome): boolean {
  return outcome.replies.at(-1)?.status === 413;
}

function saysClose(reply: ReplySeen | undefined): boolean {
  return reply?.headers.includes('connection: close') === true;
}

function isSameButClose(reply: ReplySeen, closing: ReplySeen): boolean {
  const [first, second] = [reply, closing].map(({ headers, ...rest }) =>
    JSON.stringify([rest, headers.filter((header) => !/^(?:connection|keep-alive): /.test(header))]),
  );
  return first === second;
}

export const NODE_AND_LEAN: readonly KnownDifference[] = [
  {
    name: 'a malformed body behind an upgrade',
    first:
      'Ignores what the parser says of it (node_http_parser.cc, Execute: no error while upgrade is set): the body never comes ' +
      'to an end, and time runs out.',
    second: 'Refuses it.',
    harmless: 'Such a request is the last of its connection in both, and it is not handled.',
    example:
      'POST /p HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: x\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n',
    covers: ({ bytes }, first, second) =>
      /\nconnection[ \t]*:[^\n]*upgrade/i.test(bytes) &&
      /\nupgrade[ \t]*:/i.test(bytes) &&
      /\n(?:transfer-encoding|content-length)[ \t]*:/i.test(bytes) &&
      first.handled.length <= second.handled.length &&
      commonHandled(first, second) === first.handled.length,
  },
  {
    name: 'HTTP/1.0 kept alive without a length',
    first:
      'Ends the connection with a reply that has no Content-Length, though it has no body (_storeHeader).',
    second: 'Keeps it, as it was asked to: a 204 or 304 ends with its head (RFC 9112 §6.3).',
    harmless: 'Where the next reply begins is not in doubt.',
    example: 'POST /empty HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
    covers: ({ bytes }, first, second) => {
      const last = first.replies.length - 1;
      const closing = first.replies.at(-1);
      const same = second.replies[last];
      return (
        bytes.includes(' HTTP/1.0') &&
        closing?.framing === 'none' &&
        saysClose(closing) &&
        same !== undefined &&
        isSameButClose(same, closing) &&
        commonHandled(first, second) >= Math.min(first.handled.length, last + 1)
      );
    },
  },
  {
    name: 'a trailer that takes the end of the connection back',
    first:
      'Goes by `Connection` in trailers, too, since llhttp does: the request was to be the last one, and is not.',
    second: 'The head has said that it is the last one (RFC 9110 §6.5.1: framing is not for trailers).',
    harmless: 'Less is handled, and the reply says that the connection ends.',
    example:
      `PUT / HTTP/1.1\r\nContent-Length: 600\r\n\r\n${'x'.repeat(600)}GET /any\nTransfer-Encoding:chunked\r\n\r\n` +
      '0\r\nConnection:keep-alive,\r\n\r\nHEAD /any\nH:\r\n\r\n',
    covers: ({ bytes }, first, second) =>
      /\ntransfer-encoding[ \t]*:[ \t]*chunked/i.test(bytes) &&
      /\r\n0(?:;[^\n]*)?\r\n(?:[^\r\n]+\r\n)*?connection:[^\n]*keep-alive/i.test(bytes) &&
      saysClose(second.replies.at(-1)) &&
      commonHandled(first, second) === second.handled.length,
  },
  {
    name: 'a close that waited for its turn',
    first:
      'Learns of the end of a body a little late. A reply that closes may have to wait for that, and is given when the ' +
      'next request is there: then the connection goes on.',
    second: 'Hands a request over with its last byte, and closes.',
    harmless:
      'Where a request begins is not in doubt: with a body, or without any, the handler refuses at the head at once.',
    example: 'POST /bye HTTP/1.1\r\nContent-Length: 1\r\n\r\nx',
    covers: (_run, first, second) => {
      const count = second.handled.length;
      const closing = second.replies.at(-1);
      const same = first.replies[second.replies.length - 1];
      if (!saysClose(closing) || same === undefined || saysClose(same)) return false;
      const isHandlers = closing!.headers.some((header) => header.startsWith('x-method'));
      const isMeant = closing!.status >= 400 || second.handled[count - 1]?.target.startsWith('/bye') === true;
      return (
        isHandlers && isMeant && commonHandled(first, second) === count && isSameButClose(same, closing!)
      );
    },
  },
  {
    name: 'a 100 held back',
    first:
      'Puts the 100 behind the head of the final reply, if an earlier request of the pipeline is not done and the ' +
      'reply is known by then (lib/_http_outgoing.js, _send: the head goes in front of all that waits).',
    second: 'Sends the 100, and then the reply.',
    harmless:
      'Who expects a 100 waits for it before it sends a body, and all before it are answered by then.',
    example:
      'GET /g HTTP/1.1\r\n\r\nPOST /p HTTP/1.1\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n',
    covers: ({ bytes }, first, second) =>
      /\nexpect:[^\n]*100-continue/i.test(bytes) &&
      first.replies.at(-1)?.body.includes('HTTP/1.1 100 Continue\r\n\r\n') === true &&
      second.replies.at(-2)?.status === 100 &&
      first.replies.length === second.replies.length - 1 &&
      commonHandled(first, second) === second.handled.length,
  },
  {
    name: 'CONNECT behind a last reply',
    first: 'Refuses it, after the reply that said `Connection: close`.',
    second: 'Says no more.',
    harmless: 'Nothing is handled, and a peer does not read on behind a last reply.',
    example: 'GET /bye HTTP/1.1\r\n\r\nCONNECT h:80 HTTP/1.1\r\n\r\n',
    covers: ({ bytes }, first, second) =>
      bytes.includes('CONNECT ') &&
      first.replies.length === second.replies.length + 1 &&
      first.replies.at(-1)?.status === 400 &&
      JSON.stringify(first.replies.slice(0, -1)) === JSON.stringify(second.replies),
  },
  {
    name: 'chunk extensions, counted otherwise',
    first: '16 KiB of names and values for each chunk, 413 beyond.',
    second: '16 KiB of all between semicolon and line end, for all chunks of a request together, 413 beyond.',
    harmless: 'Nobody sends them; the stricter count bounds what a request costs. Both end the connection.',
    example: `POST /p HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;${'x'.repeat(9000)}\r\na\r\n0;${'x'.repeat(9000)}\r\n\r\n`,
    covers: (run, first, second) =>
      isTooLarge(second) && !isTooLarge(first) && extensionBytes(run) >= HEADERS_BYTES_MAX - 16,
  },
];
