/** A Frontrow server in a process of its own, started by the bench. */
import { serveFrontrow } from './frontrow-child.ts';

await serveFrontrow();
