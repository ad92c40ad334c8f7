/**
 * Who a client is for the fair queue, by its address: an IPv4 address, or the /64 of an IPv6 one, since that is
 * what one customer of a provider gets. Called once per connection. Source: API.md, Who may what.
 */

const MAPPED = '::ffff:';

/** `203.0.113.9` → itself; `::ffff:203.0.113.9` → `203.0.113.9`; `2001:db8:1:2:3::4` → `2001:db8:1:2::/64`. */
export function clientOfPeer(address: string | undefined): string {
  if (address === undefined) return 'unknown';
  if (!address.includes(':')) return address;
  if (address.startsWith(MAPPED) && address.includes('.')) return address.slice(MAPPED.length);
  const zone = address.indexOf('%');
  const groups = expand(zone < 0 ? address : address.slice(0, zone));
  return `${groups.slice(0, 4).join(':')}::/64`;
}

/** The eight groups of an address as the operating system prints it (RFC 5952), without leading zeros. */
function expand(address: string): string[] {
  const [head = '', tail] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  if (tail === undefined) return left;
  const right = tail === '' ? [] : tail.split(':');
  const missing = Math.max(0, 8 - left.length - right.length);
  return [...left, ...Array.from({ length: missing }, () => '0'), ...right];
}
