/** `client.events`: definitions, what is free, history, live updates, and taking places off sale. */
import type { BlockInput, EventInput, EventPatch } from './inputs.ts';
import { liveUpdates } from './live-updates.ts';
import type { LiveOptions } from './live-updates.ts';
import { pages } from './pages.ts';
import type { PageOptions } from './pages.ts';
import { callOptions, changeOptions } from './transport.ts';
import type { Call, CallOptions, ChangeOptions, Reply, Transport } from './transport.ts';
import type {
  ArchivedEvent,
  Availability,
  BlockReply,
  Change,
  EventDefinition,
  EventState,
  EventSummary,
  LiveUpdate,
  Page,
  SeatBits,
  SeatReply,
  SeatsReply,
} from './types.ts';

export interface EventListOptions extends PageOptions {
  /** Only events in these states; archived ones are listed only when asked for. */
  readonly state?: EventState | readonly EventState[] | undefined;
  /** Adds how many places are available, held, sold and blocked. */
  readonly include?: 'availability' | undefined;
}

export interface PatchOptions extends ChangeOptions {
  /**
   * The ETag that getTagged() read, or `'*'`. If the definition has another one by now: 412 `version-mismatch`, and
   * nothing is changed.
   */
  readonly ifMatch?: string | undefined;
}

export interface SectionOptions extends CallOptions {
  readonly section?: string | undefined;
}

export interface HistoryOptions extends PageOptions {
  /** Only changes that touched this seat. */
  readonly seat?: string | undefined;
}

/** A public read asked for with the ETag of the last one; `changed: false` is the server's 304. */
export type Conditional<T> =
  | { readonly changed: true; readonly etag: string | null; readonly value: T }
  | { readonly changed: false; readonly etag: string | null };

/** What was read, and the ETag that names this state of it. */
export interface Tagged<T> {
  readonly etag: string | null;
  readonly value: T;
}

export class EventCalls {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async create(input: EventInput, options: ChangeOptions = {}): Promise<EventDefinition> {
    return (await this.#post<EventDefinition>([], input, options)).body;
  }

  async list(options: EventListOptions = {}): Promise<Page<EventSummary | ArchivedEvent>> {
    const { limit, after, state, include } = options;
    return this.#read([], options, { limit, after, state, include });
  }

  /** All events, page by page. */
  async *all(options: EventListOptions = {}): AsyncGenerator<EventSummary | ArchivedEvent, void, undefined> {
    yield* pages((after) => this.list({ ...options, after }), options.after);
  }

  /** The definition, or what is left of an event that was archived: `state` tells them apart. */
  get(event: string, options: CallOptions = {}): Promise<EventDefinition | ArchivedEvent> {
    return this.#read([event], options);
  }

