/** A Frontrow server in a process of its own that tells how it recovered, whatever it is asked. See server.ts. */
import { serveFrontrow } from '../frontrow-child.ts';

await serveFrontrow(async ({ recovered }) => recovered);
