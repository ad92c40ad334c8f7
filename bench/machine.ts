/** Where figures come from: they mean nothing without it. */
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';
import { digits } from './figures.ts';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly system: string;
  readonly node: string;
  /** Over one minute, before the bench began: above 0 somebody else was there. */
  readonly load: number;
}

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGib: Math.round(totalmem() / 1024 ** 3),
    system: `${type()} ${release()}`,
    node: process.version,
    load: loadavg()[0],
  };
}

/** For the head of a report. */
export function machineFields(machine: Machine): [label: string, value: string][] {
  const load = machine.load > 0.5 ? `; load ${digits(machine.load)} before the start: others were here` : '';
  return [
    ['machine', `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGib} GiB, ${machine.system}${load}`],
    ['node', machine.node],
  ];
}
