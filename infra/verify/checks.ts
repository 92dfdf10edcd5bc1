/**
 * What no template can show, asked of a deployed stage: `docs/staging-checklist.md` says why each is asked.
 *
 * AWS is asked through its command line and the service by HTTP; both are handed in, so that the tests can answer. Each
 * check ends in bounded time and says what it saw.
 */
export interface World {
  /** The answer of `aws <words> --output json`. */
  readonly aws: (...words: string[]) => Promise<unknown>;
  readonly get: (path: string, token?: string) => Promise<Answer>;
  /** Whether a TCP connection to a host can be had from here. */
  readonly connects: (host: string, port: number) => Promise<boolean>;
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly now: () => number;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export interface Target {
  readonly stage: string;
  /** The stack's outputs. */
  readonly outputs: Readonly<Record<string, string>>;
  /** A session token for requests that reach the database. */
  readonly token?: string | undefined;
}

export interface Check {
  readonly name: string;
  readonly needsToken: boolean;
  /** What was seen, or an error. */
  readonly run: (world: World, target: Target) => Promise<string>;
}

const MINUTE = 60_000;

export const CHECKS: readonly Check[] = [
  { name: 'reachability', needsToken: false, run: reachability },
  { name: 'tls', needsToken: false, run: tls },
  { name: 'alarms', needsToken: false, run: alarms },
  { name: 'canary', needsToken: false, run: canary },
  { name: 'pinning', needsToken: true, run: pinning },
  { name: 'rotation', needsToken: true, run: rotation },
];

/** The outputs of the stage's stack. */
export async function outputs(world: World, stage: string): Promise<Record<string, string>> {
  const found = await world.aws('cloudformation', 'describe-stacks', '--stack-name', `Specwright-${stage}`);
  const pairs = list(at(found, 'Stacks', 0, 'Outputs')) as { OutputKey: string; OutputValue: string }[];
  return Object.fromEntries(pairs.map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue]));
}

/** The service answers; what the contract does not know ends at the gateway; neither database nor proxy is to be had. */
async function reachability(world: World, target: Target): Promise<string> {
  const health = await world.get('/health');
  expect(health.status === 200, `GET /health is answered with ${health.status}: ${health.body}`);
  const before = await invocations(world, target);
  const unknown = await world.get('/no/such/path');
  expect(unknown.status === 404, `an undocumented path is answered with ${unknown.status}`);
  expect(unknown.body.includes('"message":"Not Found"'), `not the gateway answered: ${unknown.body}`);
  const secured = await world.get('/me');
  expect(secured.status === 401, `GET /me without a token is answered with ${secured.status}`);
  for (const host of [output(target, 'DatabaseEndpoint'), await proxyEndpoint(world, target)]) {
    expect(!(await world.connects(host, 5432)), `${host}:5432 can be reached from here`);
  }
  return `health 200, undocumented 404 by the gateway, /me 401, no way to database or proxy (${before} invocations before)`;
}

async function invocations(world: World, target: Target): Promise<number> {
  return sum(world, 'AWS/Lambda', 'Invocations', `FunctionName=${output(target, 'FunctionName')}`, 'Sum', 60);
}

/** What the template asks for is what is there. */
async function tls(world: World, target: Target): Promise<string> {
  const proxy = at(await describeProxy(world, target), 'DBProxies', 0);
  expect(at(proxy, 'RequireTLS') === true, 'the proxy does not require TLS');
  expect(at(proxy, 'Status') === 'available', `the proxy is ${String(at(proxy, 'Status'))}`);
  const instance = at(await describeDatabase(world, target), 'DBInstances', 0);
  expect(at(instance, 'PubliclyAccessible') === false, 'the database is publicly accessible');
  expect(at(instance, 'StorageEncrypted') === true, 'the database is not encrypted');
  const group = at(instance, 'DBParameterGroups', 0);
  expect(
    at(group, 'ParameterApplyStatus') === 'in-sync',
    'the parameters wait for a restart of the database',
  );
  const name = String(at(group, 'DBParameterGroupName'));
  const all = await world.aws(
    'rds',
    'describe-db-parameters',
    '--db-parameter-group-name',
    name,
    '--source',
    'user',
  );
  const forced = (list(at(all, 'Parameters')) as Record<string, unknown>[]).find(
    (one) => one['ParameterName'] === 'rds.force_ssl',
  );
  expect(forced?.['ParameterValue'] === '1', 'rds.force_ssl is not 1');
  return 'proxy and database by TLS only, encrypted, private';
}

