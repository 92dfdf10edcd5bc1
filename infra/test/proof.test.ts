/** The proof of the network holds for what is deployed, and fails for every rule of the template that is broken. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, test } from 'node:test';
import { DEV, PROD, withoutNat } from '../lib/config.ts';
import { draw } from '../proof/draw.ts';
import { INTERNET, read, type Template } from '../proof/graph.ts';
import { paths, violations } from '../proof/prove.ts';
import { ofType, synthesize, type Synthesized } from './synth.ts';

const cheap = withoutNat(DEV, '-----BEGIN PUBLIC KEY-----', 'https://clerk.example.org');
const [dev, prod, endpoints] = [DEV, PROD, cheap].map((config) => synthesize(config)) as [
  Synthesized,
  Synthesized,
  Synthesized,
];

function template(synthesized: Synthesized): Template {
  return { Resources: synthesized.resources };
}

for (const [name, synthesized] of [
  ['dev', dev],
  ['prod', prod],
  ['without NAT', endpoints],
] as const) {
  test(`${name}: gateway -> function -> proxy is the only way to the database`, () => {
    assert.deepEqual(violations(template(synthesized)), []);
    const graph = read(template(synthesized));
    const [way, ...others] = paths(graph, INTERNET, 'database');
    assert.equal(way?.length, 5);
    assert.deepEqual(others, []);
  });
}

test('docs/network.svg is drawn from the template', () => {
  const file = resolve(import.meta.dirname, '../../docs/network.svg');
  const drawn = draw(template(prod), 'The network of Specwright');
  if (process.env['UPDATE_EXPECT'] === '1') writeFileSync(file, drawn);
  assert.ok(existsSync(file) && readFileSync(file, 'utf8') === drawn, 'UPDATE_EXPECT=1 draws it anew');
});

type Resources = Record<string, { Type: string; Properties: Record<string, unknown> }>;

/** A change to the template of prod, and the words that the proof has to say then. */
interface Mutation {
  readonly name: string;
  readonly says: RegExp;
  readonly change: (resources: Resources) => void;
}

const id = (type: string, part: string): string => {
  const found = ofType(prod, type).find(([name]) => name.includes(part));
  assert.ok(found, `${type} ${part}`);
  return found[0];
};
const group = (part: string) => id('AWS::EC2::SecurityGroup', `${part}Group`);
const ref = (resource: string) => ({ 'Fn::GetAtt': [resource, 'GroupId'] });
const subnet = (part: string) => id('AWS::EC2::Subnet', part);
const table = (part: string) => id('AWS::EC2::RouteTable', part);
const world = { CidrIp: '0.0.0.0/0', IpProtocol: 'tcp', FromPort: 5432, ToPort: 5432 };
const properties = (resources: Resources, resource: string): Record<string, unknown> => {
  const found = resources[resource];
  assert.ok(found, resource);
  return found.Properties;
};
const remove = (resources: Resources, resource: string) => {
  assert.ok(Reflect.deleteProperty(resources, resource));
};
const ingress = (to: string, from: string, port: number) => ({
  Type: 'AWS::EC2::SecurityGroupIngress',
  Properties: {
    GroupId: ref(to),
    SourceSecurityGroupId: ref(from),
    IpProtocol: 'tcp',
    FromPort: port,
    ToPort: port,
  },
});
const egress = (resources: Resources, from: string, rule: Record<string, unknown>) => {
  const own = properties(resources, group(from));
  own['SecurityGroupEgress'] = [...(own['SecurityGroupEgress'] as unknown[]), rule];
};
const route = (part: string, target: Record<string, unknown>) => ({
  Type: 'AWS::EC2::Route',
  Properties: { RouteTableId: { Ref: table(part) }, DestinationCidrBlock: '0.0.0.0/0', ...target },
});
const internetGateway = { GatewayId: { Ref: id('AWS::EC2::InternetGateway', '') } };
const nat = { NatGatewayId: { Ref: id('AWS::EC2::NatGateway', '') } };
const handler = id('AWS::Lambda::Function', 'ApiHandler');
const migrate = id('AWS::Lambda::Function', 'MigrationMigrate');
const database = id('AWS::RDS::DBInstance', '');
const proxy = id('AWS::RDS::DBProxy', 'DatabaseProxy');
const functionVpc = (resources: Resources) =>
  properties(resources, handler)['VpcConfig'] as Record<string, unknown>;

