/** `frontrow seat`: one seat, and whose it is where the key may know. */
import { defineCommand, EVENT } from './command.ts';
import { formatTime } from './format.ts';
import type { Cell } from './format.ts';
import { stateCell } from './style.ts';

export const seat = defineCommand({
  usage: 'seat <event> <seat>',
  describe: 'Show one seat',
  positionals: {
    event: EVENT,
    seat: { type: 'string', demandOption: true, describe: 'section-row-number, such as stalls-A-12' },
  },
  options: {},
  examples: [['frontrow seat gala stalls-A-12', '']],
  async run(args, session) {
    const reply = await session.client().events.seat(args.event, args.seat);
    await session.show(reply, reply.seat, () => {
      const fields: [string, Cell][] = [
        ['seat', reply.seat],
        ['state', stateCell(reply.state)],
        ['section', reply.section],
        ['row', reply.row],
        ['number', reply.number],
      ];
      if (reply.features.length > 0) fields.push(['features', reply.features.join(', ')]);
      if (reply.hold !== undefined) fields.push(['hold', reply.hold]);
      if (reply.order !== undefined) fields.push(['order', reply.order]);
      if (reply.expiresAt !== undefined) fields.push(['until', formatTime(reply.expiresAt)]);
      fields.push(['sequence', String(reply.sequence)]);
      return session.fields(fields);
    });
  },
});
