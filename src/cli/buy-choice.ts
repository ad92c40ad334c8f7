/** What a person wants to buy: the questions of `frontrow buy` and what their answers mean. */
import type { EventDefinition, FrontrowClient, ItemInput, SectionDefinition } from '../client/index.ts';
import { liveEvent } from './event-show.ts';
import { UsageError } from './exits.ts';
import { formatCount, formatMoney, formatTime } from './format.ts';
import { readItemList } from './items.ts';
import { pricesOf } from './prices.ts';
import type { Prompt } from './prompt.ts';
import { checkPlace, readMap } from './seat-map-read.ts';
import { renderSeatMap } from './seat-map.ts';
import type { Session } from './session.ts';
import { cleanText } from './text-width.ts';

const LISTED_MAX = 20;

/** The event named, or one of those on sale. Throws a UsageError when none is. */
export async function chooseEvent(
  client: FrontrowClient,
  id: string | undefined,
  prompt: Prompt,
  session: Session,
): Promise<EventDefinition> {
  if (id !== undefined) return liveEvent(await client.events.get(id));
  const page = await client.events.list({ state: 'open', include: 'availability', limit: LISTED_MAX });
  const ids = page.data.map((event) => event.id);
  if (ids.length === 0) throw new UsageError('no event is on sale');
  const rows = page.data.map((event, index) => [
    String(index + 1),
    event.id,
    'timeZone' in event ? formatTime(event.startsAt, event.timeZone) : '',
    'availability' in event && event.availability !== undefined
      ? formatCount(event.availability.available)
      : '',
    cleanText(event.name),
  ]);
  session.tell(...session.table(['>', 'event', 'starts', '>available', 'name'], rows));
  if (page.next !== null) session.tell('… and more: any event may be named by its id');
  for (;;) {
    const answer = await prompt.ask(`Which event? [1-${ids.length}, or an id]`);
    const index = Number(answer);
    if (Number.isInteger(index) && ids[index - 1] !== undefined) {
      return liveEvent(await client.events.get(ids[index - 1]));
    }
    if (/^[a-z0-9][a-z0-9-]*$/.test(answer) && !/^[0-9]+$/.test(answer))
      return liveEvent(await client.events.get(answer));
  }
}

/** Draws the map and asks until something is named that may be held. */
export async function choosePlaces(
  client: FrontrowClient,
  event: EventDefinition,
  prompt: Prompt,
  session: Session,
): Promise<ItemInput[]> {
  const drawMap = async (section?: string, row?: string): Promise<void> => {
    checkPlace(event, section, row);
    const input = await readMap(client, event, section);
    const look = { width: session.width, color: session.color, section, row };
    session.tell('', ...renderSeatMap(input, look), '');
  };
  await drawMap();
  const example = exampleOf(event);
  for (;;) {
    const answer = await prompt.ask(`A section, or seats (${example}; "map SECTION ROW" to look closer):`);
    try {
      const [word, ...rest] = answer.split(/\s+/);
      if (answer === '') continue;
      if (word === 'map') {
        await drawMap(...rest.slice(0, 2));
        continue;
      }
      const section = event.sections.find((candidate) => candidate.id === answer);
      const items =
        section === undefined
          ? await typeSeats(readItemList([answer.replace(/\s+/g, ',')], 'seats'), event, prompt)
          : await askQuantities(section, event, prompt);
      if (items.length > 0) return items;
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      session.tell(`  ${error.message}`);
    }
  }
}

/** What may be typed, made of what there is. */
function exampleOf(event: EventDefinition): string {
  const ids = event.sections.slice(0, 4).map((section) => section.id);
  const seated = event.sections.find((section) => section.kind === 'seated');
  const row = seated?.kind === 'seated' ? seated.rows[0]?.id : undefined;
  return `${ids.join(', ')}${row === undefined ? '' : `; ${seated?.id}-${row}-1`}`;
}

/** One item for each price type of which the person wants some. */
async function askQuantities(
  section: SectionDefinition,
  event: EventDefinition,
  prompt: Prompt,
): Promise<ItemInput[]> {
  const most = event.limits.ticketsPerHold;
  const items: ItemInput[] = [];
  const prices = pricesOf(section, event);
  for (const { type, price } of prices) {
    const what = prices.length === 1 ? 'places' : type;
    const answer = await prompt.ask(`How many ${what} at ${formatMoney(price, event.currency)}? [0-${most}]`);
    const quantity = answer === '' ? 0 : Number(answer);
    if (!Number.isInteger(quantity) || quantity < 0 || quantity > most) {
      throw new UsageError(`${answer} is no number from 0 to ${most}`);
    }
    if (quantity > 0) items.push({ section: section.id, quantity, type });
  }
  return items;
}

/** Asks for the price type of each seat that could have several. */
async function typeSeats(
  items: readonly ItemInput[],
  event: EventDefinition,
  prompt: Prompt,
): Promise<ItemInput[]> {
  const typed: ItemInput[] = [];
  for (const item of items) {
    const place = 'seat' in item ? item.seat : item.section;
    const section = event.sections.find(({ id }) =>
      'seat' in item ? item.seat.split('-').slice(0, -2).join('-') === id : item.section === id,
    );
    if (section === undefined) throw new UsageError(`there is no ${place} here`);
    const prices = pricesOf(section, event);
    if (item.type !== undefined || prices.length < 2) {
      typed.push(item);
      continue;
    }
    const choices = prices.map(({ type, price }) => `${type} ${formatMoney(price, event.currency)}`);
    const answer = await prompt.ask(`${place}: ${choices.join(', or ')}? [${prices[0].type}]`);
    const type = answer === '' ? prices[0].type : answer;
    if (!prices.some((entry) => entry.type === type)) throw new UsageError(`${place} has no type ${type}`);
    typed.push({ ...item, type });
  }
  return typed;
}
