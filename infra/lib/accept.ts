/**
 * Findings of the checkers that are meant, each with its reason beside the resource it is about.
 *
 * One function for all three checkers, so that a reason is never separated from the resource: cdk-nag reads what CDK
 * acknowledges, checkov and cfn-lint read the resource's `Metadata`.
 */
import { CfnResource, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** Accepts a finding (`AwsSolutions-...`, `CKV_...` or cfn-lint's `E`, `W` and `I`) of a construct's resources. */
export function accept(construct: IConstruct, id: string, reason: string): void {
  if (id.startsWith('AwsSolutions-')) {
    Validations.of(construct).acknowledge({ id, reason });
    return;
  }
  for (const resource of resources(construct)) {
    if (id.startsWith('CKV')) {
      const skipped = list(resource, 'checkov', 'skip');
      skipped.push({ id, comment: reason });
      resource.addMetadata('checkov', { skip: skipped });
    } else {
      const ignored = list(resource, 'cfn-lint', 'ignored');
      ignored.push(`${id}: ${reason}`);
      resource.addMetadata('cfn-lint', {
        config: { ignore_checks: ignored.map((entry) => String(entry).split(':')[0]) },
        ignored,
      });
    }
  }
}

/**
 * Says why a policy has a wildcard in an action or a resource. A test fails for every wildcard without such a sentence.
 *
 * `findings` are cdk-nag's, such as `Resource::*`.
 */
export function explainWildcards(policy: IConstruct, findings: readonly string[], reason: string): void {
  for (const finding of findings) accept(policy, `AwsSolutions-IAM5[${finding}]`, reason);
  for (const resource of resources(policy)) resource.addMetadata('wildcards', reason);
}

/** The CloudFormation resources that a construct stands for: itself, or those right below it. */
function resources(construct: IConstruct): CfnResource[] {
  return construct.node.findAll().filter((node) => CfnResource.isCfnResource(node));
}

function list(resource: CfnResource, checker: string, key: string): unknown[] {
  const metadata = resource.getMetadata(checker) as Record<string, unknown[]> | undefined;
  return [...(metadata?.[key] ?? [])];
}
