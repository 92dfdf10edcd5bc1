/** The stages and who may deploy them, as `bin/app.ts` and the tests build them. No account and no region: synthesis looks nothing up. */
import { App, Validations, type AppProps } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { StageConfig } from './config.ts';
import type { Contract } from './contract.ts';
import { githubConfig, GitHubStack } from './github.ts';
import { ServiceStack } from './service-stack.ts';

export interface Specwright {
  readonly configs: readonly StageConfig[];
  readonly contract: Contract;
  readonly artefact: string;
}

export function stackName(config: StageConfig): string {
  return `Specwright-${config.stage}`;
}

export function build({ configs, contract, artefact }: Specwright, props: AppProps = {}): App {
  const app = new App(props);
  for (const config of configs) {
    new ServiceStack(app, stackName(config), { config, contract, artefact, description: contract.title });
  }
  const context = (name: string): unknown => app.node.tryGetContext(name);
  const github = githubConfig(context('repository'), context('provider') ?? 'create');
  if (github) {
    const stages = configs.map(({ stage }) => stage);
    new GitHubStack(app, 'Specwright-github', { github, stages, description: 'Who may deploy from GitHub' });
  }
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return app;
}
