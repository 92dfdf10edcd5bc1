/** The stacks of both stages and of variants, synthesized once for each test file, without a network. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Template } from 'aws-cdk-lib/assertions';
import { Stack } from 'aws-cdk-lib';
import { build, stackName } from '../lib/app.ts';
import type { StageConfig } from '../lib/config.ts';
import { readContract, type Contract } from '../lib/contract.ts';

export const CONTRACT: Contract = readContract(resolve(import.meta.dirname, '../../generated/routes.json'));

/** A resource of a template, as far as the tests look at it. */
export interface Resource {
  readonly Type: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a template has any shape, and a test looks where it must
  readonly Properties: Record<string, any>;
  readonly DependsOn?: string | string[];
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as above
  readonly Metadata?: Record<string, any>;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as above
  readonly UpdatePolicy?: Record<string, any>;
  readonly DeletionPolicy?: string;
}

export interface Synthesized {
  readonly template: Template;
  readonly resources: Readonly<Record<string, Resource>>;
}

/** A folder with a `bootstrap` of these bytes. */
export function artefact(bytes: string | Buffer = 'bootstrap'): string {
  const folder = mkdtempSync(join(tmpdir(), 'specwright-infra-'));
  writeFileSync(join(folder, 'bootstrap'), bytes, { mode: 0o755 });
  return folder;
}

export function synthesize(config: StageConfig, contract = CONTRACT, binary = artefact()): Synthesized {
  const app = build({ configs: [config], contract, artefact: binary });
  const template = Template.fromStack(Stack.of(app.node.findChild(stackName(config))));
  return { template, resources: (template.toJSON() as { Resources: Record<string, Resource> }).Resources };
}

/** Resources of a type with their names. */
export function ofType(synthesized: Synthesized, type: string): [string, Resource][] {
  return Object.entries(synthesized.resources).filter(([, resource]) => resource.Type === type);
}

/** The only resource of a type. */
export function only(synthesized: Synthesized, type: string): Resource {
  const found = ofType(synthesized, type);
  const [first] = found;
  if (found.length !== 1 || !first) throw new Error(`${found.length} resources of type ${type}`);
  return first[1];
}
