/**
 * The network of ADR-001: public subnets for NAT alone, private ones for the function and the proxy, isolated ones for
 * the database. `proof/` shows from the synthesized template that nothing else is possible.
 *
 * All rules between the groups stand here. The groups are handed out immutable, so that no construct of CDK adds a rule
 * of its own. Egress is written inside of each group: a group without any would get "all traffic" from AWS.
 */
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import { RemovalPolicy } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { accept } from './accept.ts';
import type { StageConfig } from './config.ts';

export const POSTGRES = 5432;
const HTTPS = 443;

export class Network extends Construct {
  readonly vpc: ec2.Vpc;
  /** For the function and the proxy. */
  readonly privateSubnets: ec2.SubnetSelection = { subnetGroupName: 'private' };
  /** For the database. */
  readonly isolatedSubnets: ec2.SubnetSelection = { subnetGroupName: 'isolated' };
  readonly functionGroup: ec2.ISecurityGroup;
  readonly proxyGroup: ec2.ISecurityGroup;
  readonly databaseGroup: ec2.ISecurityGroup;

  constructor(scope: Construct, id: string, config: StageConfig) {
    super(scope, id);
    const { cidr, zones, egress } = config.network;
    const subnet = (name: string, subnetType: ec2.SubnetType) => ({ name, subnetType, cidrMask: 24 });
    this.vpc = new ec2.Vpc(this, 'Vpc', {
      ipAddresses: ec2.IpAddresses.cidr(cidr),
      maxAzs: zones,
      natGateways: egress.kind === 'nat' ? egress.gateways : 0,
      subnetConfiguration:
        egress.kind === 'nat'
          ? [
              { ...subnet('public', ec2.SubnetType.PUBLIC), mapPublicIpOnLaunch: false },
              subnet('private', ec2.SubnetType.PRIVATE_WITH_EGRESS),
              subnet('isolated', ec2.SubnetType.PRIVATE_ISOLATED),
            ]
          : [
              subnet('private', ec2.SubnetType.PRIVATE_ISOLATED),
              subnet('isolated', ec2.SubnetType.PRIVATE_ISOLATED),
            ],
    });
    this.flowLog(config);

    const database = this.group('DatabaseGroup', 'Postgres: from the proxy alone', [NOTHING]);
    const proxy = this.group('ProxyGroup', 'RDS Proxy: from the function, to Postgres', [
      to(database, POSTGRES, 'Postgres'),
    ]);
    const outside =
      egress.kind === 'nat'
        ? {
            ipProtocol: 'tcp',
            fromPort: HTTPS,
            toPort: HTTPS,
            cidrIp: '0.0.0.0/0',
            description: 'HTTPS by NAT',
          }
        : to(this.secretsEndpoint(egress.zones), HTTPS, 'Secrets Manager');
    const caller = this.group('FunctionGroup', 'The function: to the proxy and by HTTPS', [
      to(proxy, POSTGRES, 'RDS Proxy'),
      outside,
    ]);
    this.allow(proxy, caller, POSTGRES, 'from the function');
    this.allow(database, proxy, POSTGRES, 'from the proxy');
    if (this.endpointGroup) this.allow(this.endpointGroup, caller, HTTPS, 'from the function');

    this.functionGroup = this.immutable('Function', caller);
    this.proxyGroup = this.immutable('Proxy', proxy);
    this.databaseGroup = this.immutable('Database', database);
  }

  private endpointGroup: ec2.CfnSecurityGroup | undefined;

  /** Secrets Manager without a way out. It costs by the zone; a function in another zone crosses to it. */
  private secretsEndpoint(zones: number): ec2.CfnSecurityGroup {
    this.endpointGroup = this.group('EndpointGroup', 'Secrets Manager: from the function', [NOTHING]);
    new ec2.InterfaceVpcEndpoint(this, 'SecretsEndpoint', {
      vpc: this.vpc,
      service: ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
      subnets: { subnets: this.vpc.selectSubnets(this.privateSubnets).subnets.slice(0, zones) },
      securityGroups: [this.immutable('Endpoint', this.endpointGroup)],
      open: false,
    });
    return this.endpointGroup;
  }

  private group(id: string, groupDescription: string, egress: ec2.CfnSecurityGroup.EgressProperty[]) {
    return new ec2.CfnSecurityGroup(this, id, {
      vpcId: this.vpc.vpcId,
      groupDescription,
      securityGroupEgress: egress,
    });
  }

  private allow(to: ec2.CfnSecurityGroup, from: ec2.CfnSecurityGroup, port: number, description: string) {
    new ec2.CfnSecurityGroupIngress(this, `${to.node.id}From${from.node.id}`, {
      groupId: to.attrGroupId,
      sourceSecurityGroupId: from.attrGroupId,
      ipProtocol: 'tcp',
      fromPort: port,
      toPort: port,
      description,
    });
  }

  private immutable(id: string, group: ec2.CfnSecurityGroup): ec2.ISecurityGroup {
    return ec2.SecurityGroup.fromSecurityGroupId(this, id, group.attrGroupId, { mutable: false });
  }

  /** Who talked to whom, for the day when somebody asks. */
  private flowLog(config: StageConfig) {
    const group = new logs.LogGroup(this, 'FlowLog', {
      retention: config.logDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    accept(
      group,
      'CKV_AWS_158',
      'Addresses and ports only; CloudWatch encrypts with its own key, a key of ours costs.',
    );
    const role = new iam.Role(this, 'FlowLogRole', {
      assumedBy: new iam.ServicePrincipal('vpc-flow-logs.amazonaws.com'),
    });
    this.vpc.addFlowLog('Flows', {
      destination: ec2.FlowLogDestination.toCloudWatchLogs(group, role),
      trafficType: ec2.FlowLogTrafficType.REJECT,
    });
  }
}

/** A rule that no packet fits: what a group without egress has to say, since saying nothing means everything. */
const NOTHING: ec2.CfnSecurityGroup.EgressProperty = {
  ipProtocol: 'icmp',
  fromPort: 252,
  toPort: 86,
  cidrIp: '255.255.255.255/32',
  description: 'No traffic',
};

function to(
  group: ec2.CfnSecurityGroup,
  port: number,
  description: string,
): ec2.CfnSecurityGroup.EgressProperty {
  return {
    ipProtocol: 'tcp',
    fromPort: port,
    toPort: port,
    destinationSecurityGroupId: group.attrGroupId,
    description,
  };
}
