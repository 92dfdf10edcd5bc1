/** The cost table is what the template and the prices give. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { ADR, lines, table, total } from '../cost/cost.ts';
import { profiles } from '../cost/profiles.ts';
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

test('the table stands beside ADR-001, and in ADR-002 as it is printed', () => {
  const text = table(profiles());
  assert.match(text, /\| \*\*Total\*\* \| \*\*66\*\* \| \*\*\d+\.\d\d\*\* \|/);
  const rows = text.slice(0, text.indexOf('\n\n'));
  for (const what of ADR.keys()) assert.ok(rows.includes(`| ${what} | ${ADR.get(what)} |`), what);
  const file = resolve(import.meta.dirname, '../../docs/adr/002-running-the-architecture.md');
  const document = readFileSync(file, 'utf8');
  const written = /^\| per month[^]*?(?=\n\n)/m.exec(document)?.[0];
  assert.ok(written);
  if (process.env['UPDATE_EXPECT'] === '1') writeFileSync(file, document.replace(written, rows));
  else assert.equal(written, rows, 'UPDATE_EXPECT=1 writes it anew');
});
