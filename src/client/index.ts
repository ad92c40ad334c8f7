/** The package's public client, `frontrow/client`: what users import. */
export { FrontrowClient } from './client.ts';
export type { Conditional, HistoryOptions, PageOptions, SectionOptions } from './client.ts';
export { FrontrowProblem, FrontrowUnreachable } from './problem.ts';
export type { FailedRequest, ProblemField } from './problem.ts';
export { seatLetterAt, seatLetters } from './seat-bits.ts';
export { expandSeats, listSeats } from './seat-numbers.ts';
export type { RowSeat } from './seat-numbers.ts';
export type { Call, CallOptions, ChangeOptions, ClientOptions, Reply } from './transport.ts';
export type * from './types.ts';
