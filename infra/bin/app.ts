/**
 * What the CDK's command line runs.
 *
 * | variable | meaning |
 * |---|---|
 * | `SPECWRIGHT_ARTEFACT` | folder with `bootstrap`; `target/lambda/api` where unset |
 * | `SPECWRIGHT_PLACEHOLDER` | `1`: synthesize without a binary, with a file that says so; never deployed |
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from '../lib/app.ts';
import { DEV, PROD } from '../lib/config.ts';
import { readContract } from '../lib/contract.ts';

const root = resolve(import.meta.dirname, '../..');

function artefact(): string {
  if (process.env['SPECWRIGHT_PLACEHOLDER'] !== '1')
    return resolve(root, process.env['SPECWRIGHT_ARTEFACT'] ?? 'target/lambda/api');
  const folder = join(root, 'infra/cdk.out/placeholder');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'bootstrap'), 'not a binary: run `cargo xtask package`\n', { mode: 0o755 });
  return folder;
}

const contract = readContract(join(root, 'generated/routes.json'));
build({ configs: [DEV, PROD], contract, artefact: artefact() }).synth();
