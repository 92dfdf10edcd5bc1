/** `cargo xtask deploy` asks this first: does a stage still have the values of an example? */
import { parseArgs } from 'node:util';
import { STAGES, stageConfig, unfinished } from '../lib/config.ts';

const { values } = parseArgs({ options: { stage: { type: 'string', default: '' } } });
const stage = STAGES.find((name) => name === values.stage);
if (!stage) throw new Error(`--stage is one of ${STAGES.join(', ')}`);
const missing = unfinished(stageConfig(stage));
if (missing.length > 0) {
  console.error(`infra/lib/config.ts still has examples:\n  ${missing.join('\n  ')}`);
  process.exitCode = 1;
}
