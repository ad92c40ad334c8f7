/**
 * Prints a long list as its pages arrive: NDJSON, ids, or a table in slices, so that memory stays small and the first
 * lines are there at once. Each slice has columns of its own width.
 */
import type { Cell } from './format.ts';
import type { Session } from './session.ts';

/** Entries asked for at once, and lines of one slice of the table. Source: API.md, Lists. */
const PAGE = 500;

export interface ListLook<T> {
  /** Asks the server for pages of so many. */
  readonly pages: (limit: number) => AsyncIterable<T>;
  /** At most this many; undefined for all. */
  readonly most: number | undefined;
  readonly idOf: (entry: T) => string;
  readonly headers: readonly string[];
  readonly rowOf: (entry: T) => readonly Cell[];
  /** Said on stderr when there is nothing. */
  readonly none: string;
}

export async function printList<T>(session: Session, look: ListLook<T>): Promise<void> {
  const most = look.most ?? Infinity;
  let count = 0;
  let rows: (readonly Cell[])[] = [];
  let isFirst = true;
  const flush = async (): Promise<void> => {
    if (rows.length === 0) return;
    const lines = session.table(look.headers, rows);
    await session.print(...(isFirst ? lines : lines.slice(1)));
    isFirst = false;
    rows = [];
  };
  for await (const entry of look.pages(Math.min(PAGE, most))) {
    if (session.json) await session.printJson(entry);
    else if (session.quiet) await session.print(look.idOf(entry));
    else rows.push(look.rowOf(entry));
    if (rows.length === PAGE) await flush();
    if (++count >= most) break;
  }
  await flush();
  if (count === 0) session.note(look.none);
}
