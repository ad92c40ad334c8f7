/** A reader of the text format, as strict as it needs to be: a test is to see what a scraper would choke on. */

export interface Family {
  readonly type: string;
  readonly help: string;
  /** By labels as written, `{route="seats",status="200"}` or nothing, behind the rest of the name if there is one. */
  readonly samples: Map<string, number>;
}

const SAMPLE = /^([a-z_][a-z0-9_]*)(\{(?:[a-z_]+="(?:[^"\\]|\\.)*",?)*\})? (\S+)$/i;

export function parsePrometheus(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  let help = '';
  let current = '';
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (kind === 'HELP') {
      help = rest;
    } else if (kind === 'TYPE') {
      if (families.has(name)) throw new Error(`${name} is there twice`);
      families.set(name, { type: rest, help, samples: new Map() });
      current = name;
    } else {
      const match = SAMPLE.exec(line);
      if (match === null) throw new Error(`not a sample: ${line}`);
      const [, sample = '', labels = '', value = ''] = match;
      const family = families.get(current);
      const suffix = sample.slice(current.length);
      const isOfIt = family?.type === 'histogram' ? /^_(bucket|sum|count)$/.test(suffix) : suffix === '';
      if (family === undefined || !sample.startsWith(current) || !isOfIt)
        throw new Error(`${sample} does not belong to ${current}`);
      if (family.samples.has(suffix + labels)) throw new Error(`${line} is there twice`);
      // Scrapers take NaN in any case; prom-client writes Nan.
      if (Number.isNaN(Number(value)) && !/^(nan|[+-]inf)$/i.test(value))
        throw new Error(`not a number: ${line}`);
      family.samples.set(suffix + labels, Number(value));
    }
  }
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  return families;
}
