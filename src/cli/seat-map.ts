/**
 * The seat map as text: definition, states, width and colour in, lines out. Pure; `seats.ts` fetches and prints.
 *
 * No line is wider than `width`. With colour off nothing is lost: the letters say it all, and the legend
 * says what they mean.
 */
import { bar, countsText, STATES } from './paint.ts';
import { painter } from './style.ts';
import type { Paint } from './style.ts';
import { formatTime } from './format.ts';
import { drawNumberedRow, drawRows } from './seat-map-rows.ts';
import { drawSummary } from './seat-map-summary.ts';
import { buildSections, sumCounts, WHEELCHAIR } from './seat-map-model.ts';
import type { MapRow, MapSection, SeatMapInput } from './seat-map-model.ts';
import { cleanText, textWidth, truncate } from './text-width.ts';

export interface SeatMapView {
  /** Columns of the terminal. Below 40 the map is drawn for 40. */
  readonly width: number;
  readonly color: boolean;
  /** Only this section, and all of it. */
  readonly section?: string | undefined;
  /** Only this row of that section, with seat numbers. */
  readonly row?: string | undefined;
}

const SEAT_MAP_WIDTH_MIN = 40;
/** Above this a section is summarised unless it was asked for by name. */
const DRAWN_SEATS_MAX = 2000;
const BANDS_MAX = 40;
const STAGE_WIDTH_MAX = 60;
const BAR_WIDTH_MAX = 60;
const LEGEND = ['available', 'held', 'sold', 'blocked'] as const;

/** The lines of the map. A section or row that is not there leaves them out: the caller checks names first. */
export function renderSeatMap(input: SeatMapInput, view: SeatMapView): string[] {
  const width = Math.max(SEAT_MAP_WIDTH_MIN, view.width);
  const paint = painter(view.color);
  const all = buildSections(input);
  const sections = view.section === undefined ? all : all.filter((section) => section.id === view.section);
  const lines = [...heading(input, width, paint), ''];
  if (view.row === undefined && sections.some((section) => section.rows !== null))
    lines.push(stage(width, paint), '');
  for (const section of sections) {
    if (view.row === undefined) lines.push(...drawSection(section, width, view, paint), '');
    else lines.push(...zoomRow(section, view.row, width, paint), '');
  }
  if (sections.length > 1) lines.push(totalLine(sections, width, paint));
  lines.push(...legend(sections, width, paint));
  lines.push(paint('faint', `sequence ${input.seats.sequence}`));
  return lines;
}

function heading(input: SeatMapInput, width: number, paint: Paint): string[] {
  const { name, id, state, startsAt, timeZone } = input.definition;
  const facts = `${id} · ${state} · ${formatTime(startsAt, timeZone)}`;
  return [paint('strong', truncate(cleanText(name), width)), paint('faint', truncate(facts, width))];
}

function stage(width: number, paint: Paint): string {
  const side = '━'.repeat((Math.min(width, STAGE_WIDTH_MAX) - 9) >> 1);
  const text = `${side}  STAGE  ${side}`;
  return ' '.repeat((width - textWidth(text)) >> 1) + paint('faint', text);
}

function drawSection(section: MapSection, width: number, view: SeatMapView, paint: Paint): string[] {
  const title = sectionTitle(section, width, paint);
  if (section.rows === null) {
    return [...title, `  ${bar(section.counts, Math.min(width - 4, BAR_WIDTH_MAX), paint)}`];
  }
  const zoomed = view.section !== undefined;
  const drawn =
    zoomed || section.counts.capacity <= DRAWN_SEATS_MAX ? drawRows(section.rows, width, paint) : null;
  if (drawn !== null) return [...title, '', ...drawn];
  const linesMax = zoomed ? section.rows.length : BANDS_MAX;
  const hint = zoomed
    ? `  --row ${section.rows[0]?.id ?? 'R'} shows a row seat by seat`
    : `  --section ${section.id} shows every row`;
  return [
    ...title,
    '',
    ...drawSummary(section.rows, width, linesMax, paint),
    paint('faint', truncate(hint, width)),
  ];
}

function sectionTitle(section: MapSection, width: number, paint: Paint): string[] {
  const tail = ` (${section.id}) · ${section.price}`;
  const counts = countsText(section.counts);
  const name = cleanText(section.name);
  const oneLine = textWidth(name) + tail.length + 3 + counts.length;
  if (oneLine <= width) return [`${paint('strong', name)}${tail}   ${counts}`];
  const cut = truncate(name, Math.max(1, width - tail.length));
  return [
    `${paint('strong', cut)}${truncate(tail, width - textWidth(cut))}`,
    `  ${truncate(counts, width - 2)}`,
  ];
}

function zoomRow(section: MapSection, rowId: string, width: number, paint: Paint): string[] {
  const row = section.rows?.find((candidate) => candidate.id === rowId);
  if (row === undefined) return [];
  const title = sectionTitle({ ...section, counts: row.counts }, width, paint);
  const label = paint('strong', `Row ${row.id}`);
  return [...title, '', label, ...drawNumberedRow(row, width, paint), ...featureLines(row, width, paint)];
}

/** Which seats have what, except wheelchair places alone, which have their own letter. */
function featureLines(row: MapRow, width: number, paint: Paint): string[] {
  const seats = row.blocks.flat().filter((seat) => seat.features.some((feature) => feature !== WHEELCHAIR));
  const lines = seats.map((seat) =>
    truncate(`  ${seat.number}: ${cleanText(seat.features.join(', '))}`, width),
  );
  return lines.length === 0 ? [] : ['', ...lines.map((line) => paint('faint', line))];
}

function totalLine(sections: readonly MapSection[], width: number, paint: Paint): string {
  const counts = countsText(sumCounts(sections.map((section) => section.counts)));
  return `${paint('strong', 'Total')}  ${truncate(counts, width - 7)}`;
}

function legend(sections: readonly MapSection[], width: number, paint: Paint): string[] {
  const entries = LEGEND.map((name) => {
    const { letter, glyph } = STATES.find((state) => state.name === name)!;
    return { plain: `${glyph} ${name}`, painted: `${paint(letter, glyph)} ${name}` };
  });
  if (sections.some(hasWheelchairSeats)) {
    const text = 'W wheelchair, H S B when taken';
    entries.push({ plain: text, painted: text });
  }
  const lines: string[] = [];
  let line = '';
  let used = 0;
  for (const entry of entries) {
    const length = entry.plain.length;
    if (used > 0 && used + 3 + length > width) {
      lines.push(line);
      line = '';
      used = 0;
    }
    line += (used > 0 ? '   ' : '') + entry.painted;
    used += (used > 0 ? 3 : 0) + length;
  }
  return [...lines, line];
}

function hasWheelchairSeats(section: MapSection): boolean {
  const rows = section.rows ?? [];
  return rows.some((row) =>
    row.blocks.some((block) => block.some((seat) => seat.features.includes(WHEELCHAIR))),
  );
}
