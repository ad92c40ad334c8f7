/**
 * kill -9 in the middle of a load, and what is left. Clients order one after the other and note what they were
 * told, until the server is gone; after a restart all of that must be there, and nothing that nobody asked for.
 */
import { FrontrowProblem, FrontrowUnreachable } from '../src/client/index.ts';
import { auditConservation } from '../src/cli/load-audit.ts';
import { auditReadBack } from './audit.ts';
import type { PartReport } from './figure.ts';
import type { BenchOptions } from './options.ts';
import { FLOOR, QUANTITY } from './requests.ts';
import { onStage } from './stage.ts';
import type { Stage } from './stage.ts';

const CLIENTS = 64;
/** The server is killed when so many orders are acknowledged, with others in flight. */
const ORDERS_PER_SECOND = 500;

export async function crashReport({ limits, seconds }: BenchOptions): Promise<PartReport> {
  const stageOptions = { kind: 'orders', places: 500_000, limits, replies: 'accepted' } as const;
  return onStage(stageOptions, async (stage) => {
    await stage.createEvent('crash', 200_000, 0);
    const enough = Math.min(50_000, ORDERS_PER_SECOND * seconds);
    const { acknowledged, unanswered } = await orderUntilKilled(stage, enough);
    await stage.restart();
    const after = await stage.settled('crash');
    const claims = after.sold / QUANTITY;
    const counts = `${acknowledged.length} acknowledged, ${unanswered} in flight`;
    const checks = [
      {
        name: 'kill -9 under load: sold = acknowledged + some of those in flight',
        ok: claims >= acknowledged.length && claims <= acknowledged.length + unanswered,
        detail: `${claims} sold, ${counts}`,
      },
      {
        name: 'kill -9 under load: a sale is one change',
        ok: after.sequence - 1 === claims,
        detail: `sequence ${after.sequence}, ${claims} orders`,
      },
      auditConservation(after),
      await auditReadBack(stage, 'orders', acknowledged),
    ];
    return { figures: [], lines: [`kill -9 under ${CLIENTS} clients: ${counts}`], checks };
  });
}

async function orderUntilKilled(
  stage: Stage,
  enough: number,
): Promise<{ acknowledged: string[]; unanswered: number }> {
  const acknowledged: string[] = [];
  let unanswered = 0;
  const killed: Promise<void>[] = [];
  const loop = async (client: number): Promise<void> => {
    for (let count = 0; ; count++) {
      try {
        const order = await stage.client.orders.create(
          'crash',
          { items: [{ section: FLOOR, quantity: QUANTITY }] },
          { idempotencyKey: `${client}-${count}` },
        );
        acknowledged.push(order.id);
        if (acknowledged.length >= enough && killed.length === 0) killed.push(stage.server.kill());
      } catch (error) {
        if (!(error instanceof FrontrowUnreachable) && !(error instanceof FrontrowProblem)) throw error;
        // Sent and not answered; a connection that was refused was never sent.
        if (error.applied !== false) unanswered++;
        if (killed.length === 0) throw error;
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, client) => loop(client)));
  await Promise.all(killed);
  return { acknowledged, unanswered };
}