const MUTATIONS: readonly Mutation[] = [
  {
    name: 'the function may reach the database directly',
    says: /internet -> gateway -> function -> database/,
    change: (resources) => {
      egress(resources, 'Function', {
        DestinationSecurityGroupId: ref(group('Database')),
        IpProtocol: 'tcp',
        FromPort: 5432,
        ToPort: 5432,
      });
      resources['Extra'] = ingress(group('Database'), group('Function'), 5432);
    },
  },
  {
    name: 'the function is in the group of the proxy as well',
    says: /is not part of the design/,
    change: (resources) =>
      (functionVpc(resources)['SecurityGroupIds'] = [ref(group('Function')), ref(group('Proxy'))]),
  },
  {
    name: 'the function stands in public subnets',
    says: /is public/,
    change: (resources) => (functionVpc(resources)['SubnetIds'] = [{ Ref: subnet('public') }]),
  },
  {
    name: 'the function has no VPC',
    says: /is not reached by/,
    change: (resources) => delete properties(resources, handler)['VpcConfig'],
  },
  {
    name: 'the function has no group',
    says: /no group or no subnet/,
    change: (resources) => (functionVpc(resources)['SecurityGroupIds'] = []),
  },
  {
    name: 'the function may go out on every port',
    says: /0-65535\) is not part/,
    change: (resources) => {
      egress(resources, 'Function', { CidrIp: '0.0.0.0/0', IpProtocol: '-1' });
    },
  },
  {
    name: 'the proxy may go out',
    says: /is not part of the design/,
    change: (resources) => {
      egress(resources, 'Proxy', { CidrIp: '0.0.0.0/0', IpProtocol: 'tcp', FromPort: 443, ToPort: 443 });
    },
  },
  {
    name: 'a group says nothing of egress',
    says: /gets one for all traffic/,
    change: (resources) => delete properties(resources, group('Database'))['SecurityGroupEgress'],
  },
  {
    name: 'the proxy stands in a public subnet',
    says: /is public/,
    change: (resources) => (properties(resources, proxy)['VpcSubnetIds'] = [{ Ref: subnet('public') }]),
  },
  {
    name: 'the proxy stands beside the database',
    says: /stands in a subnet of the database/,
    change: (resources) => (properties(resources, proxy)['VpcSubnetIds'] = [{ Ref: subnet('isolated') }]),
  },
  {
    name: 'the proxy is open to the world, in a public subnet',
    says: /can be reached from the internet/,
    change: (resources) => {
      properties(resources, proxy)['VpcSubnetIds'] = [{ Ref: subnet('public') }];
      properties(resources, group('Proxy'))['SecurityGroupIngress'] = [world];
    },
  },
  {
    name: 'the proxy may not be called any more',
    says: /is not reached by/,
    change: (resources) => {
      remove(resources, id('AWS::EC2::SecurityGroupIngress', 'ProxyGroupFrom'));
    },
  },
  {
    name: 'the proxy may not call the database',
    says: /is not reached by/,
    change: (resources) => {
      remove(resources, id('AWS::EC2::SecurityGroupIngress', 'DatabaseGroupFrom'));
    },
  },
  {
    name: 'the database listens on another port as well',
    says: /22/,
    change: (resources) => {
      egress(resources, 'Proxy', {
        DestinationSecurityGroupId: ref(group('Database')),
        IpProtocol: 'tcp',
        FromPort: 22,
        ToPort: 22,
      });
      resources['Extra'] = ingress(group('Database'), group('Proxy'), 22);
    },
  },
  {
    name: 'the database is publicly accessible',
    says: /publicly accessible/,
    change: (resources) => (properties(resources, database)['PubliclyAccessible'] = true),
  },
  {
    name: 'the database has no group',
    says: /no group or no subnet/,
    change: (resources) => delete properties(resources, database)['VPCSecurityGroups'],
  },
  {
    name: 'a subnet of the database has a route by NAT',
    says: /has a way out \(nat\)/,
    change: (resources) => (resources['Extra'] = route('isolated', nat)),
  },
  {
    name: 'a subnet of the database has a route to the internet',
    says: /has a way out \(internet\)/,
    change: (resources) => (resources['Extra'] = route('isolated', internetGateway)),
  },
  {
    name: 'a private subnet goes out past NAT',
    says: /is public/,
    change: (resources) => (resources[id('AWS::EC2::Route', 'private')] = route('private', internetGateway)),
  },
  {
    name: 'NAT stands in a subnet without a way out',
    says: /has no way out/,
    change: (resources) =>
      (properties(resources, id('AWS::EC2::NatGateway', ''))['SubnetId'] = { Ref: subnet('isolated') }),
  },
  {
    name: 'a subnet gives out public addresses',
    says: /public addresses/,
    change: (resources) => (properties(resources, subnet('public'))['MapPublicIpOnLaunch'] = true),
  },
  {
    name: 'a subnet uses the main route table',
    says: /without a route table/,
    change: (resources) => {
      remove(resources, id('AWS::EC2::SubnetRouteTableAssociation', 'isolated'));
    },
  },
  {
    name: 'anybody may invoke the function',
    says: /can be reached from the internet \(invoke\)/,
    change: (resources) => (properties(resources, id('AWS::Lambda::Permission', ''))['Principal'] = '*'),
  },
  {
    name: 'the permission is not for this gateway',
    says: /can be reached from the internet \(invoke\)/,
    change: (resources) => delete properties(resources, id('AWS::Lambda::Permission', ''))['SourceArn'],
  },
  {
    name: 'the migrations have a URL',
    says: /can be reached from the internet \(invoke\)/,
    change: (resources) =>
      (resources['Extra'] = {
        Type: 'AWS::Lambda::Url',
        Properties: { TargetFunctionArn: { 'Fn::GetAtt': [migrate, 'Arn'] }, AuthType: 'NONE' },
      }),
  },
  {
    name: 'a rule that cannot be read',
    says: /not of TCP ports in numbers/,
    change: (resources) => {
      egress(resources, 'Function', {
        CidrIp: '0.0.0.0/0',
        IpProtocol: 'tcp',
        FromPort: { Ref: 'Port' },
        ToPort: { Ref: 'Port' },
      });
    },
  },
  {
    name: 'a group of another stack',
    says: /not in the template/,
    change: (resources) => (functionVpc(resources)['SecurityGroupIds'] = [{ 'Fn::ImportValue': 'group' }]),
  },
  {
    name: 'a machine in the network',
    says: /is not modelled/,
    change: (resources) =>
      (resources['Extra'] = {
        Type: 'AWS::EC2::Instance',
        Properties: { SubnetId: { Ref: subnet('private') } },
      }),
  },
  {
    name: 'a rule for IPv6',
    says: /IPv6/,
    change: (resources) => {
      egress(resources, 'Function', { CidrIpv6: '::/0', IpProtocol: 'tcp', FromPort: 443, ToPort: 443 });
    },
  },
];

describe('every rule that is broken is seen', () => {
  for (const { name, says, change } of MUTATIONS) {
    test(name, () => {
      const resources = structuredClone(prod.resources) as unknown as Resources;
      change(resources);
      const found = violations({ Resources: resources });
      assert.ok(
        found.some((violation) => says.test(violation)),
        `expected ${String(says)}, got:\n${found.join('\n')}`,
      );
    });
  }
});
