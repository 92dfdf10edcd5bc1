/** Who may deploy from GitHub: the roles, and the workflows that use them. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { App, Validations } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks } from 'cdk-nag';
import { parse } from 'yaml';
import { STAGES } from '../lib/config.ts';
import { githubConfig, GitHubStack } from '../lib/github.ts';

function stack(provider: 'create' | 'existing'): Template {
  const app = new App();
  const github = { repository: 'owner/name', provider };
  const made = new GitHubStack(app, 'Specwright-github', { github, stages: STAGES });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return Template.fromStack(made);
}

const template = stack('create');

/** The condition on the identity of GitHub's job. */
function trust(subject: string) {
  const issuer = 'token.actions.githubusercontent.com';
  return {
    AssumeRolePolicyDocument: {
      Statement: [
        {
          Action: 'sts:AssumeRoleWithWebIdentity',
          Effect: 'Allow',
          Principal: { Federated: Match.anyValue() },
          Condition: {
            StringEquals: { [`${issuer}:aud`]: 'sts.amazonaws.com', [`${issuer}:sub`]: subject },
          },
        },
      ],
    },
  };
}

describe('the roles', () => {
  test('each is for one environment, or for pull requests, of one repository', () => {
    template.resourceCountIs('AWS::IAM::Role', STAGES.length + 1);
    for (const stage of STAGES)
      template.hasResourceProperties('AWS::IAM::Role', trust(`repo:owner/name:environment:${stage}`));
    template.hasResourceProperties('AWS::IAM::Role', trust('repo:owner/name:pull_request'));
    template.resourceCountIs('AWS::IAM::User', 0);
    template.resourceCountIs('AWS::IAM::AccessKey', 0);
  });

  test('pull requests may become the role that looks, and nothing else', () => {
    const policies = Object.entries(template.findResources('AWS::IAM::Policy')).filter(([id]) =>
      id.startsWith('Diff'),
    );
    assert.equal(policies.length, 1);
    const text = JSON.stringify(policies[0]?.[1]['Properties']);
    assert.match(text, /"Action":"sts:AssumeRole"/);
    assert.match(text, /role\/cdk-hnb659fds-lookup-role-\*/);
  });

  test('what verifies a stage reads: no action of it changes anything or reads a secret', () => {
    const policies = Object.entries(template.findResources('AWS::IAM::Policy')).filter(([id]) =>
      id.includes('Verify'),
    );
    assert.equal(policies.length, STAGES.length);
    for (const [, { Properties }] of policies) {
      const document = (Properties as { PolicyDocument: { Statement: { Action: string[] }[] } })
        .PolicyDocument;
      for (const action of document.Statement.flatMap(({ Action }) => Action))
        assert.match(action, /^(cloudformation|cloudwatch|codedeploy|rds|sns):(Describe|Get|List)/);
    }
  });

  test('an account has one provider, which another stack may have made', () => {
    template.hasResourceProperties('AWS::IAM::OIDCProvider', { ClientIdList: ['sts.amazonaws.com'] });
    stack('existing').resourceCountIs('AWS::IAM::OIDCProvider', 0);
  });
});

test('a repository that is none is refused, before it becomes somebody whom a role trusts', () => {
  assert.equal(githubConfig(undefined), undefined);
  assert.deepEqual(githubConfig('owner/name'), { repository: 'owner/name', provider: 'create' });
  for (const repository of ['owner', 'owner/*', 'https://github.com/owner/name', '/name'])
    assert.throws(() => githubConfig(repository), /owner\/name/);
  assert.throws(() => githubConfig('owner/name', 'none'), /neither create nor existing/);
});

interface Job {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly needs?: string | string[];
  readonly environment?: string;
  readonly uses?: string;
  readonly steps?: readonly { uses?: string; run?: string; with?: Record<string, string> }[];
}
interface Workflow {
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

describe('the workflows', () => {
  const folder = resolve(import.meta.dirname, '../../.github/workflows');
  const texts = readdirSync(folder).map((file) => [file, readFileSync(join(folder, file), 'utf8')] as const);
  const workflows = new Map(texts.map(([file, text]) => [file, parse(text) as Workflow]));
  const job = (file: string, name: string): Job => {
    const found = workflows.get(file)?.jobs[name];
    assert.ok(found, `${file}: ${name}`);
    return found;
  };
  const commands = ({ steps }: Job) => (steps ?? []).flatMap(({ run }) => run ?? []).join('\n');

  test('no key is kept: a role is taken on with an identity of GitHub', () => {
    for (const [file, text] of texts) {
      assert.doesNotMatch(text, /aws-access-key-id|AWS_SECRET_ACCESS_KEY|secrets\.AWS/, file);
      for (const [name, { steps, permissions }] of Object.entries(workflows.get(file)?.jobs ?? {})) {
        const takes = steps?.filter(({ uses }) => uses?.startsWith('aws-actions/configure-aws-credentials'));
        if (!takes?.length) continue;
        assert.ok(
          takes.every((step) => step.with?.['role-to-assume']),
          name,
        );
        const granted = permissions ?? workflows.get(file)?.permissions;
        assert.equal(granted?.['id-token'], 'write', `${file}: ${name}`);
      }
    }
  });

  test('a pull request gets the diff as a comment, if it is not of a fork', () => {
    const diff = job('deploy.yml', 'diff');
    assert.match(JSON.stringify(diff), /head\.repo\.full_name == github\.repository/);
    assert.equal(diff.permissions?.['pull-requests'], 'write');
    assert.match(commands(diff), /cdk diff .* --method template/);
    assert.match(commands(diff), /gh pr comment/);
  });

  test('tests and the artefact come before dev, dev before prod, each in its environment', () => {
    assert.match(commands(job('ci.yml', 'test')), /\.ci\/run/);
    assert.match(commands(job('deploy.yml', 'package')), /cargo xtask package/);
    assert.deepEqual(job('deploy.yml', 'dev').needs, ['test', 'package']);
    assert.equal(job('deploy.yml', 'prod').needs, 'dev');
    const deploy = job('deploy-stage.yml', 'deploy');
    assert.equal(deploy.environment, '${{ inputs.stage }}');
    assert.match(commands(deploy), /cargo xtask deploy --stage "\$STAGE" --artefact artefact/);
    assert.match(commands(deploy), /cargo xtask verify --stage "\$STAGE"/);
  });
});
