/** The parser of server-sent events, against the standard's examples and with chunks that end anywhere. */
import t from 'tap';
import { EventStreamParser } from '../../src/client/event-stream.ts';
import type { ServerSentEvent } from '../../src/client/event-stream.ts';

const encoder = new TextEncoder();

function parse(chunks: readonly (string | Uint8Array)[], lastEventId = ''): ServerSentEvent[] {
  const parser = new EventStreamParser(lastEventId);
  return chunks.flatMap((chunk) => parser.push(typeof chunk === 'string' ? encoder.encode(chunk) : chunk));
}

const message = (data: string, lastEventId = '', event = 'message'): ServerSentEvent => ({
  event,
  data,
  lastEventId,
});

t.test('fields, comments and line ends are read as the standard has them', (t) => {
  t.same(parse(['data: a\n\n']), [message('a')]);
  t.same(parse(['data:a\r\rdata: b\r\n\r\n']), [message('a'), message('b')], 'CR and CRLF end lines too');
  t.same(parse(['data:  two spaces\n\n']), [message(' two spaces')], 'one space is the field’s');
  t.same(parse(['data: a\ndata\ndata: c\n\n']), [message('a\n\nc')], 'lines are joined');
  t.same(parse(['data\n\n']), [message('')], 'empty data is an event');
  t.same(parse(['event: x\nid: 7\n\n']), [], 'none without data');
  t.same(parse([': heartbeat\n\ndata: a\n\n']), [message('a')], 'a comment is none');
  t.same(parse(['event: change\ndata: a\n\ndata: b\n\n']), [message('a', '', 'change'), message('b')]);
  t.same(parse(['what: ever\ndata: a: b\n\n']), [message('a: b')], 'unknown fields and later colons');
  t.same(parse(['\u{feff}data: a\n\n']), [message('a')], 'a byte order mark is dropped');
  t.same(parse(['data: a\n']), [], 'an event that the end cuts short is dropped');
  t.end();
});

t.test('an id holds on, and counts only with the end of its event', (t) => {
  t.same(parse(['id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n']), [
    message('a', '1'),
    message('b', '1'),
    message('c', ''),
  ]);
  t.same(parse(['id: 1\0\ndata: a\n\n'], 'before'), [message('a', 'before')], 'an id with NUL is ignored');
  const parser = new EventStreamParser('before');
  parser.push(encoder.encode('id: 1\ndata: a\n\nid: 2\ndata: b\n'));
  t.equal(parser.lastEventId, '1', 'the second event never came whole');
  parser.push(encoder.encode('\n'));
  t.equal(parser.lastEventId, '2');
  t.end();
});

t.test('retry is kept when it is digits', (t) => {
  const parser = new EventStreamParser();
  t.equal(parser.retryMs, null);
  parser.push(encoder.encode('retry: 1500\n\n'));
  t.equal(parser.retryMs, 1500);
  parser.push(encoder.encode('retry: soon\n\n'));
  t.equal(parser.retryMs, 1500);
  t.end();
});

t.test('wherever the chunks end, the events are the same', (t) => {
  const text =
    '\u{feff}: hi\r\n\r\nid: é1\r\nevent: change\r\ndata: {"seats":"💺ä"}\r\n\r\ndata: a\r\rdata: b\ndata: c\n\nid: 9\ndata\n\n';
  const bytes = encoder.encode(text);
  const whole = parse([bytes]);
  t.equal(whole.length, 4);
  for (let first = 0; first <= bytes.length; first++) {
    for (let second = first; second <= bytes.length; second++) {
      const parts = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)];
      const events = parse(parts);
      if (JSON.stringify(events) !== JSON.stringify(whole)) {
        t.same(events, whole, `cut at ${first} and ${second}`);
      }
    }
  }
  t.same(parse(Array.from(bytes, (byte) => Uint8Array.of(byte))), whole, 'byte by byte');
  t.end();
});
