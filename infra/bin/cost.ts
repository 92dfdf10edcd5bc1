/** Prints the cost table of the stages, of dev without NAT, and what ADR-001 says. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { lines, table, type Line } from '../cost/cost.ts';
import { build, stackName } from '../lib/app.ts';
import { DEV, PROD, withoutNat, type StageConfig } from '../lib/config.ts';
import { readContract } from '../lib/contract.ts';
import type { Template as Synthesized } from '../proof/graph.ts';

const contract = readContract(resolve(import.meta.dirname, '../../generated/routes.json'));
const artefact = mkdtempSync(join(tmpdir(), 'specwright-cost-'));
writeFileSync(join(artefact, 'bootstrap'), 'only its price is asked for\n');

function priced(config: StageConfig): Line[] {
  const app = build({ configs: [config], contract, artefact });
  const template = Template.fromStack(
    Stack.of(app.node.findChild(stackName(config))),
  ).toJSON() as Synthesized;
  return lines(template.Resources);
}

const cheap = withoutNat(DEV, 'a PEM key', 'https://clerk.example.org');
const warm = { ...PROD, function: { ...PROD.function, provisionedConcurrency: 1 } };
const profiles: [string, StageConfig][] = [
  ['dev', DEV],
  ['dev without NAT', cheap],
  ['prod', PROD],
  ['prod, one instance warm', warm],
];
console.log(table(new Map(profiles.map(([name, config]) => [name, priced(config)]))));
