/**
 * What a parser gives up on, and what the peer is told. Codes that begin with HPE are llhttp's (llhttp,
 * src/llhttp/constants.ts), or node:http's for its own limits; the reason is the parser's own words.
 */
import { HEADERS_BYTES_MAX } from '../core/limits.ts';
import type { ProblemCode } from '../core/problems.ts';

/** gone: nobody is there to be told. after-close: bytes after the last request of a connection. */
export type ParseFault = 'gone' | 'after-close' | { readonly code: ProblemCode; readonly detail: string };

export function faultOf(error: { readonly code?: string; readonly reason?: string }): ParseFault {
  const code = error.code ?? '';
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return { code: 'headers-too-large', detail: `The head is longer than ${HEADERS_BYTES_MAX} bytes` };
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return { code: 'body-too-large', detail: 'The chunk extensions of the body are too long' };
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { code: 'request-timeout', detail: 'The request did not arrive in time' };
    case 'HPE_CLOSED_CONNECTION':
      return 'after-close';
    default:
      if (!code.startsWith('HPE_')) return 'gone';
      return {
        code: 'bad-target',
        detail: `The request is not valid HTTP/1.1: ${error.reason ?? 'malformed'}`,
      };
  }
}
