/**
 * The body of `PATCH /v1/events/{event}`, laid over the definition as it is stored → the definition as it will be.
 * Pure: what is taken in the event is for the engine to judge.
 */
import { PLACES_PER_EVENT_MAX, SECTIONS_PER_EVENT_MAX } from '../core/limits.ts';
import type { FieldError } from '../core/problems.ts';
import type { EventDefinition, LiveState, SectionDefinition } from '../engine/definition.ts';
import {
  checkPlain,
  checkWhole,
  priceTypesOf,
  readCategories,
  readLimits,
  readSection,
} from './definition-rules.ts';
import { PatchEventBody, type SectionChange } from './event-schemas.ts';
import { bodyParser, invalid, type Parsed } from './parse.ts';

export const parsePatchEvent = bodyParser<PatchEventBody>(PatchEventBody, false);

/** Whether a body asks for nothing but to be archived: what may be asked of an event that is. */
export function isArchiveOnly(body: PatchEventBody): boolean {
  return body.state === 'archived' && Object.keys(body).length === 1;
}

const NEXT_STATES: Readonly<Record<LiveState, readonly string[]>> = {
  draft: ['draft', 'open', 'closed'],
  open: ['open', 'paused', 'closed'],
  paused: ['paused', 'open', 'closed'],
  closed: ['closed', 'archived'],
};

/** What a change comes to: a new definition, the same one, or the event's end. */
export type PatchPlan =
  | { readonly kind: 'change'; readonly definition: EventDefinition; readonly json: Uint8Array }
  | { readonly kind: 'same' }
  | { readonly kind: 'archive' };

/** Lays a body over the stored definition (ranges of seats not written out), or says all that is wrong with it. */
export function planPatch(stored: EventDefinition, body: PatchEventBody): Parsed<PatchPlan> {
  const errors: FieldError[] = [];
  const state = readState(stored, body, errors);
  if (state === 'archived') {
    return errors.length > 0 ? invalid(errors) : { ok: true, value: { kind: 'archive' } };
  }
  const { salesFrom = stored.salesFrom, salesUntil = stored.salesUntil } = body;
  checkPlain(body, { salesFrom, salesUntil }, errors);
  const categories =
    body.categories === undefined ? stored.categories : readCategories(body.categories, errors);
  const { sections, pointers } = readSections(stored, body, errors);
  const definition: EventDefinition = {
    ...stored,
    name: body.name ?? stored.name,
    state,
    startsAt: body.startsAt ?? stored.startsAt,
    timeZone: body.timeZone ?? stored.timeZone,
    salesFrom,
    salesUntil,
    metadata: body.metadata ?? stored.metadata,
    limits: readLimits(body.limits, stored.limits, errors),
    categories,
    priceTypes: priceTypesOf(stored.priceTypes, categories, errors),
    sections,
  };
  if (errors.length === 0) {
    checkWhole(definition, (index) => pointers.get(index) ?? '/categories', errors);
  }
  if (errors.length > 0) return invalid(errors);
  const json = Buffer.from(JSON.stringify(definition));
  const isSame = json.equals(Buffer.from(JSON.stringify(stored)));
  return { ok: true, value: isSame ? { kind: 'same' } : { kind: 'change', definition, json } };
}

function readState(
  stored: EventDefinition,
  body: PatchEventBody,
  errors: FieldError[],
): LiveState | 'archived' {
  const { state = stored.state } = body;
  if (!NEXT_STATES[stored.state].includes(state)) {
    const detail = `an event that is ${stored.state} becomes ${nextStates(stored.state)}, not ${state}`;
    errors.push({ pointer: '/state', code: 'bad-transition', detail });
  } else if (state === 'archived' && !isArchiveOnly(body)) {
    const detail = 'an event is archived on its own: nothing else could be kept';
    errors.push({ pointer: '/state', code: 'bad-value', detail });
  }
  return state;
}

function nextStates(state: LiveState): string {
  return NEXT_STATES[state].filter((next) => next !== state).join(' or ');
}

interface PatchedSections {
  readonly sections: readonly SectionDefinition[];
  /** Where the body says the category of a section, by the section's index. */
  readonly pointers: ReadonlyMap<number, string>;
}

