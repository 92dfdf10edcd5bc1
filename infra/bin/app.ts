/**
 * What the CDK's command line runs.
 *
 * | variable | meaning |
 * |---|---|
 * | `SPECWRIGHT_ARTEFACT` | folder with `bootstrap`; `target/lambda/api` where unset |
 * | `SPECWRIGHT_PLACEHOLDER` | `1`: synthesize without a binary, with a file that says so; never deployed |
 * | `SPECWRIGHT_DEPLOY` | `1`: fail where the configuration still has the values of an example |
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from '../lib/app.ts';
import { DEV, PROD, unfinished } from '../lib/config.ts';
import { readContract } from '../lib/contract.ts';

const root = resolve(import.meta.dirname, '../..');
const set = (name: string) => process.env[name] === '1';

function artefact(): string {
  if (!set('SPECWRIGHT_PLACEHOLDER'))
    return resolve(root, process.env['SPECWRIGHT_ARTEFACT'] ?? 'target/lambda/api');
  const folder = join(root, 'infra/cdk.out/placeholder');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'bootstrap'), 'not a binary: run `cargo xtask package`\n', { mode: 0o755 });
  return folder;
}

if (set('SPECWRIGHT_DEPLOY')) {
  if (set('SPECWRIGHT_PLACEHOLDER')) throw new Error('a placeholder is not deployed');
  const stage = process.env['SPECWRIGHT_STAGE'];
  const missing = [DEV, PROD].filter((config) => config.stage === stage).flatMap(unfinished);
  if (missing.length > 0)
    throw new Error(`infra/lib/config.ts still has examples:\n  ${missing.join('\n  ')}`);
}

const contract = readContract(join(root, 'generated/routes.json'));
build({ configs: [DEV, PROD], contract, artefact: artefact() }).synth();
