/**
 * The client's types, which are written by hand, are those of the schemas that the server answers and checks by. The
 * compiler does the work: where a field is on one side only, or not the same, this file does not compile.
 */
import t from 'tap';
import type { Static, TSchema } from 'typebox';
import type * as takes from '../../src/client/inputs.ts';
import type { ProblemField } from '../../src/client/problem.ts';
import type * as says from '../../src/client/types.ts';
import type * as events from '../../src/service/event-reply-schemas.ts';
import type * as eventBodies from '../../src/service/event-schemas.ts';
import type * as replies from '../../src/service/reply-schemas.ts';
import type * as bodies from '../../src/service/schemas.ts';

/** All the way down without `readonly`, which says nothing of what is there. */
type Plain<T> = T extends readonly (infer Entry)[]
  ? Plain<Entry>[]
  : T extends object
    ? { -readonly [Name in keyof T]: Plain<T[Name]> }
    : T;
/** And with every optional field there: one that the other side has not would fit otherwise. */
type Whole<T> = T extends readonly (infer Entry)[]
  ? Whole<Entry>[]
  : T extends object
    ? { -readonly [Name in keyof T]-?: Whole<T[Name]> }
    : T;
type Fits<From, To> = [From] extends [To] ? true : false;
type Same<A, B> = [A, B] extends [B, A] ? true : false;

/** A reply: each is assignable to the other, and neither has a field more. */
type Agrees<Schema extends TSchema, Type> =
  Same<Plain<Static<Schema>>, Plain<Type>> extends true
    ? Same<Whole<Static<Schema>>, Whole<Type>>
    : 'other types';
/** A body: what the client's type lets through the schema takes, and both have the same fields. */
type Takes<Schema extends TSchema, Type> =
  Fits<Plain<Type>, Plain<Static<Schema>>> extends true
    ? Same<keyof Static<Schema>, keyof Type>
    : 'other types';

t.test('replies: schema and type are the same, field by field', async (t) => {
  const agreed: {
    event: Agrees<typeof events.Event, says.EventDefinition>;
    archived: Agrees<typeof events.ArchivedEvent, says.ArchivedEvent>;
    eventPage: Agrees<typeof events.EventPage, says.Page<says.EventSummary | says.ArchivedEvent>>;
    availability: Agrees<typeof replies.Availability, says.Availability>;
    seatMap: Agrees<typeof replies.SeatMap, says.SeatsReply>;
    seat: Agrees<typeof replies.Seat, says.SeatReply>;
    block: Agrees<typeof replies.BlockResult, says.BlockReply>;
    hold: Agrees<typeof replies.Hold, says.Hold>;
    order: Agrees<typeof replies.Order, says.Order>;
    holdPage: Agrees<typeof replies.HoldPage, says.Page<says.Hold>>;
    orderPage: Agrees<typeof replies.OrderPage, says.Page<says.Order>>;
    changePage: Agrees<typeof replies.ChangePage, says.Page<says.Change>>;
    liveChange: Agrees<typeof replies.LiveChange, Omit<says.SeatChanges, 'type' | 'id'>>;
    status: Agrees<typeof replies.Status, says.ServiceStatus>;
    fields: Same<Plain<NonNullable<Static<typeof replies.Problem>['errors']>[number]>, Plain<ProblemField>>;
  } = {
    event: true,
    archived: true,
    eventPage: true,
    availability: true,
    seatMap: true,
    seat: true,
    block: true,
    hold: true,
    order: true,
    holdPage: true,
    orderPage: true,
    changePage: true,
    liveChange: true,
    status: true,
    fields: true,
  };
  t.ok(Object.values(agreed).every((agrees) => agrees));
});

t.test('bodies: what the types let through, the schemas take', async (t) => {
  const taken: {
    event: Takes<typeof eventBodies.CreateEventBody, takes.EventInput>;
    patch: Takes<typeof eventBodies.PatchEventBody, takes.EventPatch>;
    hold: Takes<typeof bodies.CreateHoldBody, takes.HoldInput>;
    order: Takes<typeof bodies.CreateOrderBody, takes.OrderInput>;
    change: Takes<typeof bodies.ChangeBody, takes.HoldChangeInput>;
    extend: Takes<typeof bodies.ExtendBody, takes.ExtendInput>;
    confirm: Takes<typeof bodies.ConfirmBody, takes.ConfirmInput>;
    cancel: Takes<typeof bodies.CancelBody, takes.CancelInput>;
    block: Takes<typeof bodies.BlockBody, takes.BlockInput>;
  } = {
    event: true,
    patch: true,
    hold: true,
    order: true,
    change: true,
    extend: true,
    confirm: true,
    cancel: true,
    block: true,
  };
  t.ok(Object.values(taken).every((takesIt) => takesIt));
});
