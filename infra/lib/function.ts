/**
 * A function of the one binary: in the private subnets, with a role that can do what it needs and no more.
 *
 * The binary decides by the handler's name what it is: `api` answers requests, `migrate` applies the migrations. The
 * asset has a hash of the binary alone, so that a build with the same bytes deploys nothing.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AssetHashType, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { accept, explainWildcards } from './accept.ts';
import type { StageConfig } from './config.ts';
import { DATABASE_NAME, type Database } from './database.ts';
import type { Network } from './network.ts';

export interface RustFunctionProps {
  readonly config: StageConfig;
  readonly network: Network;
  readonly database: Database;
  /** Folder with the executable `bootstrap`. */
  readonly artefact: string;
  readonly handler: 'api' | 'migrate';
  readonly description: string;
  readonly timeout: Duration;
  readonly reservedConcurrency: number;
  readonly environment?: Readonly<Record<string, string>>;
}

export class RustFunction extends Construct {
  readonly function: lambda.Function;

  constructor(scope: Construct, id: string, props: RustFunctionProps) {
    super(scope, id);
    const { config, network, database } = props;
    const functionName = `${Stack.of(this).stackName}-${props.handler}`;
    const logGroup = new logs.LogGroup(this, 'Log', {
      logGroupName: `/aws/lambda/${functionName}`,
      retention: config.logDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    accept(
      logGroup,
      'CKV_AWS_158',
      'No secret is logged; CloudWatch encrypts with its own key, a key of ours costs.',
    );
    const role = this.role(logGroup, database);
    this.function = new lambda.Function(this, 'Function', {
      functionName,
      description: props.description,
      runtime: lambda.Runtime.PROVIDED_AL2023,
      architecture:
        config.function.architecture === 'arm64' ? lambda.Architecture.ARM_64 : lambda.Architecture.X86_64,
      handler: props.handler,
      code: code(props.artefact, config.function.architecture),
      memorySize: config.function.memoryMiB,
      timeout: props.timeout,
      reservedConcurrentExecutions: props.reservedConcurrency,
      vpc: network.vpc,
      vpcSubnets: network.privateSubnets,
      securityGroups: [network.functionGroup],
      role,
      logGroup,
      loggingFormat: lambda.LoggingFormat.JSON,
      tracing: lambda.Tracing.ACTIVE,
      environment: {
        DATABASE_HOST: database.proxy.endpoint,
        DATABASE_NAME,
        DATABASE_SECRET_ARN: database.secret.secretArn,
        ...props.environment,
      },
    });
    // CDK allows tracing by a policy of its own.
    explainWildcards(
      role.node.findChild('DefaultPolicy'),
      ['Resource::*'],
      'X-Ray knows no resource for what it takes.',
    );
    accept(this.function, 'W3005', 'CDK names the role that it refers to once more.');
    accept(
      this.function,
      'CKV_AWS_116',
      'Invoked synchronously: whoever waits gets the failure, no queue does.',
    );
    accept(
      this.function,
      'CKV_AWS_173',
      'The password is not in the environment; what is, Lambda encrypts with its own key.',
    );
  }

  private role(logGroup: logs.LogGroup, database: Database): iam.Role {
    const role = new iam.Role(this, 'Role', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
    // Below the role, so that the function waits for them: it cannot be created before the role may join the VPC.
    const allow = (id: string, actions: string[], resources: string[]) =>
      new iam.Policy(role, id, {
        roles: [role],
        statements: [new iam.PolicyStatement({ actions, resources })],
      });
    allow('WriteLog', ['logs:CreateLogStream', 'logs:PutLogEvents'], [logGroup.logGroupArn]);
    allow('ReadSecret', ['secretsmanager:GetSecretValue'], [database.secret.secretArn]);
    const interfaces = allow(
      'JoinVpc',
      [
        'ec2:CreateNetworkInterface',
        'ec2:DescribeNetworkInterfaces',
        'ec2:DescribeSubnets',
        'ec2:DeleteNetworkInterface',
      ],
      ['*'],
    );
    explainWildcards(
      interfaces,
      ['Resource::*'],
      'Lambda asks EC2 with this role, and EC2 knows no resource for these.',
    );
    accept(interfaces, 'CKV_AWS_111', 'EC2 knows no resource for these.');
    return role;
  }
}

/** The artefact as an asset, known by the bytes of `bootstrap`. */
function code(artefact: string, architecture: StageConfig['function']['architecture']): lambda.Code {
  const bootstrap = join(artefact, 'bootstrap');
  if (!existsSync(bootstrap)) throw new Error(`there is no ${bootstrap}: run \`cargo xtask package\` first`);
  const bytes = readFileSync(bootstrap);
  const built = builtFor(bytes);
  if (built !== undefined && built !== architecture) {
    const flag = architecture === 'arm64' ? ' --arm64' : '';
    throw new Error(
      `${bootstrap} is for ${built}, the stage for ${architecture}: run \`cargo xtask package${flag}\``,
    );
  }
  const assetHash = createHash('sha256').update(bytes).digest('hex');
  return lambda.Code.fromAsset(artefact, { assetHash, assetHashType: AssetHashType.CUSTOM });
}

/** The processor in the header of an ELF file; a placeholder is none. */
function builtFor(bytes: Buffer): string | undefined {
  if (bytes.length < 20 || bytes.readUInt32BE(0) !== 0x7f454c46) return undefined;
  const machine = bytes.readUInt16LE(18);
  return new Map([
    [0x3e, 'x86_64'],
    [0xb7, 'arm64'],
  ]).get(machine);
}
