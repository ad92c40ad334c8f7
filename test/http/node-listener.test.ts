import { createNodeListener } from '../../src/http/node-listener.ts';
import { listenerContract } from './listener-contract.ts';

listenerContract('node:http', createNodeListener);
