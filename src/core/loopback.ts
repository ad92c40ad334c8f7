/** Which addresses only this machine can reach: without keys the server listens nowhere else. */

/** `localhost`, 127.0.0.0/8, `::1`. Other names could be anything, and are not believed. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/.test(host);
}
