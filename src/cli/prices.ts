/** What places cost: a section's own price, or those of its category. Pure. */
import type { EventDefinition, SectionDefinition } from '../client/index.ts';
import { formatMoney } from './format.ts';

interface TypedPrice {
  readonly type: string;
  readonly price: number | null;
}

/** One for each price type. */
export function pricesOf(section: SectionDefinition, event: EventDefinition): readonly TypedPrice[] {
  const category = event.categories.find((candidate) => candidate.id === section.category);
  return category?.prices ?? [{ type: 'standard', price: section.price }];
}

/** `EUR 45.00`, or `EUR 45.00 to 90.00` where types differ. */
export function priceText(section: SectionDefinition, event: EventDefinition): string {
  const prices = pricesOf(section, event).flatMap(({ price }) => (price === null ? [] : [price]));
  if (prices.length === 0) return formatMoney(null, event.currency);
  const lowest = formatMoney(Math.min(...prices), event.currency);
  const highest = formatMoney(Math.max(...prices), event.currency);
  return lowest === highest ? lowest : `${lowest} to ${highest.split(' ').slice(1).join(' ')}`;
}
