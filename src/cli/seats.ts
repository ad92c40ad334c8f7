/** `frontrow seats`: the seat map, once or kept up to date. Fetches and prints; `seat-map.ts` draws. */
import { listSeats } from '../client/index.ts';
import type { FrontrowClient, SeatChanges } from '../client/index.ts';
import { defineCommand, EVENT } from './command.ts';
import { liveEvent } from './event-show.ts';
import { EXIT, UsageError } from './exits.ts';
import { follow } from './live.ts';
import { LiveMap } from './live-map.ts';
import { Screen } from './screen.ts';
import { renderSeatMap } from './seat-map.ts';
import type { SeatMapInput } from './seat-map-model.ts';
import { checkPlace, readMap } from './seat-map-read.ts';
import type { Session } from './session.ts';

export const seats = defineCommand({
  usage: 'seats <event>',
  describe: 'Draw the seat map',
  positionals: { event: EVENT },
  options: {
    section: { type: 'string', requiresArg: true, describe: 'Only this section, row by row' },
    row: { type: 'string', requiresArg: true, describe: 'Only this row of --section, with seat numbers' },
    watch: { type: 'boolean', default: false, describe: 'Keep it up to date until Ctrl-C' },
  },
  examples: [
    ['frontrow seats gala', ''],
    ['frontrow seats gala --section stalls --row C', 'with seat numbers'],
    ['frontrow seats gala --watch', 'live'],
    ['frontrow seats gala --section stalls --quiet', 'labels of the seats that can be taken'],
  ],
  notes:
    'With --watch --json the first line is the whole map, as without --watch, and so is the line after a gap that ' +
    'nothing can fill; the others are changes as the stream tells them. With --watch --quiet: labels of seats as ' +
    'they come free.',
  async run(args, session) {
    if (args.row !== undefined && args.section === undefined)
      throw new UsageError('--row goes with --section');
    const client = session.client();
    const view = { section: args.section, row: args.row };
    const input = await readView(client, args.event, view);
    if (args.watch) return watch(client, input, view, session);
    if (session.json) await printJson(input, session);
    else if (session.quiet) await session.print(...availableSeats(input, view));
    else
      await session.print(...renderSeatMap(input, { ...view, width: session.width, color: session.color }));
    return EXIT.ok;
  },
});

interface View {
  readonly section: string | undefined;
  readonly row: string | undefined;
}

async function readView(client: FrontrowClient, event: string, view: View): Promise<SeatMapInput> {
  const definition = liveEvent(await client.events.get(event));
  checkPlace(definition, view.section, view.row);
  return readMap(client, definition, view.section);
}

function printJson(input: SeatMapInput, session: Session): Promise<void> {
  return session.printJson(input.seats.sections.length > 0 ? input.seats : input.availability);
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

/** Ends with the signal, or with the event. */
async function watch(
  client: FrontrowClient,
  first: SeatMapInput,
  view: View,
  session: Session,
): Promise<number> {
  let map = new LiveMap(first);
  const picture = (): string[] =>
    renderSeatMap(map.input(), { ...view, width: session.width, color: session.color });
  const screen = new Screen(session, picture);
  const event = first.definition.id;
  const showAll = async (): Promise<void> => {
    if (session.json) await printJson(map.input(), session);
    else if (session.quiet) await session.print(...availableSeats(map.input(), view));
    else screen.draw();
  };
  const showChange = async (update: SeatChanges): Promise<void> => {
    if (session.json) await session.printJson(changeOf(update));
    else if (session.quiet) await session.print(...freedSeats(update, view));
    else screen.draw();
  };
  try {
    await showAll();
    for await (const update of follow(client, event, map.sequence, session)) {
      if (update.type === 'change' && update.sequence <= map.sequence) continue;
      if (update.type === 'change' && map.apply(update)) await showChange(update);
      else {
        map = new LiveMap(await readView(client, event, view));
        await showAll();
      }
    }
  } catch (error) {
    if (!session.terminal.signal.aborted) throw error;
  } finally {
    await screen.end();
  }
  if (!session.terminal.signal.aborted)
    session.note(`${event} is archived or gone: nothing changes any more.`);
  return EXIT.ok;
}

/** As the stream tells it, without what belongs to the stream. */
function changeOf({ event, sequence, seats: states, sections }: SeatChanges): unknown {
  return { event, sequence, seats: states, sections };
}

function freedSeats(update: SeatChanges, view: View): string[] {
  const prefix =
    view.section === undefined ? '' : `${view.section}-${view.row === undefined ? '' : `${view.row}-`}`;
  const freed = Object.entries(update.seats).filter(([, letter]) => letter === 'a');
  return freed.map(([seat]) => seat).filter((seat) => seat.startsWith(prefix));
}
