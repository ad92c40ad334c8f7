/**
 * `npm run bench:micro [-- --quick]`: the engine, the mutex and the journal in this process, each beside its target
 * (DESIGN §8). Missing one is no failure; an assertion that fails is.
 */
import { parseArgs } from 'node:util';
import { formatFields } from '../../src/cli/format.ts';
import { describeFigures } from '../figure.ts';
import { describeMachine, machineFields } from '../machine.ts';
import { runMicro } from './run-micro.ts';
import { FULL, QUICK } from './sizes.ts';

const SEED = 1;

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
const sizes = values.quick ? QUICK : FULL;
const machine = describeMachine();
const figures = await runMicro(sizes, SEED);
const lines = [
  ...formatFields([
    ...machineFields(machine),
    ['figures', `medians of ${sizes.rounds} rounds; seed ${SEED}`],
  ]),
  '',
  ...describeFigures(figures),
];
process.stdout.write(`${lines.join('\n')}\n`);
