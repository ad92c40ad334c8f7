import { createLeanListener } from '../../src/http/lean-listener.ts';
import { listenerContract } from './listener-contract.ts';

listenerContract('lean', createLeanListener);
