/**
 * The bytes a listener sent, read as replies. Strict: what is not the exact framing of RFC 9112 is kept as `rest`, and
 * so becomes a difference.
 */

export interface ReplySeen {
  readonly status: number;
  /** Sorted, names in lower case (RFC 9110 §5.1, §5.3: neither case nor order means anything); Date without value. */
  readonly headers: readonly string[];
  readonly framing: 'none' | 'length' | 'chunked' | 'close';
  readonly body: string;
}

export interface RepliesSeen {
  readonly replies: readonly ReplySeen[];
  /** What is no whole reply. */
  readonly rest: string;
}

export function readReplies(bytes: string): RepliesSeen {
  const replies: ReplySeen[] = [];
  let rest = bytes;
  while (rest !== '') {
    const next = readReply(rest);
    if (next === null) break;
    replies.push(next.reply);
    rest = rest.slice(next.length);
  }
  return { replies, rest };
}

/** Whether a reply among the bytes says that it is the last. Handlers' own bytes never look like that. */
export function saysClose(bytes: string): boolean {
  return /\r\nconnection: close\r\n/i.test(bytes);
}

function readReply(bytes: string): { reply: ReplySeen; length: number } | null {
  const headEnd = bytes.indexOf('\r\n\r\n');
  const [first = '', ...lines] = bytes.slice(0, Math.max(headEnd, 0)).split('\r\n');
  const status = /^HTTP\/1\.1 (\d{3}) [A-Za-z -]+$/.exec(first)?.[1];
  if (status === undefined || !lines.every((line) => /^[\w-]+: [^\r\n]*$/.test(line))) return null;
  const fields = new Map(lines.map((line) => splitField(line)));
  const headers = lines
    .map((line) => splitField(line))
    .map(([name, value]) => (name === 'date' ? name : `${name}: ${value}`))
    .sort();
  const start = headEnd + 4;
  const body = readBody(bytes.slice(start), Number(status), fields);
  if (body === null) return null;
  const { framing, text, length } = body;
  return { reply: { status: Number(status), headers, framing, body: text }, length: start + length };
}

function splitField(line: string): [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 2)];
}

interface BodySeen {
  readonly framing: ReplySeen['framing'];
  readonly text: string;
  readonly length: number;
}

function readBody(bytes: string, status: number, fields: ReadonlyMap<string, string>): BodySeen | null {
  const none: BodySeen = { framing: 'none', text: '', length: 0 };
  if (status < 200 || status === 204 || status === 304 || fields.get('x-method') === 'HEAD') return none;
  if (fields.get('transfer-encoding') === 'chunked') return readChunks(bytes);
  const lengthField = fields.get('content-length');
  if (lengthField === undefined) return { framing: 'close', text: bytes, length: bytes.length };
  const length = Number(lengthField);
  // A listener's own refusal of a HEAD: it does not say whom it answers, but it is the last of its connection.
  if (bytes === '' && fields.get('connection') === 'close') return none;
  return bytes.length < length ? null : { framing: 'length', text: bytes.slice(0, length), length };
}

function readChunks(bytes: string): BodySeen | null {
  let text = '';
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const size = Number.parseInt(bytes.slice(at, Math.max(lineEnd, at)), 16);
    const start = lineEnd + 2;
    if (Number.isNaN(size) || bytes.slice(start + size, start + size + 2) !== '\r\n') return null;
    text += bytes.slice(start, start + size);
    at = start + size + 2;
    if (size === 0) return { framing: 'chunked', text, length: at };
  }
}
