import t from 'tap';
import { checkRateLimits, parseRateLimits } from '../../src/core/rate-limit.ts';

t.test('rate limits are read as they are written', (t) => {
  t.strictSame(parseRateLimits('sales=200/s, none=600/m:50,reader=0.5/s,admin=36/h'), {
    sales: { perSecond: 200, burst: 200 },
    none: { perSecond: 10, burst: 50 },
    reader: { perSecond: 0.5, burst: 1 },
    admin: { perSecond: 0.01, burst: 1 },
  });
  t.strictSame(parseRateLimits(''), {});
  t.end();
});

t.test('what is wrong with a rate limit is said', (t) => {
  const wrong: [text: string, says: RegExp][] = [
    ['sales', /"sales" is not role=number\/s/],
    ['sales=200', /"sales=200"/],
    ['sales=200/d', /"sales=200\/d"/],
    ['seller=1/s', /"seller" is not a role; there are none, reader, sales, admin/],
    ['sales=1/s,sales=2/s', /sales is named twice/],
    ['sales=0/s', /sales is 0 a second/],
    ['sales=5/s:0', /burst of sales is 0/],
    ['sales=9999999/s', /1000000/],
  ];
  for (const [text, message] of wrong)
    t.throws(() => parseRateLimits(text), { code: 'bad-option', message }, text);
  t.throws(() => checkRateLimits({ sales: { perSecond: Number.NaN, burst: 1 } }), { code: 'bad-option' });
  t.throws(() => checkRateLimits({ boss: { perSecond: 1, burst: 1 } } as object), { code: 'bad-option' });
  t.end();
});
