/** `frontrow seats`: the seat map, once or kept up to date. Fetches and prints; `seat-map.ts` draws. */
import { setTimeout as sleep } from 'node:timers/promises';
import { FrontrowUnreachable, listSeats } from '../client/index.ts';
import type { EventDefinition, FrontrowClient, SeatsReply } from '../client/index.ts';
import { defineCommand, EVENT } from './command.ts';
import { EXIT, UsageError } from './exits.ts';
import { renderSeatMap } from './seat-map.ts';
import type { SeatMapInput } from './seat-map-model.ts';
import type { Session } from './session.ts';

/** How often `--watch` asks whether the sequence moved. */
const WATCH_MS = 1000;
/** Reads of seats and counts that fell on both sides of a change are taken again, this often at most. */
const CONSISTENT_TRIES = 4;

export const seats = defineCommand({
  usage: 'seats <event>',
  describe: 'Draw the seat map',
  positionals: { event: EVENT },
  options: {
    section: { type: 'string', requiresArg: true, describe: 'Only this section, row by row' },
    row: { type: 'string', requiresArg: true, describe: 'Only this row of --section, with seat numbers' },
    watch: { type: 'boolean', default: false, describe: 'Draw again whenever something changes' },
  },
  async run(args, session) {
    if (args.row !== undefined && args.section === undefined)
      throw new UsageError('--row goes with --section');
    const client = session.client();
    const definition = await client.events.get(args.event);
    checkPlace(definition, args.section, args.row);
    const view = { section: args.section, row: args.row };
    if (args.watch) return watch(client, definition, view, session);
    await printMap(await readMap(client, definition, view.section), view, session);
    return EXIT.ok;
  },
});

interface View {
  readonly section: string | undefined;
  readonly row: string | undefined;
}

function checkPlace(
  definition: EventDefinition,
  sectionId: string | undefined,
  rowId: string | undefined,
): void {
  if (sectionId === undefined) return;
  const section = definition.sections.find((candidate) => candidate.id === sectionId);
  const ids = definition.sections.map((candidate) => candidate.id);
  if (section === undefined) {
    throw new UsageError(`${definition.id} has no section ${sectionId}; it has: ${ids.join(', ')}`);
  }
  if (rowId === undefined) return;
  const rows = section.kind === 'seated' ? section.rows.map((row) => row.id) : [];
  if (!rows.includes(rowId)) {
    const which = rows.length === 0 ? 'it has no rows' : `it has ${rows[0]} to ${rows.at(-1)}`;
    throw new UsageError(`section ${sectionId} has no row ${rowId}; ${which}`);
  }
}

/** Seats and counts of one sequence, or of neighbouring ones when the event never rests. */
async function readMap(
  client: FrontrowClient,
  definition: EventDefinition,
  section: string | undefined,
): Promise<SeatMapInput> {
  const event = definition.id;
  const asked = definition.sections.find((candidate) => candidate.id === section);
  const seated = (asked === undefined ? definition.sections : [asked]).some(
    (candidate) => candidate.kind === 'seated',
  );
  for (let tries = 1; ; tries++) {
    const availability = await client.events.availability(event);
    const none: SeatsReply = { event, sequence: availability.sequence, sections: [] };
    const states = seated ? await client.events.seats(event, { section }) : none;
    if (states.sequence === availability.sequence || tries === CONSISTENT_TRIES) {
      return { definition, seats: states, availability };
    }
  }
}

async function printMap(input: SeatMapInput, view: View, session: Session): Promise<void> {
  if (session.json)
    await session.printJson(input.seats.sections.length > 0 ? input.seats : input.availability);
  else if (session.quiet) await session.print(...availableSeats(input, view));
  else await session.print(...renderSeatMap(input, { ...view, width: session.width, color: session.color }));
}

/** Labels of the seats that can be taken, best row first. */
function availableSeats(input: SeatMapInput, view: View): string[] {
  const labels: string[] = [];
  for (const section of input.definition.sections) {
    if (section.kind !== 'seated' || (view.section ?? section.id) !== section.id) continue;
    const states = input.seats.sections.find((candidate) => candidate.id === section.id);
    for (const row of section.rows) {
      if ((view.row ?? row.id) !== row.id) continue;
      const letters = states?.rows.find((candidate) => candidate.id === row.id)?.seats ?? '';
      listSeats(row.seats).forEach((seat, index) => {
        if (letters[index] === 'a') labels.push(`${section.id}-${row.id}-${seat.number}`);
      });
    }
  }
  return labels;
}

/** Asks once a second with the last ETag; a 304 costs the server next to nothing. Ends with the signal. */
async function watch(
  client: FrontrowClient,
  definition: EventDefinition,
  view: View,
  session: Session,
): Promise<number> {
  const { signal } = session.terminal;
  let etag: string | null = null;
  let drawn = -1;
  while (!signal.aborted) {
    try {
      const reply = await client.events.availabilityIfChanged(definition.id, etag);
      if (reply.changed && reply.value.sequence !== drawn) {
        const input = await readMap(client, definition, view.section);
        drawn = input.seats.sequence;
        await redraw(input, view, session);
      }
      // A map that is newer than this reply is drawn once more at most; one that is older never stays.
      etag = reply.etag;
    } catch (error) {
      if (signal.aborted) break;
      if (!(error instanceof FrontrowUnreachable) || drawn < 0) throw error;
      session.note(`${error.message}; still trying`);
    }
    await sleep(WATCH_MS, undefined, { signal }).catch(() => undefined);
  }
  return EXIT.ok;
}

const CLEAR_SCREEN = '\x1b[2J\x1b[H';

async function redraw(input: SeatMapInput, view: View, session: Session): Promise<void> {
  if (session.json || session.quiet || !session.isTerminal) {
    await printMap(input, view, session);
    return;
  }
  const lines = renderSeatMap(input, { ...view, width: session.width, color: session.color });
  const rows = session.terminal.stdout.rows ?? 24;
  const shown =
    lines.length < rows ? lines : [...lines.slice(0, rows - 2), '… more: --section, or a taller terminal'];
  await session.write(`${CLEAR_SCREEN}${shown.join('\n')}\n`);
}
