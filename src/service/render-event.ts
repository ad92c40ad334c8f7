/**
 * Events as the JSON of API.md: whole, as an entry of a list, and what is left of one that was archived.
 */
import type { EventDefinition, LiveState } from '../engine/definition.ts';
import { isoTime } from './render.ts';

/** An event as GET, POST and PATCH tell it. */
export function eventJson(definition: EventDefinition, version: number, createdMs: number): object {
  const { id, name, state, startsAt, timeZone, salesFrom, salesUntil, currency } = definition;
  const { metadata, limits, categories } = definition;
  const sections = definition.sections.map((section) => {
    const { kind, capacity, price, category } = section;
    const common = { id: section.id, name: section.name, kind, capacity, price, category };
    return section.kind === 'general' ? common : { ...common, rows: section.rows };
  });
  return {
    id,
    name,
    state,
    version,
    createdAt: isoTime(createdMs),
    startsAt,
    timeZone,
    salesFrom,
    salesUntil,
    currency,
    metadata,
    limits,
    categories,
    sections,
  };
}

/** An entry of the list of events. */
export interface EventSummary {
  readonly id: string;
  readonly name: string;
  readonly state: LiveState;
  readonly version: number;
  readonly startsAt: string;
  readonly timeZone: string;
  readonly currency: string | null;
  readonly capacity: number;
}

export function eventSummaryJson(definition: EventDefinition, version: number): EventSummary {
  const { id, name, state, startsAt, timeZone, currency } = definition;
  const capacity = definition.sections.reduce((sum, section) => sum + section.capacity, 0);
  return { id, name, state, version, startsAt, timeZone, currency, capacity };
}
