/**
 * Postgres in the isolated subnets, and RDS Proxy in front of it.
 *
 * RDS makes the password and rotates it every seven days itself, so that nothing of ours needs a way to the database
 * for it: a rotation function would be a second path. The proxy and the function read the new password from the secret.
 */
import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as rds from 'aws-cdk-lib/aws-rds';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { accept } from './accept.ts';
import type { StageConfig } from './config.ts';
import { POSTGRES, type Network } from './network.ts';

/** Name of the database in the instance. */
export const DATABASE_NAME = 'app';

export class Database extends Construct {
  readonly instance: rds.DatabaseInstance;
  readonly proxy: rds.DatabaseProxy;
  /** User and password; RDS owns it. */
  readonly secret: secretsmanager.ISecret;
  readonly identifier: string;
  readonly proxyName: string;

  constructor(scope: Construct, id: string, config: StageConfig, network: Network) {
    super(scope, id);
    // Named, so that its log groups exist with their retention before it writes to them, and because CloudFormation
    // refuses to replace what has a name: a change that would do away with the data fails instead.
    this.identifier = Stack.of(this).stackName.toLowerCase();
    this.proxyName = `${this.identifier}-proxy`;
    this.instance = this.postgres(config, network);
    if (!this.instance.secret) throw new Error('RDS manages the password, so there is a secret');
    this.secret = this.instance.secret;
    this.proxy = this.rdsProxy(config, network);
  }

  private postgres(config: StageConfig, network: Network): rds.DatabaseInstance {
    const { database } = config;
    const engine = rds.DatabaseInstanceEngine.postgres({ version: rds.PostgresEngineVersion.VER_17_9 });
    const parameterGroup = new rds.ParameterGroup(this, 'Parameters', {
      engine,
      description: 'TLS only, and slow statements in the log',
      parameters: { 'rds.force_ssl': '1', log_min_duration_statement: '1000' },
    });
    const log = this.logGroup('Log', `/aws/rds/instance/${this.identifier}/postgresql`, config);
    const instance = new rds.DatabaseInstance(this, 'Postgres', {
      engine,
      parameterGroup,
      instanceIdentifier: this.identifier,
      instanceType: new ec2.InstanceType(database.instance),
      vpc: network.vpc,
      vpcSubnets: network.isolatedSubnets,
      securityGroups: [network.databaseGroup],
      publiclyAccessible: false,
      port: POSTGRES,
      databaseName: DATABASE_NAME,
      credentials: rds.Credentials.fromUsername('app_owner'),
      manageMasterUserPassword: true,
      allocatedStorage: database.storageGiB,
      maxAllocatedStorage: database.maxStorageGiB,
      storageType: rds.StorageType.GP3,
      storageEncrypted: true,
      multiAz: database.multiAz,
      backupRetention: Duration.days(database.backupDays),
      copyTagsToSnapshot: true,
      deletionProtection: database.deletionProtection,
      removalPolicy: RemovalPolicy.SNAPSHOT,
      autoMinorVersionUpgrade: true,
      enablePerformanceInsights: true,
      monitoringInterval: Duration.minutes(1),
      monitoringRole: this.monitoringRole(),
      cloudwatchLogsExports: ['postgresql'],
      caCertificate: rds.CaCertificate.RDS_CA_RSA2048_G1,
    });
    instance.node.addDependency(log);
    accept(
      instance,
      'AwsSolutions-RDS11',
      'No path leads to it but the proxy, so a secret port hides it from nobody.',
    );
    accept(instance, 'CKV_AWS_161', 'ADR-001 chose passwords over IAM authentication.');
    if (!database.multiAz) {
      const reason = 'ADR-001: one zone is enough for this stage, and half the price.';
      accept(instance, 'AwsSolutions-RDS3', reason);
      accept(instance, 'CKV_AWS_157', reason);
    }
    if (!database.deletionProtection) {
      accept(instance, 'AwsSolutions-RDS10', 'A stage that may be thrown away; a snapshot stays.');
      accept(instance, 'CKV_AWS_293', 'A stage that may be thrown away; a snapshot stays.');
    }
    return instance;
  }

  private rdsProxy(config: StageConfig, network: Network): rds.DatabaseProxy {
    const log = this.logGroup('ProxyLog', `/aws/rds/proxy/${this.proxyName}`, config);
    const proxy = new rds.DatabaseProxy(this, 'Proxy', {
      dbProxyName: this.proxyName,
      proxyTarget: rds.ProxyTarget.fromInstance(this.instance),
      secrets: [this.secret],
      vpc: network.vpc,
      vpcSubnets: network.privateSubnets,
      securityGroups: [network.proxyGroup],
      requireTLS: true,
      iamAuth: false,
      clientPasswordAuthType: rds.ClientPasswordAuthType.POSTGRES_SCRAM_SHA_256,
      // The rest of the instance's connections is for people and for RDS itself.
      maxConnectionsPercent: 80,
      maxIdleConnectionsPercent: 20,
      // A request has given up by then.
      borrowTimeout: Duration.seconds(10),
      // `runtime` lets go of idle connections before this.
      idleClientTimeout: Duration.minutes(30),
    });
    proxy.node.addDependency(log);
    return proxy;
  }

  private logGroup(id: string, logGroupName: string, config: StageConfig): logs.LogGroup {
    const removalPolicy = RemovalPolicy.DESTROY;
    const group = new logs.LogGroup(this, id, { logGroupName, retention: config.logDays, removalPolicy });
    accept(
      group,
      'CKV_AWS_158',
      'CloudWatch encrypts with its own key; statements are logged without parameters.',
    );
    return group;
  }

  private monitoringRole(): iam.Role {
    const policy = 'service-role/AmazonRDSEnhancedMonitoringRole';
    const role = new iam.Role(this, 'MonitoringRole', {
      assumedBy: new iam.ServicePrincipal('monitoring.rds.amazonaws.com'),
      managedPolicies: [iam.ManagedPolicy.fromAwsManagedPolicyName(policy)],
    });
    accept(
      role,
      `AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/${policy}]`,
      "Made for this one purpose: it writes to RDS's own log group and nothing else.",
    );
    return role;
  }
}
