/**
 * The staging checklist against a world that answers as AWS's documentation says: each check holds in a good one and
 * fails in one where what it asks about is broken. What a real account answers, nothing here shows.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CHECKS, outputs, type Answer, type Target, type World } from '../verify/checks.ts';

const OUTPUTS = {
  Url: 'https://api.example.org',
  FunctionName: 'Specwright-dev-api',
  DatabaseIdentifier: 'specwright-dev',
  DatabaseEndpoint: 'db.internal',
  ProxyName: 'specwright-dev-proxy',
  SecretArn: 'arn:secret',
  DeploymentApplication: 'application',
  DeploymentGroup: 'group',
};

type Answers = Record<string, (words: readonly string[]) => unknown>;

/** Answers of a healthy account, by command. */
function healthy(): Answers {
  let rotated = false;
  let asked = 0;
  return {
    'cloudformation describe-stacks': () => ({
      Stacks: [
        { Outputs: Object.entries(OUTPUTS).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue })) },
      ],
    }),
    'rds describe-db-proxies': () => ({
      DBProxies: [{ RequireTLS: true, Status: 'available', Endpoint: 'proxy.internal' }],
    }),
    'rds describe-db-instances': () => ({
      DBInstances: [
        {
          PubliclyAccessible: false,
          StorageEncrypted: true,
          DBParameterGroups: [{ DBParameterGroupName: 'parameters', ParameterApplyStatus: 'in-sync' }],
        },
      ],
    }),
    'rds describe-db-parameters': () => ({
      Parameters: [{ ParameterName: 'rds.force_ssl', ParameterValue: '1' }],
    }),
    'cloudwatch describe-alarms': () => ({
      MetricAlarms: Array.from({ length: 8 }, (_, index) => ({
        AlarmName: `alarm ${index}`,
        StateValue: 'OK',
        AlarmActions: ['arn:topic'],
      })),
    }),
    'sns list-subscriptions-by-topic': () => ({ Subscriptions: [{ SubscriptionArn: 'arn:subscription' }] }),
    'deploy get-deployment-group': () => ({
      deploymentGroupInfo: {
        deploymentConfigName: 'CodeDeployDefault.LambdaCanary10Percent5Minutes',
        autoRollbackConfiguration: { enabled: true },
        alarmConfiguration: { alarms: [{}, {}] },
      },
    }),
    'deploy list-deployments': () => ({ deployments: ['d-1'] }),
    'deploy get-deployment': () => ({ deploymentInfo: { status: 'Succeeded' } }),
    'cloudwatch get-metric-statistics': () => ({ Datapoints: [{ Maximum: 0, Sum: 3 }] }),
    'rds modify-db-instance': (words) => {
      assert.ok(words.includes('--rotate-master-user-password'));
      rotated = true;
      return {};
    },
    'secretsmanager describe-secret': () => {
      if (rotated) asked += 1;
      return {
        VersionIdsToStages: {
          old: [asked > 5 ? 'AWSPREVIOUS' : 'AWSCURRENT'],
          new: [asked > 5 ? 'AWSCURRENT' : 'AWSPENDING'],
        },
      };
    },
  };
}

function world(
  answers: Answers,
  get: (path: string, token?: string) => Answer = service,
  open: string[] = [],
): World {
  let clock = 0;
  return {
    aws: (...words) => {
      const answer = answers[words.slice(0, 2).join(' ')];
      if (!answer) throw new Error(`unexpected: aws ${words.join(' ')}`);
      return Promise.resolve(answer(words));
    },
    get: (path, token) => {
      clock += 1000;
      return Promise.resolve(get(path, token));
    },
    connects: (host) => Promise.resolve(open.includes(host)),
    sleep: (milliseconds) => {
      clock += milliseconds;
      return Promise.resolve();
    },
    now: () => clock,
  };
}

function service(path: string, token?: string): Answer {
  if (path === '/health') return { status: 200, body: '{}' };
  if (path === '/me' && token === undefined) return { status: 401, body: '{}' };
  if (path.startsWith('/tasks')) return { status: token === undefined ? 401 : 200, body: '{}' };
  return { status: 404, body: '{"message":"Not Found"}' };
}