  /** The same with its ETag, which `ifMatch` takes: a change of just what was read. */
  async getTagged(
    event: string,
    options: CallOptions = {},
  ): Promise<Tagged<EventDefinition | ArchivedEvent>> {
    const reply = await this.#transport.send<EventDefinition | ArchivedEvent>({
      ...callOptions(options),
      method: 'GET',
      path: ['v1', 'events', event],
    });
    return { etag: reply.etag, value: reply.body };
  }

  /** Changes what is given. Only `state: 'archived'` is answered with an archived event. */
  async patch(event: string, input: EventPatch, options: PatchOptions = {}): Promise<EventDefinition> {
    return (await this.#patch<EventDefinition>(event, input, options)).body;
  }

  /** On sale, from now or from `salesFrom`. */
  open(event: string, options: PatchOptions = {}): Promise<EventDefinition> {
    return this.patch(event, { state: 'open' }, options);
  }

  /** Nothing new is sold until it is opened again; holds can still be confirmed and released. */
  pause(event: string, options: PatchOptions = {}): Promise<EventDefinition> {
    return this.patch(event, { state: 'paused' }, options);
  }

  /** Nothing new is sold any more. */
  close(event: string, options: PatchOptions = {}): Promise<EventDefinition> {
    return this.patch(event, { state: 'closed' }, options);
  }

  /** Gives its memory back; its seats, holds and orders are no longer there. Only a closed event without live holds. */
  async archive(event: string, options: PatchOptions = {}): Promise<ArchivedEvent> {
    return (await this.#patch<ArchivedEvent>(event, { state: 'archived' }, options)).body;
  }

  availability(event: string, options: CallOptions = {}): Promise<Availability> {
    return this.#read([event, 'availability'], options);
  }

  /** The same unless it is still what `etag` stands for: cheap enough to ask once a second. */
  availabilityIfChanged(
    event: string,
    etag: string | null,
    options: CallOptions = {},
  ): Promise<Conditional<Availability>> {
    return this.#readIfChanged([event, 'availability'], etag, options);
  }

  /** State of every seat as letters, by section and row. */
  seats(event: string, options: SectionOptions = {}): Promise<SeatsReply> {
    return this.#read([event, 'seats'], options, { section: options.section });
  }

  seatsIfChanged(
    event: string,
    etag: string | null,
    options: SectionOptions = {},
  ): Promise<Conditional<SeatsReply>> {
    return this.#readIfChanged([event, 'seats'], etag, options, { section: options.section });
  }

  /** The same in 2 bits a seat. */
  async seatBits(event: string, options: SectionOptions = {}): Promise<SeatBits> {
    const reply = await this.#transport.send<Uint8Array>({
      ...callOptions(options),
      method: 'GET',
      path: ['v1', 'events', event, 'seats'],
      query: { section: options.section },
      headers: { accept: 'application/octet-stream' },
      as: 'bytes',
    });
    return { sequence: reply.sequence ?? 0, bytes: reply.body };
  }

  seat(event: string, seat: string, options: CallOptions = {}): Promise<SeatReply> {
    return this.#read([event, 'seats', seat], options);
  }

  /** Changes after a sequence, oldest first, page by page; ends where the history ends now. */
  async *history(event: string, options: HistoryOptions = {}): AsyncGenerator<Change, void, undefined> {
    yield* pages((after) => this.historyPage(event, { ...options, after }), options.after);
  }

  historyPage(event: string, options: HistoryOptions = {}): Promise<Page<Change>> {
    const { limit, after, seat } = options;
    return this.#read([event, 'history'], options, { limit, after, seat });
  }

  /**
   * What changes from now on, or since `after` or `lastEventId`, as it happens. Connects again when the connection
   * breaks and goes on where it was; a `reset` says that `seats` have to be read anew. Ends when the event is archived
   * or gone; leaving the loop closes the connection.
   *
   * @example
   * for await (const update of client.events.changes('gala')) {
   *   if (update.type === 'change') console.log(update.sequence, update.seats);
   * }
   */
  changes(event: string, options: LiveOptions = {}): AsyncGenerator<LiveUpdate, void, undefined> {
    return liveUpdates(this.#transport, event, options);
  }

  /** Takes places off sale: all of them, or none when one is held or sold. Those that are so already are left out. */
  async block(event: string, input: BlockInput, options: ChangeOptions = {}): Promise<BlockReply> {
    return (await this.#post<BlockReply>([event, 'block'], input, options)).body;
  }

  /** Puts them on sale again. */
  async unblock(event: string, input: BlockInput, options: ChangeOptions = {}): Promise<BlockReply> {
    return (await this.#post<BlockReply>([event, 'unblock'], input, options)).body;
  }

  async #read<T>(path: readonly string[], options: CallOptions, query?: Call['query']): Promise<T> {
    const call = { ...callOptions(options), method: 'GET', path: ['v1', 'events', ...path], query } as const;
    return (await this.#transport.send<T>(call)).body;
  }

  async #readIfChanged<T>(
    path: readonly string[],
    etag: string | null,
    options: CallOptions,
    query?: Call['query'],
  ): Promise<Conditional<T>> {
    const reply = await this.#transport.send<T>({
      ...callOptions(options),
      method: 'GET',
      path: ['v1', 'events', ...path],
      query,
      ...(etag === null ? {} : { headers: { 'if-none-match': etag } }),
    });
    if (reply.status === 304) return { changed: false, etag };
    return { changed: true, etag: reply.etag, value: reply.body };
  }

  #post<T>(path: readonly string[], body: unknown, options: ChangeOptions): Promise<Reply<T>> {
    return this.#transport.send<T>({
      ...changeOptions(options),
      method: 'POST',
      path: ['v1', 'events', ...path],
      body,
    });
  }

  #patch<T>(event: string, body: EventPatch, options: PatchOptions): Promise<Reply<T>> {
    const { ifMatch } = options;
    return this.#transport.send<T>({
      ...changeOptions(options),
      method: 'PATCH',
      path: ['v1', 'events', event],
      body,
      ...(ifMatch === undefined ? {} : { headers: { 'if-match': ifMatch } }),
    });
  }
}