function readSections(stored: EventDefinition, body: PatchEventBody, errors: FieldError[]): PatchedSections {
  const pointers = new Map<number, string>();
  if (body.capacity !== undefined) {
    return { sections: resizeOnly(stored, body, body.capacity, errors), pointers };
  }
  if (body.sections === undefined) return { sections: stored.sections, pointers };
  const sections = [...stored.sections];
  const indices = new Map(sections.map(({ id }, index) => [id, index]));
  const named = new Set<string>();
  const budget = { left: PLACES_PER_EVENT_MAX };
  body.sections.forEach((change, i) => {
    const pointer = `/sections/${i}`;
    if (named.has(change.id)) {
      const detail = `section ${change.id} stands twice`;
      errors.push({ pointer: `${pointer}/id`, code: 'duplicate', detail });
      return;
    }
    named.add(change.id);
    const index = indices.get(change.id);
    pointers.set(index ?? sections.length, `${pointer}/category`);
    if (index !== undefined) {
      sections[index] = changeSection(sections[index], change, pointer, errors);
      return;
    }
    const added = addSection(change, pointer, budget, errors);
    if (added !== null) sections.push(added);
  });
  if (sections.length > SECTIONS_PER_EVENT_MAX) {
    const detail = `an event has at most ${SECTIONS_PER_EVENT_MAX} sections`;
    errors.push({ pointer: '/sections', code: 'too-many', detail });
  }
  return { sections, pointers };
}

type Budget = Parameters<typeof readSection>[2];

/** A section that the event does not have: all that a new one needs. */
function addSection(
  change: SectionChange,
  pointer: string,
  budget: Budget,
  errors: FieldError[],
): SectionDefinition | null {
  const { kind } = change;
  if (kind !== undefined) return readSection({ ...change, kind }, pointer, budget, errors);
  const detail = `there is no section ${change.id}; a new one says what kind it is`;
  errors.push({ pointer: `${pointer}/kind`, code: 'missing', detail });
  return null;
}

/** A section that the event has, with what the body says of it. */
function changeSection(
  section: SectionDefinition,
  change: SectionChange,
  pointer: string,
  errors: FieldError[],
): SectionDefinition {
  const fail = (at: string, code: string, detail: string): SectionDefinition => {
    errors.push({ pointer: `${pointer}${at}`, code, detail });
    return section;
  };
  if (change.kind !== undefined && change.kind !== section.kind) {
    return fail('/kind', 'immutable', `section ${section.id} is ${section.kind}, and stays so`);
  }
  if (change.rows !== undefined) {
    return fail('/rows', 'immutable', `the rows of section ${section.id} are as they were defined`);
  }
  const { name = section.name, capacity = section.capacity } = change;
  if (section.kind === 'seated' && capacity !== section.capacity) {
    const detail = `section ${section.id} has the ${section.capacity} seats of its rows, and keeps them`;
    return fail('/capacity', 'immutable', detail);
  }
  if ((change.price ?? null) !== null && (change.category ?? null) !== null) {
    return fail('/category', 'bad-value', 'a section has a price or a category, not both');
  }
  return { ...section, name, capacity, ...pricesOf(section, change) };
}

/** Price and category: to give one is to take the other away. */
function pricesOf(
  section: SectionDefinition,
  { price, category }: SectionChange,
): Pick<SectionDefinition, 'price' | 'category'> {
  if (price !== undefined && price !== null) return { price, category: null };
  if (category !== undefined && category !== null) return { price: null, category };
  return {
    price: price === undefined ? section.price : null,
    category: category === undefined ? section.category : null,
  };
}

/** `capacity`, for an event of one general section. */
function resizeOnly(
  stored: EventDefinition,
  body: PatchEventBody,
  capacity: number,
  errors: FieldError[],
): readonly SectionDefinition[] {
  const [only] = stored.sections;
  if (body.sections !== undefined || stored.sections.length !== 1 || only.kind !== 'general') {
    const detail = 'capacity is for an event of one general section; name the section in sections';
    errors.push({ pointer: '/capacity', code: 'bad-value', detail });
    return stored.sections;
  }
  return [{ ...only, capacity }];
}
