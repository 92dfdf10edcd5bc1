/** What the table compares: the stages, dev without NAT, and prod with an instance kept warm. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { build, stackName } from '../lib/app.ts';
import { DEV, PROD, withoutNat, type StageConfig } from '../lib/config.ts';
import { readContract } from '../lib/contract.ts';
import type { Template as Synthesized } from '../proof/graph.ts';
import { lines, type Line } from './cost.ts';

/** Lines by the name of the profile, from templates that are synthesized for it. */
export function profiles(): Map<string, Line[]> {
  const contract = readContract(resolve(import.meta.dirname, '../../generated/routes.json'));
  const artefact = mkdtempSync(join(tmpdir(), 'specwright-cost-'));
  writeFileSync(join(artefact, 'bootstrap'), 'only its price is asked for\n');
  const priced = (config: StageConfig): Line[] => {
    const app = build({ configs: [config], contract, artefact });
    const stack = Stack.of(app.node.findChild(stackName(config)));
    return lines((Template.fromStack(stack).toJSON() as Synthesized).Resources);
  };
  const warm = { ...PROD, function: { ...PROD.function, provisionedConcurrency: 1 } };
  return new Map([
    ['dev', priced(DEV)],
    ['dev without NAT', priced(withoutNat(DEV, 'a PEM key', 'https://clerk.example.org'))],
    ['prod', priced(PROD)],
    ['prod, one instance warm', priced(warm)],
  ]);
}
