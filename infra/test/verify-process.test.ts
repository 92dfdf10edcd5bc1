/**
 * `bin/verify.ts` as a process: a program called `aws` and a service on this machine stand for the account. Words, output and
 * exit status are those that a person or a pipeline sees.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { after, before, test } from 'node:test';

const VERIFY = resolve(import.meta.dirname, '../bin/verify.ts');
const folder = mkdtempSync(join(tmpdir(), 'specwright-verify-'));
const service = createServer((request, response) => {
  const [status, body] =
    request.url === '/health'
      ? [200, '{}']
      : request.url === '/me'
        ? [401, '{}']
        : [404, '{"message":"Not Found"}'];
  response.writeHead(status, { 'content-type': 'application/json' }).end(body);
});

/** What `aws` answers, by its first two words. */
function answers(url: string) {
  const outputs = {
    Url: url,
    FunctionName: 'api',
    DatabaseIdentifier: 'database',
    // Names that no resolver knows (RFC 6761).
    DatabaseEndpoint: 'database.invalid',
    ProxyName: 'proxy',
    SecretArn: 'arn:secret',
    DeploymentApplication: 'application',
    DeploymentGroup: 'group',
  };
  return {
    'cloudformation describe-stacks': {
      Stacks: [
        { Outputs: Object.entries(outputs).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue })) },
      ],
    },
    'cloudwatch get-metric-statistics': { Datapoints: [] },
    'rds describe-db-proxies': {
      DBProxies: [{ RequireTLS: false, Status: 'available', Endpoint: 'proxy.invalid' }],
    },
  };
}

before(async () => {
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  const { port } = service.address() as AddressInfo;
  writeFileSync(join(folder, 'answers.json'), JSON.stringify(answers(`http://127.0.0.1:${port}`)));
  const program = `#!/usr/bin/env node
const answers = JSON.parse(require('node:fs').readFileSync(${JSON.stringify(join(folder, 'answers.json'))}, 'utf8'));
const answer = answers[process.argv.slice(2, 4).join(' ')];
if (!answer) { console.error('Unable to locate credentials'); process.exit(255); }
console.log(JSON.stringify(answer));
`;
  writeFileSync(join(folder, 'aws'), program, { mode: 0o755 });
});
after(() => service.close());

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function verify(path: string, ...words: string[]): Promise<Ended> {
  const env = { ...process.env, PATH: path, SPECWRIGHT_TOKEN: undefined };
  return new Promise((resolve) => {
    execFile(process.execPath, ['--import', 'tsx', VERIFY, ...words], { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

const withAws = [folder, dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter);

test('a check that holds says what it saw, and the exit status is 0', async () => {
  const { code, stdout, stderr } = await verify(withAws, '--stage', 'dev', '--only', 'reachability');
  assert.equal(stderr, '');
  assert.match(stdout, /^holds {4}reachability: health 200/m);
  assert.equal(code, 0);
});

test('a check that fails says why, the others go on, and the exit status is 1', async () => {
  const { code, stdout } = await verify(
    withAws,
    '--stage',
    'dev',
    '--only',
    'tls',
    '--only',
    'pinning',
    '--only',
    'canary',
  );
  assert.match(stdout, /^FAILS {4}tls: the proxy does not require TLS/m);
  assert.match(stdout, /^FAILS {4}canary: .*Unable to locate credentials/m);
  assert.match(stdout, /^skipped: pinning: no token/m);
  assert.equal(code, 1);
});

test('what cannot begin ends with one line and 2', async () => {
  for (const [path, words, says] of [
    [dirname(process.execPath), ['--stage', 'dev'], /^error: the command line `aws` is not installed/],
    [withAws, ['--stage', 'nowhere'], /^error: --stage is one of dev, prod/],
    [withAws, ['--only', 'nothing'], /^error: there is no check "nothing"; there are reachability, tls/],
    [withAws, ['--colour'], /^error: .*--colour/],
  ] as const) {
    const { code, stderr } = await verify(path, ...words);
    assert.match(stderr, says);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
    assert.equal(code, 2);
  }
});

test('--help names every check', async () => {
  const { code, stdout } = await verify(withAws, '--help');
  for (const name of ['reachability', 'tls', 'alarms', 'canary', 'pinning', 'rotation'])
    assert.ok(stdout.includes(name), name);
  assert.equal(code, 0);
});
