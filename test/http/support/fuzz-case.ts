/**
 * What the differential fuzzer feeds a listener: bytes, where they are cut into writes, and how the peer ends. Bytes
 * are latin1 strings, one character a byte, so that a case reads as what goes over the wire.
 */

/**
 * How the peer goes on after its bytes. open: it sends a sentinel request behind them, and half-closes only when the
 * listener has nothing left to do. end: it half-closes with the last byte. reset: it resets after the last byte.
 */
export type Finish = 'open' | 'end' | 'reset';

export interface FuzzCase {
  readonly name: string;
  readonly bytes: string;
  readonly finish: Finish;
}

export interface FuzzRun extends FuzzCase {
  /** Offsets, ascending, each within the bytes: where a write ends and the next begins. */
  readonly cuts: readonly number[];
}

/** Behind the bytes of a case: answered if the connection survives and the framing is intact. */
const SENTINEL = 'GET /sentinel HTTP/1.1\r\nHost: s\r\n\r\n';

/** The writes of a run. The sentinel belongs to the last one: that is where smuggled bytes meet honest ones. */
export function piecesOf(run: FuzzRun): string[] {
  const bytes = run.finish === 'open' ? run.bytes + SENTINEL : run.bytes;
  const pieces: string[] = [];
  let start = 0;
  for (const cut of run.cuts) {
    if (cut <= start || cut >= bytes.length) continue;
    pieces.push(bytes.slice(start, cut));
    start = cut;
  }
  pieces.push(bytes.slice(start));
  return pieces;
}

/** Cuts before every byte. */
export function cutsEverywhere(bytes: string): number[] {
  return Array.from({ length: bytes.length }, (_, i) => i + 1);
}

/** A latin1 string as it could be pasted into a test; long runs of one character are abridged. */
export function quote(bytes: string): string {
  const abridged = bytes.replaceAll(/(.)\1{39,}/gs, (all, one: string) => `${one}<×${all.length}>`);
  return JSON.stringify(abridged).replaceAll(
    /[\x7f-\xff]/g,
    (byte) => `\\x${byte.charCodeAt(0).toString(16)}`,
  );
}
