/**
 * Who may deploy from GitHub, without a key: GitHub's identity of a job is exchanged for a role (OIDC).
 *
 * A stack of its own, deployed once for an account by somebody who may (docs/deploying.md). Its outputs are the variables that `.github/workflows/deploy.yml` asks for. The roles for deploying can do no more than become those of
 * CDK's bootstrap, and read what `cargo xtask verify` asks about.
 */
import { CfnOutput, DefaultStackSynthesizer, Stack, type StackProps } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { explainWildcards } from './accept.ts';
import type { StageName } from './config.ts';

const ISSUER = 'token.actions.githubusercontent.com';

/** Where the workflow runs that deploys. */
export interface GitHubConfig {
  /** `owner/name`, as GitHub spells it. */
  readonly repository: string;
  /** An account has one provider for GitHub: `existing` where another stack made it. */
  readonly provider: 'create' | 'existing';
}

/** What `-c repository=owner/name` and `-c provider=existing` say; without the former, no stack. */
export function githubConfig(repository: unknown, provider: unknown = 'create'): GitHubConfig | undefined {
  if (repository === undefined) return undefined;
  if (typeof repository !== 'string' || !/^[A-Za-z0-9-]+\/[A-Za-z0-9._-]+$/.test(repository))
    throw new Error(`repository is not of the form owner/name: ${JSON.stringify(repository)}`);
  if (provider !== 'create' && provider !== 'existing')
    throw new Error(`provider is neither create nor existing: ${JSON.stringify(provider)}`);
  return { repository, provider };
}

export interface GitHubStackProps extends StackProps {
  readonly github: GitHubConfig;
  readonly stages: readonly StageName[];
}

export class GitHubStack extends Stack {
  constructor(scope: Construct, id: string, props: GitHubStackProps) {
    super(scope, id, props);
    const { repository, provider } = props.github;
    const arn =
      provider === 'create'
        ? new iam.CfnOIDCProvider(this, 'Provider', {
            url: `https://${ISSUER}`,
            clientIdList: ['sts.amazonaws.com'],
          }).attrArn
        : this.formatArn({ service: 'iam', region: '', resource: 'oidc-provider', resourceName: ISSUER });

    for (const stage of props.stages) {
      // The environment and not the branch: GitHub asks its reviewers before a job gets this identity.
      const role = this.role(`Deploy-${stage}`, arn, `repo:${repository}:environment:${stage}`);
      this.mayBecome(role, `cdk-${DefaultStackSynthesizer.DEFAULT_QUALIFIER}-*`);
      this.mayVerify(role);
    }
    const diff = this.role('Diff', arn, `repo:${repository}:pull_request`);
    this.mayBecome(diff, `cdk-${DefaultStackSynthesizer.DEFAULT_QUALIFIER}-lookup-role-*`);
  }

  private role(id: string, provider: string, subject: string): iam.Role {
    const role = new iam.Role(this, id, {
      assumedBy: new iam.WebIdentityPrincipal(provider, {
        StringEquals: { [`${ISSUER}:aud`]: 'sts.amazonaws.com', [`${ISSUER}:sub`]: subject },
      }),
      description: subject,
    });
    new CfnOutput(this, `${id.replace('-', '')}Role`, { value: role.roleArn });
    return role;
  }

  private mayBecome(role: iam.Role, name: string) {
    const resource = this.formatArn({ service: 'iam', region: '', resource: 'role', resourceName: name });
    const statement = new iam.PolicyStatement({ actions: ['sts:AssumeRole'], resources: [resource] });
    const policy = new iam.Policy(role, 'Become', { roles: [role], statements: [statement] });
    explainWildcards(
      policy,
      [`Resource::arn:<AWS::Partition>:iam::<AWS::AccountId>:role/${name}`],
      "The roles of CDK's bootstrap, whose names end in account and region.",
    );
  }

  /** What `verify/checks.ts` asks; no data and no secret is among it. */
  private mayVerify(role: iam.Role) {
    const actions = [
      'cloudformation:DescribeStacks',
      'cloudwatch:DescribeAlarms',
      'cloudwatch:GetMetricStatistics',
      'codedeploy:GetDeployment',
      'codedeploy:GetDeploymentGroup',
      'codedeploy:ListDeployments',
      'rds:DescribeDBInstances',
      'rds:DescribeDBParameters',
      'rds:DescribeDBProxies',
      'sns:ListSubscriptionsByTopic',
    ];
    const statement = new iam.PolicyStatement({ actions, resources: ['*'] });
    const policy = new iam.Policy(role, 'Verify', { roles: [role], statements: [statement] });
    explainWildcards(
      policy,
      ['Resource::*'],
      'Reads how things are set, of stacks whose resources have names only once they are deployed.',
    );
  }
}
