/**
 * One who follows an event's live updates. Main thread.
 *
 *   opening ─read─▶ live ─the peer does not read─▶ behind ─it reads again─▶ catching ─read─▶ live
 *      └ a problem instead of a stream
 *
 * What "leaves no gap" rests on is said in live-updates.ts.
 */
import type { BatchRequest } from '../core/batch.ts';
import type { SinkReply } from '../dispatch/sink.ts';
import type { Admission, Exchange, ReplyStream, StreamListener } from './listener.ts';
import { endMessage, isGoneEvent, preface, readingOf, resetMessage } from './live-messages.ts';
import type { LiveMessage, Reading, Start } from './live-messages.ts';
import type { LiveUpdates, Topic } from './live-updates.ts';
import { headerLines, problemReply } from './reply.ts';

/** How the reply begins: its status, and its problem's code if it is one. */
export type Answered = (status: number, code: string) => void;

export class Subscriber implements StreamListener {
  readonly topic: Topic;
  readonly request: BatchRequest;
  readonly #live: LiveUpdates;
  readonly #exchange: Exchange<Admission>;
  readonly #answered: Answered;
  readonly #isForeign: boolean;
  /** Everything up to here it has been told, or knew when it came; -1: it has yet to learn where it begins. */
  sequence: number;
  /** null while it is opening. */
  stream: ReplyStream | null = null;
  isOver = false;
  #state: 'live' | 'behind' | 'catching' = 'catching';
  /** Messages that were made while it was catching up. */
  #missed: LiveMessage[] = [];

  constructor(
    live: LiveUpdates,
    topic: Topic,
    exchange: Exchange<Admission>,
    request: BatchRequest,
    start: Start & { readonly kind: 'start' },
    answered: Answered,
  ) {
    this.#live = live;
    this.topic = topic;
    this.#exchange = exchange;
    this.request = request;
    this.#answered = answered;
    this.#isForeign = start.isForeign;
    this.sequence = start.after ?? -1;
  }

  /** Its own read is back. */
  caughtUp(reply: SinkReply): void {
    if (reply.kind === 'problem' || reply.status !== 200) {
      if (this.stream === null) this.#refuse(reply);
      else if (isGoneEvent(reply)) this.eventIsGone();
      else this.#fallBehind(true);
      return;
    }
    const reading = readingOf(reply, this.#live.incarnation);
    if (this.stream === null) this.#begin(reading);
    else if (reading.sequence > this.sequence && !this.#write(reading.bytes)) this.#fallBehind(false);
    if (this.isOver || this.#state !== 'catching') return;
    this.sequence = reading.sequence;
    this.#join();
  }

  #fallBehind(isTriedAgain: boolean): void {
    this.#state = 'behind';
    this.#missed = [];
    if (isTriedAgain) this.#live.catchUpLater(this);
  }

  #join(): void {
    const missed = this.#missed;
    this.#missed = [];
    this.#state = 'live';
    for (const message of missed) this.#deliver(message);
    // Only two that began at the same time can be so: the read of the other one saw more.
    if (this.#state === 'live' && this.sequence < this.topic.told) return this.#catchUp();
    this.#live.joined(this);
  }

  #begin(reading: Reading): void {
    const { eventId } = this.topic;
    const { incarnation, random } = this.#live;
    const headers = ['Content-Type', 'text/event-stream', 'Cache-Control', 'no-store'];
    // A proxy that collects a reply before it passes it on would pass on nothing.
    headers.push('X-Accel-Buffering', 'no', 'X-Request-Id', this.request.requestId);
    this.stream = this.#exchange.stream({ status: 200, headers: headerLines(headers) }, this);
    this.#answered(200, '');
    if (this.stream === null) return this.#end(false);
    const { sequence } = reading;
    const bytes: Uint8Array[] = [preface(sequence, incarnation, random)];
    if (this.#isForeign) bytes.push(resetMessage(eventId, sequence, incarnation));
    else if (reading.isReset || (this.sequence >= 0 && sequence > this.sequence)) bytes.push(reading.bytes);
    // One write, since the first is taken always.
    this.#write(Buffer.concat(bytes));
  }

  #refuse(reply: SinkReply): void {
    const { requestId } = this.request;
    // A worker's problem names the request that was asked for, which may be another's of the same read.
    const code = isGoneEvent(reply)
      ? 'event-not-found'
      : reply.kind === 'problem'
        ? reply.code
        : 'internal-error';
    const told = problemReply(code, requestId, reply.kind === 'problem' ? reply.extras : {});
    this.#exchange.reply(told);
    this.#answered(told.status, code);
    this.#end(false);
  }

  /** A message for all: states of places up to `message.to`. */
  tell(message: LiveMessage, state: string): void {
    // Nobody without a key knows of a draft.
    const isHidden = state === 'archived' || (state === 'draft' && this.request.role === 'none');
    if (isHidden && this.stream !== null) return this.eventIsGone();
    if (this.#state === 'catching') this.#missed.push(message);
    else if (this.#state === 'live') this.#deliver(message);
  }

  #deliver(message: LiveMessage): void {
    if (this.#state !== 'live' || message.to <= this.sequence) return;
    if (this.#write(message.bytes)) this.sequence = message.to;
    else this.#state = 'behind';
  }

  #write(bytes: Uint8Array): boolean {
    const isTaken = this.stream?.write(bytes) ?? false;
    if (isTaken) this.#live.countMessage();
    return isTaken;
  }

  #catchUp(): void {
    this.#state = 'catching';
    this.#live.catchUp(this);
  }

  writable(): void {
    if (this.#state === 'behind') this.#catchUp();
  }

  gone(): void {
    this.#end(true);
  }

  drained(): void {
    this.eventIsGone();
  }

  /** Nothing more will be told: the event is archived, or the server drains. One that is opening has its own read. */
  eventIsGone(): void {
    if (this.stream === null) return;
    this.stream.end(endMessage(this.topic.eventId));
    this.#end(false);
  }

  #end(isGone: boolean): void {
    this.isOver = true;
    this.#live.remove(this, isGone);
  }
}
