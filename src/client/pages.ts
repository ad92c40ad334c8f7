/** Lists: pages, and all of them one after the other. */
import type { CallOptions } from './transport.ts';
import type { Page } from './types.ts';

export interface PageOptions extends CallOptions {
  /** Entries a page, 1 to 500; the server's default is 50. */
  readonly limit?: number | undefined;
  /** `next` of the page before. */
  readonly after?: string | number | undefined;
}

/** Every entry, in order. Asks for a page when the one before is used up, and for none after the last. */
export async function* pages<T>(
  read: (after: string | number | undefined) => Promise<Page<T>>,
  first: string | number | undefined,
): AsyncGenerator<T, void, undefined> {
  let after = first;
  for (;;) {
    const page = await read(after);
    yield* page.data;
    if (page.next === null) return;
    after = page.next;
  }
}
