/** What other processes have used of the processor, from Linux's /proc (proc_pid_stat(5)); elsewhere it is not known. */
import { readdirSync, readFileSync } from 'node:fs';

/** Linux tells times in hundredths of a second (USER_HZ): too coarse for a request, good enough for a run. */
const TICK_MICROS = 10_000;

interface Stat {
  readonly parent: number;
  /** Of all its threads. */
  readonly ticks: number;
  /** Of children that have ended. */
  readonly endedTicks: number;
}

/** µs of user and system time of a process and its children, those that ended included. Null where /proc is not. */
export function familyCpuMicros(pid: number): number | null {
  const own = statOf(String(pid));
  if (own === null) return null;
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(statOf)
    .filter((stat) => stat?.parent === pid);
  const ticks = children.reduce((sum, stat) => sum + (stat?.ticks ?? 0), own.ticks + own.endedTicks);
  return ticks * TICK_MICROS;
}

function statOf(pid: string): Stat | null {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    // It ended since the directory was read, or there is no /proc.
    return null;
  }
}

/** A line of /proc/PID/stat. Its second field is a name in brackets that may have spaces and brackets. Pure. */
export function parseStat(line: string): Stat {
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const sum = (first: number): number => Number(fields[first - 3]) + Number(fields[first - 2]);
  return { parent: Number(fields[1]), ticks: sum(14), endedTicks: sum(16) };
}
