/**
 * Addresses, and who a client is by its: an IPv4 address, or the /64 of an IPv6 one, since that is what one customer
 * of a provider gets. Made once per connection. Source: API.md, Who may what.
 */
import { isIP } from 'node:net';

/** The other end of a connection. */
export interface Peer {
  /** As `203.0.113.9` or `2001:db8::9`, without zone; empty if there is none, as on a socket that is gone. */
  readonly address: string;
  /** What the fair queue calls it: `p:203.0.113.9`. */
  readonly client: string;
}

const MAPPED = '::ffff:';

/** @param address as the operating system tells it */
export function peerOf(address: string | undefined): Peer {
  const plain = address === undefined ? '' : plainAddress(address);
  return { address: plain, client: clientOfAddress(plain) };
}

/** `::ffff:203.0.113.9` → `203.0.113.9`; `fe80::1%eth0` → `fe80::1`; empty for what is no address. */
export function plainAddress(address: string): string {
  const zone = address.indexOf('%');
  const whole = zone < 0 ? address : address.slice(0, zone);
  const lower = whole.toLowerCase();
  const plain = lower.startsWith(MAPPED) && lower.includes('.') ? lower.slice(MAPPED.length) : lower;
  return isIP(plain) === 0 ? '' : plain;
}

/** `203.0.113.9` → `p:203.0.113.9`; `2001:db8:1:2:3::4` → `p:2001:db8:1:2::/64`. */
export function clientOfAddress(address: string): string {
  if (address === '') return 'p:unknown';
  if (!address.includes(':')) return `p:${address}`;
  return `p:${expand(address).slice(0, 4).join(':')}::/64`;
}

/** The eight groups of an IPv6 address, without leading zeros; so one network has one name, however it was written. */
function expand(address: string): string[] {
  const [head = '', tail] = address.split('::');
  const left = groupsOf(head);
  if (tail === undefined) return left;
  const right = groupsOf(tail);
  const missing = Math.max(0, 8 - left.length - right.length);
  return [...left, ...Array.from({ length: missing }, () => '0'), ...right];
}

function groupsOf(text: string): string[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return group.replace(/^0+(?=.)/, '');
    // The last 32 bits may be written as IPv4; they are two groups, and never within the /64 that is kept.
    return [group, group];
  });
}