/** No alarm is on, and the mail address was confirmed. */
async function alarms(world: World, target: Target): Promise<string> {
  const prefix = `Specwright-${target.stage}`;
  const found = await world.aws('cloudwatch', 'describe-alarms', '--alarm-name-prefix', prefix);
  const all = list(at(found, 'MetricAlarms')) as Record<string, unknown>[];
  expect(all.length >= 8, `${all.length} alarms`);
  const on = all
    .filter((alarm) => alarm['StateValue'] === 'ALARM')
    .map((alarm) => String(alarm['AlarmName']));
  expect(on.length === 0, `on: ${on.join(', ')}`);
  const topic = (all[0]?.['AlarmActions'] as string[] | undefined)?.[0] ?? '';
  const subscriptions = await world.aws('sns', 'list-subscriptions-by-topic', '--topic-arn', topic);
  const arns = (list(at(subscriptions, 'Subscriptions')) as Record<string, string>[]).map(
    (one) => one['SubscriptionArn'],
  );
  expect(
    arns.length > 0 && !arns.includes('PendingConfirmation'),
    'the subscription by mail was not confirmed',
  );
  return `${all.length} alarms, none on, mail confirmed`;
}

/** The last deployment went through, and would have been taken back by the alarms. */
async function canary(world: World, target: Target): Promise<string> {
  const where = ['--application-name', output(target, 'DeploymentApplication')];
  const name = ['--deployment-group-name', output(target, 'DeploymentGroup')];
  const group = at(
    await world.aws('deploy', 'get-deployment-group', ...where, ...name),
    'deploymentGroupInfo',
  );
  expect(at(group, 'autoRollbackConfiguration', 'enabled') === true, 'nothing is rolled back by itself');
  expect(list(at(group, 'alarmConfiguration', 'alarms')).length >= 2, 'the alarms are not asked');
  const config = String(at(group, 'deploymentConfigName'));
  const deployments = at(await world.aws('deploy', 'list-deployments', ...where, ...name), 'deployments');
  const last = list(deployments)[0] as string | undefined;
  if (last === undefined)
    return `${config}; no version has been taken over yet: deploy another binary and ask again`;
  const status = at(
    await world.aws('deploy', 'get-deployment', '--deployment-id', last),
    'deploymentInfo',
    'status',
  );
  expect(status === 'Succeeded', `deployment ${last} is ${String(status)}`);
  return `${config}; ${last} succeeded`;
}

/** Sessions stay shared under load: the reason for the proxy. */
async function pinning(world: World, target: Target): Promise<string> {
  const begin = world.now();
  let requests = 0;
  while (world.now() - begin < 3 * MINUTE) {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => world.get('/tasks?limit=1', target.token)),
    );
    const failed = answers.find(({ status }) => status !== 200);
    expect(
      failed === undefined,
      `a request under load is answered with ${failed?.status ?? 0}: ${failed?.body ?? ''}`,
    );
    requests += answers.length;
  }
  // Metrics arrive late.
  await world.sleep(2 * MINUTE);
  const dimension = `ProxyName=${output(target, 'ProxyName')}`;
  const pinned = await sum(
    world,
    'AWS/RDS',
    'DatabaseConnectionsCurrentlySessionPinned',
    dimension,
    'Maximum',
    600,
  );
  expect(pinned === 0, `${pinned} sessions were pinned under load`);
  return `${requests} requests, no session pinned`;
}

