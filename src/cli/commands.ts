/** The commands that talk to a server. Those that start one, or read its files, are added in `main.ts`. */
import { bench } from './bench.ts';
import { block, unblock } from './block.ts';
import { buy } from './buy.ts';
import { change } from './change.ts';
import type { Command } from './command.ts';
import { completion } from './completion.ts';
import { confirm } from './confirm.ts';
import { eventArchive } from './event-archive.ts';
import { eventCreate } from './event-create.ts';
import { eventEdit } from './event-edit.ts';
import { eventList } from './event-list.ts';
import { eventShow } from './event-show.ts';
import { eventClose, eventOpen, eventPause } from './event-state.ts';
import { extend } from './extend.ts';
import { history } from './history.ts';
import { hold } from './hold.ts';
import { holdList } from './hold-list.ts';
import { holdShow } from './hold-show.ts';
import { orderCancel } from './order-cancel.ts';
import { orderCreate } from './order-create.ts';
import { orderExport } from './order-export.ts';
import { orderList } from './order-list.ts';
import { orderShow } from './order-show.ts';
import { release } from './release.ts';
import { seat } from './seat.ts';
import { seats } from './seats.ts';

/** In the order in which `--help` lists them: the way of a ticket. */
export const CLIENT_COMMANDS: readonly Command[] = [
  eventList,
  eventCreate,
  eventShow,
  eventEdit,
  eventOpen,
  eventPause,
  eventClose,
  eventArchive,
  seats,
  seat,
  history,
  hold,
  holdShow,
  holdList,
  change,
  extend,
  confirm,
  release,
  orderCreate,
  orderShow,
  orderList,
  orderCancel,
  orderExport,
  block,
  unblock,
  buy,
  bench,
  completion,
];
