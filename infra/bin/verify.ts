/** `cargo xtask verify --stage dev`: the checks of `verify/checks.ts` against a deployed stage. */
import { execFile } from 'node:child_process';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { STAGES } from '../lib/config.ts';
import { CHECKS, outputs, type Target, type World } from '../verify/checks.ts';

const HELP = `--stage dev|prod   the stage
--only NAME        one check of ${CHECKS.map(({ name }) => name).join(', ')}; may be repeated
--token TOKEN      a session token; SPECWRIGHT_TOKEN where absent. Without one, what needs it is skipped
AWS is asked with the credentials and the region of the environment, by the command line \`aws\`.
The exit status is 0 where every check holds, 1 where one fails, 2 where none could be made.`;

const run = promisify(execFile);

let url = '';
const world: World = {
  aws: async (...words) => {
    const { stdout } = await run('aws', [...words, '--output', 'json'], {
      maxBuffer: 1 << 26,
      timeout: 60_000,
    });
    return stdout.trim() === '' ? {} : (JSON.parse(stdout) as unknown);
  },
  get: async (path, token) => {
    const headers = new Headers(token === undefined ? {} : { authorization: `Bearer ${token}` });
    const response = await fetch(url + path, { headers, signal: AbortSignal.timeout(30_000) });
    return { status: response.status, body: await response.text() };
  },
  connects: (host, port) =>
    new Promise((resolve) => {
      const socket = connect({ host, port, timeout: 5_000 });
      const end = (connected: boolean) => {
        socket.destroy();
        resolve(connected);
      };
      socket.once('connect', () => {
        end(true);
      });
      for (const event of ['error', 'timeout']) {
        socket.once(event, () => {
          end(false);
        });
      }
    }),
  sleep: async (milliseconds) => {
    await sleep(milliseconds);
  },
  now: Date.now,
};

function options() {
  const { values } = parseArgs({
    options: {
      stage: { type: 'string', default: 'dev' },
      only: { type: 'string', multiple: true },
      token: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (!(STAGES as readonly string[]).includes(values.stage))
    throw new Error(`--stage is one of ${STAGES.join(', ')}`);
  const names = CHECKS.map(({ name }) => name);
  const unknown = values.only?.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`there is no check "${unknown}"; there are ${names.join(', ')}`);
  return values;
}

/** Whether every check holds that can be made. */
async function verify(): Promise<boolean> {
  const values = options();
  if (values.help) {
    console.log(HELP);
    return true;
  }
  const found = await outputs(world, values.stage);
  url = found['Url'] ?? '';
  const target: Target = {
    stage: values.stage,
    outputs: found,
    token: values.token ?? process.env['SPECWRIGHT_TOKEN'],
  };
  let holds = true;
  for (const check of CHECKS) {
    if (values.only && !values.only.includes(check.name)) continue;
    if (check.needsToken && target.token === undefined) {
      console.log(`skipped: ${check.name}: no token (--token or SPECWRIGHT_TOKEN)`);
      continue;
    }
    try {
      console.log(`holds    ${check.name}: ${await check.run(world, target)}`);
    } catch (error) {
      holds = false;
      console.log(`FAILS    ${check.name}: ${message(error)}`);
    }
  }
  return holds;
}

/** In one line. Of a command that failed, what it said itself. */
function message(error: unknown): string {
  const { code, stderr, message } = error as { code?: unknown; stderr?: string; message?: string };
  if (code === 'ENOENT') return 'the command line `aws` is not installed';
  const text = stderr?.trim() ? stderr : (message ?? String(error));
  return text.trim().replaceAll(/\s*\n\s*/g, ' ');
}

try {
  process.exitCode = (await verify()) ? 0 : 1;
} catch (error) {
  console.error(`error: ${message(error)}`);
  process.exitCode = 2;
}
