/** All of the growth bench, one part after the other, in a place of its own that is gone afterwards. */
import type { PartReport } from '../figure.ts';
import { findWrk } from '../wrk.ts';
import type { Chart } from './chart.ts';
import { memoryChart, orderCharts, recoveryChart, workerChart } from './curves.ts';
import { memoryGrowth } from './memory.ts';
import { orderGrowth } from './order.ts';
import { recoveryGrowth } from './recovery.ts';
import type { GrowthSizes } from './sizes.ts';
import { workerGrowth } from './workers.ts';
import { Workplace } from './workplace.ts';

export interface GrowthReport extends PartReport {
  readonly charts: readonly Chart[];
}

const NO_WRK = 'wrk is not installed: no curve over workers, and servers are not warm when orders are timed';

/** `note` tells a person what is going on. */
export async function growthFigures(sizes: GrowthSizes, note: (text: string) => void): Promise<GrowthReport> {
  const hasWrk = findWrk() !== null;
  const workplace = new Workplace();
  try {
    const order = await orderGrowth({ ...sizes, sizes: sizes.order, hasWrk }, workplace, note);
    const recovery = await recoveryGrowth({ ...sizes, sizes: sizes.recovery }, workplace, note);
    const memory = await memoryGrowth({ ...sizes, sizes: sizes.memory }, workplace, note);
    const workers = hasWrk ? await workerGrowth({ ...sizes, sizes: sizes.workers }, workplace, note) : null;
    const parts = [order, recovery, memory, ...(workers === null ? [] : [workers])];
    return {
      figures: parts.flatMap((part) => part.figures),
      lines: [...(hasWrk ? [] : [NO_WRK, '']), ...parts.flatMap((part) => [...part.lines, ''])].slice(0, -1),
      checks: parts.flatMap((part) => part.checks),
      charts: [
        ...orderCharts(order),
        recoveryChart(recovery),
        memoryChart(memory),
        ...(workers === null ? [] : [workerChart(workers)]),
      ],
    };
  } finally {
    workplace.end();
  }
}
