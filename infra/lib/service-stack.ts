/** One stage of the service: Internet -> HTTP API -> function -> RDS Proxy -> Postgres, and what keeps it in order. */
import { CfnOutput, Stack, Tags, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { Api } from './api.ts';
import { problems, type StageConfig } from './config.ts';
import type { Contract } from './contract.ts';
import { Database } from './database.ts';
import { Deployment } from './deployment.ts';
import { Migration } from './migration.ts';
import { Monitoring } from './monitoring.ts';
import { Network } from './network.ts';

export interface ServiceStackProps extends StackProps {
  readonly config: StageConfig;
  readonly contract: Contract;
  /** Folder with the executable `bootstrap`. */
  readonly artefact: string;
}

export class ServiceStack extends Stack {
  constructor(scope: Construct, id: string, props: ServiceStackProps) {
    super(scope, id, { ...props, terminationProtection: props.config.database.deletionProtection });
    const { config, contract, artefact } = props;
    const found = problems(config);
    if (found.length > 0) throw new Error(found.join('\n'));

    const network = new Network(this, 'Network', config);
    const database = new Database(this, 'Database', config, network);
    const migration = new Migration(this, 'Migration', { config, network, database, artefact });
    const api = new Api(this, 'Api', { config, network, database, contract, artefact });
    const monitoring = new Monitoring(this, 'Monitoring', { config, api, database });
    const alarms = monitoring.deploymentAlarms;
    const deployment = new Deployment(this, 'Deployment', {
      alias: api.alias,
      shift: config.function.shift,
      alarms,
    });
    migration.runBefore(api.alias);

    Tags.of(this).add('service', 'specwright');
    Tags.of(this).add('stage', config.stage);
    this.output('Url', api.url);
    this.output('FunctionName', api.function.functionName);
    this.output('DatabaseIdentifier', database.identifier);
    this.output('DatabaseEndpoint', database.instance.dbInstanceEndpointAddress);
    this.output('ProxyName', database.proxyName);
    this.output('SecretArn', database.secret.secretArn);
    this.output('DeploymentApplication', deployment.group.application.applicationName);
    this.output('DeploymentGroup', deployment.group.deploymentGroupName);
  }

  /** What `cargo xtask verify` asks AWS about. */
  private output(id: string, value: string) {
    new CfnOutput(this, id, { value });
  }
}