async function run(name: string, broken: Answers = {}, get = service, open: string[] = []): Promise<string> {
  const check = CHECKS.find((one) => one.name === name);
  assert.ok(check, name);
  const target: Target = { stage: 'dev', outputs: OUTPUTS, token: 'token' };
  return check.run(world({ ...healthy(), ...broken }, get, open), target);
}

test('the outputs are those of the stack', async () => {
  assert.deepEqual(await outputs(world(healthy()), 'dev'), OUTPUTS);
});

for (const { name } of CHECKS) {
  test(`${name} holds in a healthy stage`, async () => {
    assert.ok((await run(name)).length > 0);
  });
}

test('reachability fails where the function answers for an undocumented path', async () => {
  const answers = (path: string, token?: string) =>
    path === '/no/such/path' ? { status: 404, body: '{"type":"about:blank"}' } : service(path, token);
  await assert.rejects(run('reachability', {}, answers), /not the gateway/);
});

test('reachability fails where the database or the proxy can be had from outside', async () => {
  await assert.rejects(run('reachability', {}, service, ['db.internal']), /db.internal:5432/);
  await assert.rejects(run('reachability', {}, service, ['proxy.internal']), /proxy.internal:5432/);
});

test('tls fails where either end would do without', async () => {
  const proxy = {
    'rds describe-db-proxies': () => ({ DBProxies: [{ RequireTLS: false, Status: 'available' }] }),
  };
  await assert.rejects(run('tls', proxy), /does not require TLS/);
  const database = { 'rds describe-db-parameters': () => ({ Parameters: [] }) };
  await assert.rejects(run('tls', database), /force_ssl/);
});

test('alarms fails for one that is on, and for mail that nobody confirmed', async () => {
  const on = Array.from({ length: 8 }, () => ({
    AlarmName: 'Latency',
    StateValue: 'ALARM',
    AlarmActions: ['arn:topic'],
  }));
  await assert.rejects(
    run('alarms', { 'cloudwatch describe-alarms': () => ({ MetricAlarms: on }) }),
    /Latency/,
  );
  const pending = () => ({ Subscriptions: [{ SubscriptionArn: 'PendingConfirmation' }] });
  await assert.rejects(run('alarms', { 'sns list-subscriptions-by-topic': pending }), /not confirmed/);
});

test('canary fails where no alarm is asked, and for a deployment that was taken back', async () => {
  const deaf = () => ({ deploymentGroupInfo: { autoRollbackConfiguration: { enabled: true } } });
  await assert.rejects(run('canary', { 'deploy get-deployment-group': deaf }), /alarms are not asked/);
  const stopped = () => ({ deploymentInfo: { status: 'Stopped' } });
  await assert.rejects(run('canary', { 'deploy get-deployment': stopped }), /d-1 is Stopped/);
});

test('canary says so where nothing was taken over yet', async () => {
  assert.match(
    await run('canary', { 'deploy list-deployments': () => ({}) }),
    /no version has been taken over/,
  );
});

test('pinning fails for a pinned session, and for a request that fails', async () => {
  const pinned = () => ({ Datapoints: [{ Maximum: 2 }] });
  await assert.rejects(
    run('pinning', { 'cloudwatch get-metric-statistics': pinned }),
    /2 sessions were pinned/,
  );
  await assert.rejects(
    run('pinning', {}, () => ({ status: 503, body: 'busy' })),
    /503: busy/,
  );
});

test('rotation fails for one failed request, and for a secret that stays', async () => {
  let requests = 0;
  const once = () => ({ status: (requests += 1) === 20 ? 500 : 200, body: '' });
  await assert.rejects(run('rotation', {}, once), /during rotation is answered with 500/);
  const stays = () => ({ VersionIdsToStages: { old: ['AWSCURRENT'] } });
  await assert.rejects(run('rotation', { 'secretsmanager describe-secret': stays }), /within 15 minutes/);
});
