/**
 * Migrations at deploy: a function inside of the VPC, called before the alias of the service moves to the new version.
 *
 * Where it fails, its message is the reason of the failed resource, and CloudFormation rolls the deployment back. Old
 * code meets the new schema for a while, hence migrations that only expand; an old migration function meets it too when
 * a deployment is rolled back, and leaves migrations alone that it does not know.
 */
import { Duration, Stack } from 'aws-cdk-lib';
import * as triggers from 'aws-cdk-lib/triggers';
import { Construct } from 'constructs';
import { accept, explainWildcards } from './accept.ts';
import type { StageConfig } from './config.ts';
import type { Database } from './database.ts';
import { RustFunction } from './function.ts';
import type { Network } from './network.ts';

const TIMEOUT = Duration.minutes(10);

export interface MigrationProps {
  readonly config: StageConfig;
  readonly network: Network;
  readonly database: Database;
  readonly artefact: string;
}

export class Migration extends Construct {
  private readonly trigger: triggers.Trigger;

  constructor(scope: Construct, id: string, props: MigrationProps) {
    super(scope, id);
    const migrate = new RustFunction(this, 'Migrate', {
      ...props,
      handler: 'migrate',
      description: 'Applies the migrations; called by the deployment.',
      timeout: TIMEOUT,
      // Two at a time are one too many, and would wait for each other.
      reservedConcurrency: 1,
    });
    this.trigger = new triggers.Trigger(this, 'Run', {
      handler: migrate.function,
      // The provider gives up after this; it has to outlast the function to hear its reason.
      timeout: TIMEOUT.plus(Duration.minutes(1)),
      // The routes and rules of the network, and the proxy with its target.
      executeAfter: [props.network, props.database],
    });
    this.acceptProvider();
  }

  /** Nothing below `before` is touched until the migrations are applied. */
  runBefore(...before: Construct[]) {
    this.trigger.executeBefore(...before);
  }

  /** The function of CDK that calls ours. */
  private acceptProvider() {
    const provider = Stack.of(this).node.findChild(
      'AWSCDK.TriggerCustomResourceProviderCustomResourceProvider',
    );
    explainWildcards(
      provider.node.findChild('Role'),
      [],
      'Every version of the migration function, since each is called once.',
    );
    const reason = "CDK's own: runs during deployments only, called by CloudFormation";
    accept(provider, 'W3005', 'CDK names the role that it refers to once more.');
    accept(provider, 'CKV_AWS_115', `${reason}, one call at a time.`);
    accept(provider, 'CKV_AWS_116', `${reason}, which gets its failures.`);
    accept(provider, 'CKV_AWS_117', `${reason}; it calls Lambda and nothing in the VPC.`);
    accept(provider, 'CKV_AWS_173', `${reason}; its environment is empty.`);
  }
}
