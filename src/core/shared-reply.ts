/**
 * One answer to several requests that ask for the same: what a worker made for the first of them, with the id of each in
 * it and the date of now. Main thread. Keeps nothing of the batch that the worker's came in.
 */
import { assert } from './assert.ts';
import { CONTENT_TYPE, type ContentType } from './batch.ts';
import { quoted } from './json-text.ts';
import { headerLine, REQUEST_ID } from './message.ts';
import { encodeReply, type ReplyMessage } from './reply-codec.ts';

const NO_BYTES = Buffer.alloc(0);
const ID_LINE = `${REQUEST_ID}: `;
const LINE_END = '\r\n';

export class SharedReply {
  readonly sequence: number;
  readonly #status: number;
  readonly #contentType: ContentType;
  /** Header lines before the id's and behind it. */
  readonly #linesBefore: string;
  readonly #linesBehind: string;
  readonly #body: Buffer;
  /** A problem has the id in its body, too: the texts before it and behind it. */
  readonly #problem: readonly [before: string, behind: string] | null;

  constructor(reply: ReplyMessage) {
    const { headers, body } = reply;
    this.sequence = reply.sequence;
    this.#status = reply.status;
    this.#contentType = reply.contentType;
    const idAt = headers.indexOf(ID_LINE);
    const idEnd = headers.indexOf(LINE_END, idAt);
    assert(idAt >= 0 && idEnd > idAt, 'a reply names its request');
    this.#linesBefore = headers.slice(0, idAt);
    this.#linesBehind = headers.slice(idEnd + LINE_END.length);
    const isProblem = reply.contentType === CONTENT_TYPE.problem;
    this.#problem = isProblem ? aroundId(body, headers.slice(idAt + ID_LINE.length, idEnd)) : null;
    this.#body = body === null ? NO_BYTES : Buffer.from(body);
  }

  /** Of what it keeps. */
  get bytes(): number {
    return this.#linesBefore.length + this.#linesBehind.length + this.#body.length;
  }

  for(requestId: string): ReplyMessage {
    const lines = this.#linesBefore + headerLine(REQUEST_ID, requestId) + this.#linesBehind;
    const around = this.#problem;
    const body = around === null ? this.#body : Buffer.from(around[0] + memberOf(requestId) + around[1]);
    const { sequence } = this;
    return encodeReply({ status: this.#status, contentType: this.#contentType, sequence, body }, lines);
  }
}

/** As problemJson() writes it. Within a string of JSON the quotes would be escaped: there is one such place. */
function memberOf(requestId: string): string {
  return `"requestId":${quoted(requestId)}`;
}

function aroundId(body: Buffer | null, requestId: string): readonly [string, string] {
  const parts = (body?.toString('utf8') ?? '').split(memberOf(requestId));
  assert(parts.length === 2, 'a problem names its request');
  return [parts[0], parts[1]];
}
