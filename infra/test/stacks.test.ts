/** Every point of the design, asked of the synthesized templates one by one. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Match } from 'aws-cdk-lib/assertions';
import { DEV, PROD, problems, unfinished, withoutNat, type StageConfig } from '../lib/config.ts';
import { artefact, CONTRACT, ofType, only, synthesize } from './synth.ts';

const dev = synthesize(DEV);
const prod = synthesize(PROD);
const stages = [
  ['dev', DEV, dev],
  ['prod', PROD, prod],
] as const;

for (const [name, config, stage] of stages) {
  describe(`stage ${name}`, () => {
    test('subnets are public, private and isolated in two zones, chosen at deployment', () => {
      const subnets = ofType(stage, 'AWS::EC2::Subnet').map(([, subnet]) => subnet.Properties);
      assert.equal(subnets.length, 6);
      for (const { AvailabilityZone: zone, MapPublicIpOnLaunch: mapped } of subnets) {
        assert.ok(JSON.stringify(zone).includes('Fn::GetAZs'), JSON.stringify(zone));
        assert.equal(mapped ?? false, false);
      }
      assert.ok(!JSON.stringify(stage.resources).includes('dummy1'));
    });

    test('there are as many NAT gateways as the configuration says', () => {
      const { egress } = config.network;
      assert.ok(egress.kind === 'nat');
      const gateways = egress.gateways;
      stage.template.resourceCountIs('AWS::EC2::NatGateway', gateways);
    });

    test('security groups allow function -> proxy -> database on 5432 and function -> 443, and nothing else', () => {
      const rules = [
        ...ofType(stage, 'AWS::EC2::SecurityGroup').flatMap(([group, { Properties }]) => {
          assert.equal(Properties['SecurityGroupIngress'], undefined, 'ingress is written as resources');
          return (Properties['SecurityGroupEgress'] as Record<string, unknown>[])
            .filter((rule) => rule['CidrIp'] !== '255.255.255.255/32')
            .map(
              (rule) =>
                `${group} -> ${target(rule['DestinationSecurityGroupId'] ?? rule['CidrIp'])} ${ports(rule)}`,
            );
        }),
        ...ofType(stage, 'AWS::EC2::SecurityGroupIngress').map(
          ([, { Properties }]) =>
            `${target(Properties['GroupId'])} <- ${target(Properties['SourceSecurityGroupId'] ?? Properties['CidrIp'])} ${ports(Properties)}`,
        ),
      ].map((rule) => rule.replaceAll(/Network([A-Z][a-z]+)Group[0-9A-F]{8}/g, '$1'));
      assert.deepEqual(rules.sort(), [
        'Database <- Proxy tcp 5432-5432',
        'Function -> 0.0.0.0/0 tcp 443-443',
        'Function -> Proxy tcp 5432-5432',
        'Proxy -> Database tcp 5432-5432',
        'Proxy <- Function tcp 5432-5432',
      ]);
      stage.template.resourceCountIs('AWS::EC2::SecurityGroupEgress', 0);
    });

    test('rejected packets are logged', () => {
      stage.template.hasResourceProperties('AWS::EC2::FlowLog', {
        TrafficType: 'REJECT',
        ResourceType: 'VPC',
      });
    });

    test('Postgres is encrypted, private, by TLS only, and of the configured size', () => {
      stage.template.hasResourceProperties('AWS::RDS::DBInstance', {
        Engine: 'postgres',
        EngineVersion: Match.stringLikeRegexp('^\\d+\\.\\d+$'),
        DBInstanceClass: 'db.t4g.micro',
        AllocatedStorage: '20',
        MaxAllocatedStorage: config.database.maxStorageGiB,
        StorageType: 'gp3',
        StorageEncrypted: true,
        PubliclyAccessible: false,
        MultiAZ: name === 'prod',
        DeletionProtection: name === 'prod',
        BackupRetentionPeriod: name === 'prod' ? 14 : 1,
        AutoMinorVersionUpgrade: true,
        EnableCloudwatchLogsExports: ['postgresql'],
      });
      stage.template.hasResourceProperties('AWS::RDS::DBParameterGroup', {
        Parameters: { 'rds.force_ssl': '1' },
      });
      assert.equal(only(stage, 'AWS::RDS::DBInstance').DeletionPolicy, 'Snapshot');
      const subnets = only(stage, 'AWS::RDS::DBSubnetGroup').Properties['SubnetIds'] as unknown[];
      assert.ok(subnets.every((subnet) => target(subnet).includes('isolated')));
    });

    test('RDS makes and rotates the password, and no function has a way to the database for it', () => {
      const { Properties } = only(stage, 'AWS::RDS::DBInstance');
      assert.equal(Properties['ManageMasterUserPassword'], true);
      assert.equal(Properties['MasterUserPassword'], undefined);
      stage.template.resourceCountIs('AWS::SecretsManager::Secret', 0);
      stage.template.resourceCountIs('AWS::SecretsManager::RotationSchedule', 0);
    });

    test('the proxy requires TLS, uses the secret, and is in private subnets', () => {
      const { Properties } = only(stage, 'AWS::RDS::DBProxy');
      assert.equal(Properties['RequireTLS'], true);
      assert.deepEqual(Properties['Auth'], [
        {
          AuthScheme: 'SECRETS',
          ClientPasswordAuthType: 'POSTGRES_SCRAM_SHA_256',
          IAMAuth: 'DISABLED',
          SecretArn: secret(stage),
        },
      ]);
      assert.ok(
        (Properties['VpcSubnetIds'] as unknown[]).every((subnet) => target(subnet).includes('private')),
      );
      stage.template.hasResourceProperties('AWS::RDS::DBProxyTargetGroup', {
        ConnectionPoolConfigurationInfo: { MaxConnectionsPercent: 80, ConnectionBorrowTimeout: 10 },
      });
    });

    for (const handler of ['api', 'migrate']) {
      test(`the function ${handler} is the binary in the private subnets, traced, bounded and without a secret`, () => {
        stage.template.hasResourceProperties('AWS::Lambda::Function', {
          FunctionName: `Specwright-${name}-${handler}`,
          Runtime: 'provided.al2023',
          Architectures: [config.function.architecture],
          Handler: handler,
          MemorySize: config.function.memoryMiB,
          ReservedConcurrentExecutions: handler === 'api' ? config.function.reservedConcurrency : 1,
          TracingConfig: { Mode: 'Active' },
          Environment: {
            Variables: {
              DATABASE_HOST: { 'Fn::GetAtt': [Match.stringLikeRegexp('Proxy'), 'Endpoint'] },
              DATABASE_NAME: 'app',
              DATABASE_SECRET_ARN: secret(stage),
            },
          },
        });
      });
    }

    test('the function ends before the gateway gives up', () => {
      const api = ofType(stage, 'AWS::Lambda::Function').find(
        ([, { Properties }]) => Properties['Handler'] === 'api',
      );
      assert.ok((api?.[1].Properties['Timeout'] as number) < 30);
    });

    test('functions wait for all policies of their roles', () => {
      for (const [id, lambda] of ofType(stage, 'AWS::Lambda::Function')) {
        if (lambda.Properties['Runtime'] !== 'provided.al2023') continue;
        const policies = ofType(stage, 'AWS::IAM::Policy').filter(([, { Properties }]) =>
          JSON.stringify(Properties['Roles']).includes(target(lambda.Properties['Role'])),
        );
        assert.equal(policies.length, 4, id);
        for (const [policy] of policies) assert.ok(lambda.DependsOn?.includes(policy), `${id} and ${policy}`);
      }
    });

    test('every log group has a retention', () => {
      const groups = ofType(stage, 'AWS::Logs::LogGroup');
      assert.equal(groups.length, 6);
      for (const [id, { Properties }] of groups)
        assert.equal(Properties['RetentionInDays'], config.logDays, id);
    });

    test('migrations run before the alias moves', () => {
      const [trigger, run] = ofType(stage, 'Custom::Trigger')[0] ?? [];
      assert.ok(trigger && run);
      assert.deepEqual(only(stage, 'AWS::Lambda::Alias').DependsOn, [trigger]);
      assert.match(JSON.stringify(run.Properties['HandlerArn']), /MigrationMigrateFunctionCurrentVersion/);
      assert.equal(run.Properties['InvocationType'], 'RequestResponse');
      const needed = ['ProxyTargetGroup', 'DefaultRoute', 'FromFunctionGroup', 'FromProxyGroup'];
      for (const part of needed)
        assert.ok(
          [run.DependsOn].flat().some((id) => id?.includes(part)),
          part,
        );
    });

    test('a new version takes over by CodeDeploy and is taken back by the alarms', () => {
      const alias = only(stage, 'AWS::Lambda::Alias');
      assert.ok(alias.UpdatePolicy?.['CodeDeployLambdaAliasUpdate']);
      stage.template.hasResourceProperties('AWS::CodeDeploy::DeploymentGroup', {
        DeploymentConfigName:
          name === 'prod'
            ? 'CodeDeployDefault.LambdaCanary10Percent5Minutes'
            : 'CodeDeployDefault.LambdaAllAtOnce',
        AlarmConfiguration: {
          Enabled: true,
          Alarms: [
            { Name: { Ref: Match.stringLikeRegexp('ServerErrors') } },
            { Name: { Ref: Match.stringLikeRegexp('FunctionErrors') } },
          ],
        },
        AutoRollbackConfiguration: {
          Enabled: true,
          Events: ['DEPLOYMENT_FAILURE', 'DEPLOYMENT_STOP_ON_REQUEST', 'DEPLOYMENT_STOP_ON_ALARM'],
        },
      });
    });

    test('the gateway has the routes of the contract and no other', () => {
      const keys = ofType(stage, 'AWS::ApiGatewayV2::Route').map(([, { Properties }]) =>
        String(Properties['RouteKey']),
      );
      assert.deepEqual(keys.sort(), CONTRACT.routes.map(({ method, path }) => `${method} ${path}`).sort());
      stage.template.resourceCountIs('AWS::ApiGatewayV2::Integration', 1);
      stage.template.resourceCountIs('AWS::Lambda::Permission', 1);
    });

    test('the gateway logs, throttles and answers browsers as the contract says', () => {
      const { Properties, DependsOn } = only(stage, 'AWS::ApiGatewayV2::Stage');
      assert.equal(Properties['StageName'], '$default');
      assert.match(JSON.stringify(Properties['AccessLogSettings']), /context.requestId/);
      assert.deepEqual(Properties['DefaultRouteSettings'], {
        ThrottlingRateLimit: 200,
        ThrottlingBurstLimit: 400,
      });
      const own = { ThrottlingRateLimit: 20, ThrottlingBurstLimit: 40 };
      const settings = Properties['RouteSettings'] as Record<string, unknown>;
      assert.deepEqual(settings['POST /tasks/{taskId}/attachments'], own);
      assert.equal(DependsOn?.length, Object.keys(settings).length);
      stage.template.hasResourceProperties('AWS::ApiGatewayV2::Api', {
        ProtocolType: 'HTTP',
        CorsConfiguration: {
          AllowOrigins: [...config.api.origins],
          AllowMethods: ['DELETE', 'GET', 'PATCH', 'POST'],
          AllowHeaders: Match.arrayWith(['authorization', 'content-type', 'idempotency-key']),
          ExposeHeaders: Match.arrayWith(['etag', 'location', 'x-request-id']),
        },
      });
    });

    test('alarms go to an encrypted topic by mail', () => {
      const alarms = ofType(stage, 'AWS::CloudWatch::Alarm').map(([, { Properties }]) => Properties);
      const metrics = alarms.map(({ MetricName }) => String(MetricName)).sort();
      assert.deepEqual(metrics, [
        '5xx',
        'CPUUtilization',
        'DatabaseConnections',
        'DatabaseConnectionsCurrentlySessionPinned',
        'Errors',
        'FreeStorageSpace',
        'Latency',
        'Throttles',
      ]);
      const latency = alarms.find(({ MetricName }) => MetricName === 'Latency');
      assert.equal(latency?.['ExtendedStatistic'], 'p99');
      for (const alarm of alarms) assert.match(JSON.stringify(alarm['AlarmActions']), /MonitoringAlarms/);
      assert.ok(only(stage, 'AWS::SNS::Topic').Properties['KmsMasterKeyId']);
      stage.template.hasResourceProperties('AWS::SNS::Subscription', { Protocol: 'email' });
      stage.template.resourceCountIs('AWS::CloudWatch::Dashboard', 1);
      stage.template.hasResourceProperties('AWS::Budgets::Budget', {
        Budget: {
          BudgetType: 'COST',
          TimeUnit: 'MONTHLY',
          BudgetLimit: { Amount: config.alarms.budgetDollars },
        },
        NotificationsWithSubscribers: [
          {
            Notification: { NotificationType: 'FORECASTED', Threshold: 100 },
            Subscribers: [{ SubscriptionType: 'EMAIL', Address: config.alarms.email }],
          },
          {
            Notification: { NotificationType: 'ACTUAL', Threshold: 80 },
            Subscribers: [{ SubscriptionType: 'EMAIL', Address: config.alarms.email }],
          },
        ],
      });
    });

    test('the dashboard shows what the alarms watch', () => {
      const body = JSON.stringify(only(stage, 'AWS::CloudWatch::Dashboard').Properties['DashboardBody']);
      for (const [, { Properties }] of ofType(stage, 'AWS::CloudWatch::Alarm'))
        assert.ok(body.includes(String(Properties['MetricName'])), String(Properties['MetricName']));
    });

    test('a function may write its log, join the network, read the secret, be traced, and nothing else', () => {
      for (const [id, { Properties }] of ofType(stage, 'AWS::Lambda::Function')) {
        if (Properties['Runtime'] !== 'provided.al2023') continue;
        const own = ofType(stage, 'AWS::IAM::Policy').filter(([, policy]) =>
          JSON.stringify(policy.Properties['Roles']).includes(target(Properties['Role'])),
        );
        const allowed = own.flatMap(([, policy]) => statements(policy.Properties));
        assert.deepEqual(
          allowed.flatMap(({ Action }) => Action).sort(),
          [
            'ec2:CreateNetworkInterface',
            'ec2:DeleteNetworkInterface',
            'ec2:DescribeNetworkInterfaces',
            'ec2:DescribeSubnets',
            'logs:CreateLogStream',
            'logs:PutLogEvents',
            'secretsmanager:GetSecretValue',
            'xray:PutTelemetryRecords',
            'xray:PutTraceSegments',
          ],
          id,
        );
        const reads = allowed.find(({ Action }) => [Action].flat().includes('secretsmanager:GetSecretValue'));
        assert.deepEqual(reads?.Resource, secret(stage));
        const role = stage.resources[target(Properties['Role'])];
        assert.equal(role?.Properties['ManagedPolicyArns'], undefined);
      }
    });

    test('no wildcard in a policy is without its reason', () => {
      for (const [id, { Properties, Metadata }] of Object.entries(stage.resources)) {
        if (!JSON.stringify(statements(Properties)).includes('*')) continue;
        const wild = statements(Properties).filter(isWild);
        if (wild.length > 0) assert.ok(Metadata?.['wildcards'], `${id}: ${JSON.stringify(wild)}`);
      }
    });
  });
}

test('provisioned concurrency is an option', () => {
  const warm = synthesize({ ...PROD, function: { ...PROD.function, provisionedConcurrency: 2 } });
  warm.template.hasResourceProperties('AWS::Lambda::Alias', {
    ProvisionedConcurrencyConfig: { ProvisionedConcurrentExecutions: 2 },
  });
  assert.equal(only(prod, 'AWS::Lambda::Alias').Properties['ProvisionedConcurrencyConfig'], undefined);
});

test('the architecture is an option, and has to be that of the binary', () => {
  const elf = (machine: number) => {
    const bytes = Buffer.alloc(64);
    bytes.write('\u007fELF', 'latin1');
    bytes.writeUInt16LE(machine, 18);
    return artefact(bytes);
  };
  const arm: StageConfig = { ...DEV, function: { ...DEV.function, architecture: 'arm64' } };
  const made = synthesize(arm, CONTRACT, elf(0xb7));
  made.template.hasResourceProperties('AWS::Lambda::Function', { Handler: 'api', Architectures: ['arm64'] });
  assert.throws(() => synthesize(arm, CONTRACT, elf(0x3e)), /is for x86_64, the stage for arm64.*--arm64/);
  assert.throws(() => synthesize(DEV, CONTRACT, elf(0xb7)), /is for arm64, the stage for x86_64/);
});

test("Clerk's secrets are an option: references in the environment, and a route for its webhooks", () => {
  const arn = (name: string) => `arn:aws:secretsmanager:eu-central-1:123456789012:secret:${name}-AbCdEf`;
  const secrets = { secretKey: arn('key'), webhookSigningSecret: arn('webhooks') };
  const made = synthesize({ ...PROD, clerk: { ...PROD.clerk, secrets } });
  made.template.hasResourceProperties('AWS::Lambda::Function', {
    Handler: 'api',
    Environment: {
      Variables: {
        CLERK_SECRET_KEY: `{{resolve:secretsmanager:${arn('key')}:SecretString:::}}`,
        CLERK_WEBHOOK_SIGNING_SECRET: `{{resolve:secretsmanager:${arn('webhooks')}:SecretString:::}}`,
      },
    },
  });
  made.template.hasResourceProperties('AWS::ApiGatewayV2::Route', { RouteKey: 'POST /webhooks/clerk' });
  made.template.resourceCountIs('AWS::ApiGatewayV2::Route', CONTRACT.routes.length + 1);
  const migrate = ofType(made, 'AWS::Lambda::Function').find(
    ([, { Properties }]) => Properties['Handler'] === 'migrate',
  );
  assert.ok(!JSON.stringify(migrate).includes('CLERK_'));
  assert.ok(!JSON.stringify(prod.resources).includes('webhooks/clerk'));
  const cheap = withoutNat(
    { ...DEV, clerk: { ...DEV.clerk, secrets } },
    'a PEM key',
    'https://clerk.example.org',
  );
  assert.match(problems(cheap).join(), /API keys/);
});

test('a version takes over by the shift that the stage asks for', () => {
  for (const [shift, name] of [
    ['all-at-once', 'LambdaAllAtOnce'],
    ['canary-10-percent-5-minutes', 'LambdaCanary10Percent5Minutes'],
    ['linear-10-percent-every-minute', 'LambdaLinear10PercentEvery1Minute'],
  ] as const) {
    const made = synthesize({ ...PROD, function: { ...PROD.function, shift } });
    made.template.hasResourceProperties('AWS::CodeDeploy::DeploymentGroup', {
      DeploymentConfigName: `CodeDeployDefault.${name}`,
    });
  }
});

test('prod has a NAT gateway and a standby in each zone, and cannot be deleted by mistake', () => {
  assert.equal(PROD.network.egress.kind === 'nat' && PROD.network.egress.gateways, PROD.network.zones);
  assert.deepEqual([PROD.database.multiAz, PROD.database.deletionProtection], [true, true]);
  const networks = ofType(prod, 'AWS::EC2::NatGateway').map(([, { Properties }]) =>
    target(Properties['SubnetId']),
  );
  assert.equal(new Set(networks).size, PROD.network.zones);
});

test('a domain of its own closes the other one', () => {
  const domain = {
    name: 'api.example.org',
    certificateArn: 'arn:aws:acm:eu-central-1:123456789012:certificate/11111111-2222-3333-4444-555555555555',
    zone: { id: 'Z123', name: 'example.org' },
  };
  const named = synthesize({ ...PROD, api: { ...PROD.api, domain } });
  named.template.hasResourceProperties('AWS::ApiGatewayV2::DomainName', {
    DomainName: 'api.example.org',
    DomainNameConfigurations: [{ CertificateArn: domain.certificateArn, SecurityPolicy: 'TLS_1_2' }],
  });
  named.template.hasResourceProperties('AWS::ApiGatewayV2::Api', { DisableExecuteApiEndpoint: true });
  named.template.hasResourceProperties('AWS::Route53::RecordSet', { Name: 'api.example.org.', Type: 'A' });
  named.template.resourceCountIs('AWS::ApiGatewayV2::ApiMapping', 1);
});

test('the profile without NAT has no way out but the endpoint of Secrets Manager', () => {
  const cheap = synthesize(withoutNat(DEV, '-----BEGIN PUBLIC KEY-----', 'https://clerk.example.org'));
  for (const type of ['NatGateway', 'InternetGateway', 'EIP'])
    cheap.template.resourceCountIs(`AWS::EC2::${type}`, 0);
  cheap.template.hasResourceProperties('AWS::EC2::VPCEndpoint', {
    VpcEndpointType: 'Interface',
    PrivateDnsEnabled: true,
  });
  const open = ofType(cheap, 'AWS::EC2::SecurityGroup').filter(([, group]) =>
    JSON.stringify(group).includes('0.0.0.0/0'),
  );
  assert.deepEqual(open, []);
  cheap.template.hasResourceProperties('AWS::Lambda::Function', {
    Environment: { Variables: { CLERK_JWT_KEY: Match.anyValue(), CLERK_PUBLISHABLE_KEY: Match.absent() } },
  });
});

test('the same bytes of the binary give the same version, other bytes another', () => {
  const version = (binary: string) =>
    JSON.stringify(only(synthesize(DEV, CONTRACT, artefact(binary)), 'AWS::Lambda::Alias').Properties);
  assert.equal(version('one'), version('one'));
  assert.notEqual(version('one'), version('another'));
});

test('what would deploy and not work is refused', () => {
  const broken: StageConfig[] = [
    { ...DEV, network: { ...DEV.network, zones: 1 } },
    { ...DEV, network: { ...DEV.network, egress: { kind: 'endpoints', zones: 1 } } },
    { ...DEV, network: { ...DEV.network, egress: { kind: 'nat', gateways: 3 } } },
    { ...DEV, function: { ...DEV.function, timeoutSeconds: 30 } },
    { ...DEV, database: { ...DEV.database, maxStorageGiB: 20 } },
  ];
  for (const config of broken) {
    assert.equal(problems(config).length >= 1, true);
    assert.throws(() => synthesize(config));
  }
  assert.deepEqual([...problems(DEV), ...problems(PROD)], []);
  assert.deepEqual(unfinished(DEV), ['dev: alarms.email', 'dev: clerk.publishableKey']);
});

/** The logical name that a reference points to. */
function target(value: unknown): string {
  if (typeof value === 'string') return value;
  const reference = value as { Ref?: string; 'Fn::GetAtt'?: [string, string] };
  return reference.Ref ?? reference['Fn::GetAtt']?.[0] ?? JSON.stringify(value);
}

