/** Rate limits as an operator writes them: `sales=200/s,none=50/s:100`. */
import { FrontrowError } from './assert.ts';
import { ROLES, type Role } from './roles.ts';

export interface RateLimit {
  /** Requests that a client may make in a second, in the long run. */
  readonly perSecond: number;
  /** Requests that it may make at once after a rest. */
  readonly burst: number;
}

/** Each client has a bucket of its own for each role it acts in; a role that is not named is not limited. */
export type RateLimits = Partial<Readonly<Record<Role, RateLimit>>>;

const PER_SECOND_MIN = 0.001;
const PER_SECOND_MAX = 1_000_000;
const BURST_MAX = 1_000_000;
const ENTRY = /^([a-z]+)=(\d+(?:\.\d+)?)\/(s|m|h)(?::(\d+))?$/;
const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

function bad(detail: string): never {
  throw new FrontrowError('bad-option', `rate limit: ${detail}; write it like sales=200/s,none=600/m:50`);
}

/** @throws FrontrowError `bad-option` */
function checkRateLimit(role: string, { perSecond, burst }: RateLimit): void {
  if (!(perSecond >= PER_SECOND_MIN && perSecond <= PER_SECOND_MAX)) {
    bad(`${role} is ${perSecond} a second; it must be from ${PER_SECOND_MIN} to ${PER_SECOND_MAX}`);
  }
  if (!Number.isInteger(burst) || burst < 1 || burst > BURST_MAX) {
    bad(`the burst of ${role} is ${burst}; it must be a whole number from 1 to ${BURST_MAX}`);
  }
}

/**
 * Reads `role=number/unit[:burst]`, separated by commas; units are s, m and h. Without a burst it is what a second
 * brings, at least 1. The empty text limits nobody.
 * @throws FrontrowError `bad-option` that says which part is wrong
 */
export function parseRateLimits(text: string): RateLimits {
  const limits: Partial<Record<Role, RateLimit>> = {};
  for (const part of text.split(',').map((entry) => entry.trim())) {
    if (part === '') continue;
    const found = ENTRY.exec(part);
    if (found === null) bad(`"${part}" is not role=number/s`);
    const [, name = '', number = '', unit = '', burstText] = found;
    const role = ROLES.find((known) => known === name);
    if (role === undefined) bad(`"${name}" is not a role; there are ${ROLES.join(', ')}`);
    if (limits[role] !== undefined) bad(`${role} is named twice`);
    const perSecond = Number(number) / (SECONDS[unit] ?? 1);
    const burst = burstText === undefined ? Math.max(1, Math.ceil(perSecond)) : Number(burstText);
    limits[role] = { perSecond, burst };
  }
  return checkRateLimits(limits);
}

/** @throws FrontrowError `bad-option` */
export function checkRateLimits(limits: RateLimits): RateLimits {
  for (const [role, limit] of Object.entries(limits)) {
    if (!ROLES.some((known) => known === role)) bad(`"${role}" is not a role`);
    if (limit !== undefined) checkRateLimit(role, limit);
  }
  return limits;
}
