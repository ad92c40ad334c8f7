/** The package's public client, `frontrow/client`: what users import. */
export type { HoldCalls, HoldListOptions, OrderCalls, OrderListOptions } from './claim-calls.ts';
export { FrontrowClient } from './client.ts';
export type {
  Conditional,
  EventCalls,
  EventListOptions,
  HistoryOptions,
  PatchOptions,
  SectionOptions,
} from './event-calls.ts';
export type * from './inputs.ts';
export type { LiveOptions } from './live-updates.ts';
export type { PageOptions } from './pages.ts';
export { FrontrowProblem, FrontrowUnreachable } from './problem.ts';
export type { FailedRequest, ProblemCode, ProblemField } from './problem.ts';
export type { RetryClock, RetryOptions } from './retry.ts';
export { seatLetterAt, seatLetters } from './seat-bits.ts';
export { expandSeats, listSeats } from './seat-numbers.ts';
export type { RowSeat } from './seat-numbers.ts';
export type { Call, CallOptions, ChangeOptions, ClientOptions, Reply } from './transport.ts';
export type * from './types.ts';