function ports(rule: Record<string, unknown>): string {
  return `${String(rule['IpProtocol'])} ${String(rule['FromPort'])}-${String(rule['ToPort'])}`;
}

function secret(stage: typeof dev): unknown {
  return { 'Fn::GetAtt': [ofType(stage, 'AWS::RDS::DBInstance')[0]?.[0], 'MasterUserSecret.SecretArn'] };
}

interface Statement {
  Effect: string;
  Action: string | string[];
  Resource?: unknown;
}

/** Statements of identity policies. Policies on a key or a topic speak of themselves when they say `*`. */
function statements(
  properties: Record<string, { Statement?: Statement[] }> & { Policies?: unknown },
): Statement[] {
  const inline = (properties.Policies ?? []) as { PolicyDocument: { Statement: Statement[] } }[];
  const own =
    'KeyPolicy' in properties || 'Topics' in properties
      ? []
      : (properties['PolicyDocument']?.Statement ?? []);
  return [...own, ...inline.flatMap(({ PolicyDocument }) => PolicyDocument.Statement)];
}

function isWild({ Effect, Action, Resource }: Statement): boolean {
  if (Effect !== 'Allow') return false;
  return (
    [Action].flat().some((action) => action.includes('*')) ||
    [Resource].flat().some((one) => JSON.stringify(one).includes('*'))
  );
}
