/**
 * What a month of a stage costs: each line from a resource of the synthesized template and the dated price file.
 *
 * What costs by use is counted for the traffic that the price file names. Free tiers are left out: they end.
 */
import prices from './prices.json' with { type: 'json' };
import type { TemplateResource } from '../proof/graph.ts';

export interface Line {
  readonly what: string;
  readonly dollars: number;
  /** Each price behind it was compared with a price list at the date of the file. */
  readonly checked: boolean;
}

type PriceName = keyof typeof prices.prices;
type Resources = Readonly<Record<string, TemplateResource>>;

const PROXY = 'RDS Proxy, by the vCPUs of the database';

/** ADR-001's table, by the lines here that stand for its own. */
export const ADR: ReadonlyMap<string, string> = new Map([
  [PROXY, '22'],
  ['NAT gateways', '32'],
  ['Postgres', '12'],
  ['Secrets Manager', '0.40'],
  ['HTTP API, by the million requests', '0'],
  ['Lambda, by the million requests', '0'],
]);

export function lines(resources: Resources): Line[] {
  const of = (type: string) => Object.values(resources).filter((resource) => resource.Type === type);
  const count = (type: string) => of(type).length;
  const zones = of('AWS::EC2::VPCEndpoint').flatMap(
    ({ Properties }) => (Properties?.['SubnetIds'] ?? []) as unknown[],
  );
  const found: Line[] = [
    hours(PROXY, count('AWS::RDS::DBProxy') * vcpus(of('AWS::RDS::DBInstance')), 'proxyVcpuHour'),
    hours('NAT gateways', count('AWS::EC2::NatGateway'), 'natGatewayHour'),
    hours('Their public addresses', count('AWS::EC2::EIP'), 'publicIpv4Hour'),
    line(
      'NAT, by the gigabyte',
      count('AWS::EC2::NatGateway') > 0 ? prices.traffic.natGigabytes : 0,
      'natGigabyte',
    ),
    hours('Endpoint of Secrets Manager, by the zone', zones.length, 'interfaceEndpointHour'),
    ...of('AWS::RDS::DBInstance').flatMap(database),
    line('Secrets Manager', of('AWS::RDS::DBInstance').filter(isManaged).length, 'secretMonth'),
    line('Keys', count('AWS::KMS::Key'), 'kmsKeyMonth'),
    line('Alarms', count('AWS::CloudWatch::Alarm'), 'alarmMonth'),
    line('Dashboard', count('AWS::CloudWatch::Dashboard'), 'dashboardMonth'),
    line('Logs, by the gigabyte', prices.traffic.logGigabytes, 'logGigabyte'),
    line('HTTP API, by the million requests', prices.traffic.millionRequests, 'httpApiMillion'),
    ...lambda(of('AWS::Lambda::Function'), of('AWS::Lambda::Alias')),
  ];
  return found.filter(({ dollars }) => dollars > 0);
}

export function total(all: readonly Line[]): number {
  return all.reduce((sum, { dollars }) => sum + dollars, 0);
}

/** Several profiles side by side, a line for whatever any of them has. */
export function table(profiles: ReadonlyMap<string, readonly Line[]>): string {
  const names = [...profiles.keys()];
  const whats = [...new Set([...profiles.values()].flatMap((all) => all.map(({ what }) => what)))];
  const amount = (all: readonly Line[] | undefined, what: string) => {
    const line = all?.find((one) => one.what === what);
    return line ? `${line.dollars.toFixed(2)}${line.checked ? '' : ' *'}` : '';
  };
  const rows = [
    ['per month, in dollars', 'ADR-001', ...names],
    ['---', '---:', ...names.map(() => '---:')],
    ...whats.map((what) => [
      what,
      ADR.get(what) ?? '',
      ...names.map((name) => amount(profiles.get(name), what)),
    ]),
    ['**Total**', '**66**', ...names.map((name) => `**${total(profiles.get(name) ?? []).toFixed(2)}**`)],
  ];
  const { millionRequests, millisecondsPerRequest, natGigabytes, logGigabytes } = prices.traffic;
  return [
    ...rows.map((row) => `| ${row.join(' | ')} |`),
    '',
    `Prices of ${prices.region} at ${prices.date}, without free tiers; * was not compared with a price list then.`,
    `Traffic: ${millionRequests} million requests of ${millisecondsPerRequest} ms, ${natGigabytes} GB by NAT, ${logGigabytes} GB of logs.`,
    'ADR-001 leaves out storage, addresses, data, keys, logs and alarms, and counts on free tiers.',
  ].join('\n');
}

function database({ Properties }: TemplateResource): Line[] {
  const name = String(Properties?.['DBInstanceClass']);
  if (!(name in prices.prices)) throw new Error(`cost/prices.json has no price for ${name}`);
  // A standby costs what the instance and its storage do.
  const copies = Properties?.['MultiAZ'] === true ? 2 : 1;
  return [
    hours('Postgres', copies, name as PriceName),
    line('Storage', copies * Number(Properties?.['AllocatedStorage']), 'gp3GigabyteMonth'),
  ];
}

function isManaged({ Properties }: TemplateResource): boolean {
  return Properties?.['ManageMasterUserPassword'] === true;
}

function vcpus(databases: readonly TemplateResource[]): number {
  const name = String(databases[0]?.Properties?.['DBInstanceClass']);
  const count = (prices.vcpus as Record<string, number>)[name];
  if (count === undefined) throw new Error(`cost/prices.json does not say how many vCPUs ${name} has`);
  return count;
}

function lambda(functions: readonly TemplateResource[], aliases: readonly TemplateResource[]): Line[] {
  const api = functions.find(({ Properties }) => Properties?.['Handler'] === 'api');
  const gigabytes = Number(api?.Properties?.['MemorySize']) / 1024;
  const { millionRequests, millisecondsPerRequest } = prices.traffic;
  const warm = aliases.map(
    ({ Properties }) => Properties?.['ProvisionedConcurrencyConfig'] as Record<string, number> | undefined,
  );
  const instances = warm.reduce((sum, config) => sum + (config?.['ProvisionedConcurrentExecutions'] ?? 0), 0);
  return [
    line('Lambda, by the million requests', millionRequests, 'lambdaMillion'),
    line(
      'Lambda, by time and memory',
      millionRequests * 1000 * millisecondsPerRequest * gigabytes,
      'lambdaGigabyteSecond',
    ),
    line(
      'Provisioned concurrency',
      instances * gigabytes * 3600 * prices.hoursPerMonth,
      'provisionedGigabyteSecond',
    ),
  ];
}

function hours(what: string, count: number, price: PriceName): Line {
  return line(what, count * prices.hoursPerMonth, price);
}

function line(what: string, amount: number, price: PriceName): Line {
  const { dollars, checked } = prices.prices[price];
  return { what, dollars: amount * dollars, checked };
}
