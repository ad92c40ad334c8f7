/**
 * Who is behind a proxy (RFC 7239, and X-Forwarded-For before it). Main thread.
 *
 * Every proxy adds at the right the address that it was called from; what is to the left of that is hearsay. So the
 * list is read from the right, as long as the one who speaks is trusted:
 *
 *   X-Forwarded-For: 198.51.100.7, 203.0.113.9, 10.0.0.2      peer 10.0.0.1, trusted: 10.0.0.0/8
 *                    hearsay       ▲ the client  ▲ trusted, so it is believed
 *
 * A proxy that sets one of the two headers may hand on the other as it came from the client. Where both are there and
 * do not agree, neither is believed, and the client is the proxy itself: nobody gains by making up the other one.
 */
import { BlockList, isIP } from 'node:net';
import { FrontrowError } from '../core/assert.ts';
import type { RequestHead } from './head.ts';
import { clientOfAddress, plainAddress } from './peer.ts';
import type { Peer } from './peer.ts';

/** More proxies than anybody has: what is further left is not looked at. */
const HOPS_MAX = 16;
/** Addresses whose answer is remembered. */
const KNOWN_MAX = 16 * 1024;
const LOOPBACK_NETS = ['127.0.0.0/8', '::1'];
const FOR = /^\s*for\s*=\s*(?:"([^"\\]*)"|([^\s"]*))\s*$/i;

export class TrustedProxies {
  readonly #nets = new BlockList();
  /** Whether each address of late is one. */
  readonly #known = new Map<string, boolean>();

  /**
   * @param nets addresses, CIDR ranges, or `loopback`
   * @throws FrontrowError `bad-option` that names the one that is none
   */
  constructor(nets: readonly string[]) {
    for (const net of nets.flatMap((name) => (name === 'loopback' ? LOOPBACK_NETS : [name]))) this.#add(net);
  }

  #add(net: string): void {
    const [address = '', bits, more] = net.split('/');
    const family = isIP(address);
    const widest = family === 6 ? 128 : 32;
    const prefix = bits === undefined ? widest : /^\d{1,3}$/.test(bits) ? Number(bits) : -1;
    if (family === 0 || prefix < 0 || prefix > widest || more !== undefined) {
      throw new FrontrowError(
        'bad-option',
        `trustProxy: ${JSON.stringify(net)} is no address, no CIDR range and not "loopback"`,
      );
    }
    this.#nets.addSubnet(address, prefix, family === 6 ? 'ipv6' : 'ipv4');
  }

  /** Whom the fair queue serves. */
  clientOf(head: RequestHead): string {
    const { peer } = head;
    if (!this.#trusts(peer.address)) return peer.client;
    const { xForwardedFor, forwarded } = head;
    if (xForwardedFor === null && forwarded === null) return peer.client;
    const one = xForwardedFor === null ? null : this.#behind(peer, xForwardedFor.split(','));
    const two = forwarded === null ? null : this.#behind(peer, forwarded.split(',').map(forOf));
    if (one !== null && two !== null && one !== two) return peer.client;
    return clientOfAddress(one ?? two ?? peer.address);
  }

  /** BlockList makes objects outside the heap for each question, which make a garbage collection several times as long. */
  #trusts(address: string): boolean {
    const known = this.#known.get(address);
    if (known !== undefined) return known;
    const family = isIP(address);
    const trusted = family !== 0 && this.#nets.check(address, family === 6 ? 'ipv6' : 'ipv4');
    if (this.#known.size >= KNOWN_MAX) this.#known.clear();
    this.#known.set(address, trusted);
    return trusted;
  }

  /** The first address from the right that no trusted proxy has; the last one that is an address at all, if need be. */
  #behind(peer: Peer, hops: readonly string[]): string {
    let nearest = peer.address;
    for (let i = hops.length - 1; i >= Math.max(0, hops.length - HOPS_MAX); i--) {
      const address = addressOf(hops[i]);
      if (address === '') return nearest;
      nearest = address;
      if (!this.#trusts(address)) return nearest;
    }
    return nearest;
  }
}

/** The `for` of one element of a Forwarded header; empty if there is none, or two. */
function forOf(element: string): string {
  let found = '';
  for (const pair of element.split(';')) {
    const match = FOR.exec(pair);
    if (match === null) continue;
    if (found !== '') return '';
    found = match[1] ?? match[2];
  }
  return found;
}

/** `203.0.113.9`, `203.0.113.9:80`, `2001:db8::9`, `[2001:db8::9]`, `[2001:db8::9]:80` → the address; else empty. */
function addressOf(hop: string): string {
  const text = hop.trim();
  const bracketed = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(text);
  if (bracketed !== null) return plainAddress(bracketed[1]);
  const ported = /^([\d.]+):\d{1,5}$/.exec(text);
  return plainAddress(ported === null ? text : ported[1]);
}
