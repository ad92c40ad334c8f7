/** `frontrow order export`: all orders of an event, as NDJSON or CSV, to stdout or into a file. */
import { defineCommand, EVENT } from './command.ts';
import { csvHeader, csvLines } from './csv.ts';
import { formatCount } from './format.ts';
import { openOutput } from './output.ts';
import { Progress } from './progress.ts';

const PAGE = 500;

export const orderExport = defineCommand({
  usage: 'export <event>',
  group: 'order',
  describe: 'Write all orders of an event, with their tickets',
  positionals: { event: EVENT },
  options: {
    format: {
      choices: ['ndjson', 'csv'],
      requiresArg: true,
      describe: "Unless given: by the ending of --output's name, else ndjson",
    },
    output: { type: 'string', requiresArg: true, describe: 'A file; it appears only when it is complete' },
    raw: { type: 'boolean', default: false, describe: 'CSV: leave texts as they are (see below)' },
  },
  examples: [
    ['frontrow order export gala > gala.ndjson', 'an order a line'],
    ['frontrow order export gala --output gala.csv', 'a ticket a line'],
  ],
  notes:
    'CSV follows RFC 4180: a header, commas, lines that end in CR LF, and columns that stay in this order; new ones ' +
    'come last. A spreadsheet takes a text that begins with = + - @ or a control character for a formula; such a ' +
    'text gets an apostrophe before it. --raw leaves it out: for programs, not for spreadsheets.',
  async run(args, session) {
    const format = args.format ?? (args.output?.toLowerCase().endsWith('.csv') === true ? 'csv' : 'ndjson');
    const client = session.client();
    // Whether the event is there at all is known before a file is begun.
    await client.orders.list(args.event, { limit: 1 });
    const output = await openOutput(args.output, session);
    const progress = new Progress(session);
    const count = { orders: 0, tickets: 0 };
    const told = (): string => `${formatCount(count.orders)} orders, ${formatCount(count.tickets)} tickets`;
    try {
      if (format === 'csv') await output.write(csvHeader());
      let page = '';
      for await (const order of client.orders.all(args.event, { limit: PAGE })) {
        page += format === 'csv' ? csvLines(order, !args.raw) : `${JSON.stringify(order)}\n`;
        count.orders++;
        count.tickets += order.tickets.length;
        if (count.orders % PAGE !== 0) continue;
        await output.write(page);
        page = '';
        progress.show(`${told()} …`);
      }
      await output.write(page);
      await output.finish();
    } catch (error) {
      progress.clear();
      await output.discard();
      throw error;
    }
    progress.clear();
    session.note(`${told()}${args.output === undefined ? '' : ` in ${args.output}`}`);
  },
});