/** A new password takes over while requests go on, and none of them notices. */
async function rotation(world: World, target: Target): Promise<string> {
  const secret = ['--secret-id', output(target, 'SecretArn')];
  const before = await currentVersion(world, secret);
  // The secret is RDS's own, so RDS is asked.
  const instance = ['--db-instance-identifier', output(target, 'DatabaseIdentifier')];
  const rotate = ['--rotate-master-user-password', '--apply-immediately'];
  await world.aws('rds', 'modify-db-instance', ...instance, ...rotate);
  const begin = world.now();
  let [requests, rotated] = [0, 0];
  // For three minutes after the rotation: the password of before may be remembered for that long.
  while (rotated === 0 || world.now() - rotated < 3 * MINUTE) {
    expect(world.now() - begin < 15 * MINUTE, 'the secret was not rotated within 15 minutes');
    const { status, body } = await world.get('/tasks?limit=1', target.token);
    expect(status === 200, `a request during rotation is answered with ${status}: ${body}`);
    requests += 1;
    if (rotated === 0 && (await currentVersion(world, secret)) !== before) rotated = world.now();
    await world.sleep(500);
  }
  return `rotated after ${Math.round((rotated - begin) / 1000)} s, ${requests} requests, none failed`;
}

async function currentVersion(world: World, secret: readonly string[]): Promise<string> {
  const versions = at(await world.aws('secretsmanager', 'describe-secret', ...secret), 'VersionIdsToStages');
  const current = Object.entries(versions as Record<string, string[]>).find(([, stages]) =>
    stages.includes('AWSCURRENT'),
  );
  expect(current !== undefined, 'the secret has no current version');
  return current?.[0] ?? '';
}

async function proxyEndpoint(world: World, target: Target): Promise<string> {
  return String(at(await describeProxy(world, target), 'DBProxies', 0, 'Endpoint'));
}

function describeProxy(world: World, target: Target): Promise<unknown> {
  return world.aws('rds', 'describe-db-proxies', '--db-proxy-name', output(target, 'ProxyName'));
}

function describeDatabase(world: World, target: Target): Promise<unknown> {
  return world.aws(
    'rds',
    'describe-db-instances',
    '--db-instance-identifier',
    output(target, 'DatabaseIdentifier'),
  );
}

/** A metric over the last seconds. */
async function sum(
  world: World,
  namespace: string,
  metric: string,
  dimension: string,
  statistic: string,
  seconds: number,
) {
  const [name, value] = dimension.split('=');
  const time = (milliseconds: number) => new Date(milliseconds).toISOString();
  const found = await world.aws(
    ...['cloudwatch', 'get-metric-statistics', '--namespace', namespace, '--metric-name', metric],
    ...[
      '--dimensions',
      `Name=${name ?? ''},Value=${value ?? ''}`,
      '--statistics',
      statistic,
      '--period',
      '60',
    ],
    ...['--start-time', time(world.now() - seconds * 1000), '--end-time', time(world.now())],
  );
  const points = list(at(found, 'Datapoints')) as Record<string, number>[];
  const values = points.map((point) => point[statistic] ?? 0);
  return statistic === 'Maximum' ? Math.max(0, ...values) : values.reduce((left, right) => left + right, 0);
}

function output(target: Target, name: string): string {
  const value = target.outputs[name];
  if (value === undefined) throw new Error(`the stack has no output ${name}`);
  return value;
}

function at(value: unknown, ...path: (string | number)[]): unknown {
  let here = value;
  for (const key of path) here = (here as Record<string | number, unknown> | undefined)?.[key];
  return here;
}

/** An answer leaves out what is empty. */
function list(value: unknown): unknown[] {
  return (value ?? []) as unknown[];
}

function expect(holds: boolean, otherwise: string) {
  if (!holds) throw new Error(otherwise);
}
