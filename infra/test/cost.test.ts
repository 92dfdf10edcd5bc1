/** The cost table is what the template and the prices give. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lines, table, total } from '../cost/cost.ts';
import { DEV, PROD, withoutNat } from '../lib/config.ts';
import { synthesize } from './synth.ts';

const dev = lines(synthesize(DEV).resources);
const prod = lines(synthesize(PROD).resources);
const cheap = lines(synthesize(withoutNat(DEV, 'a PEM key', 'https://clerk.example.org')).resources);
const amount = (all: typeof dev, what: string) => all.find((line) => line.what === what)?.dollars.toFixed(2);

test("the four of ADR-001's table are near what it says", () => {
  assert.equal(amount(dev, 'Postgres'), '11.68');
  assert.equal(amount(dev, 'RDS Proxy, by the vCPUs of the database'), '21.90');
  assert.equal(amount(dev, 'NAT gateways'), '32.85');
  assert.equal(amount(dev, 'Secrets Manager'), '0.40');
});

test('a second zone doubles the database, its storage and NAT', () => {
  for (const what of ['Postgres', 'Storage', 'NAT gateways', 'Their public addresses']) {
    assert.equal(amount(prod, what), (2 * Number(amount(dev, what))).toFixed(2), what);
  }
});

test('without NAT an endpoint is paid instead, and less in all', () => {
  assert.equal(amount(cheap, 'NAT gateways'), undefined);
  assert.equal(amount(cheap, 'Endpoint of Secrets Manager, by the zone'), '7.30');
  assert.ok(total(dev) - total(cheap) > 28, `${total(dev)} and ${total(cheap)}`);
});

test('provisioned concurrency is paid by memory and time', () => {
  const warm = { ...PROD, function: { ...PROD.function, provisionedConcurrency: 2, memoryMiB: 1024 } };
  assert.equal(amount(lines(synthesize(warm).resources), 'Provisioned concurrency'), '21.90');
});

test('a database without a price is an error, not a bargain', () => {
  const large = synthesize({ ...DEV, database: { ...DEV.database, instance: 'r8g.large' } });
  assert.throws(() => lines(large.resources), /no price|vCPUs/);
});

test('the table has a column for each profile and the total', () => {
  const text = table(new Map([['dev', dev]]));
  assert.match(text, /\| \*\*Total\*\* \| \*\*\d+\.\d\d\*\* \|/);
  assert.match(text, /ADR-001 has 66/);
});
