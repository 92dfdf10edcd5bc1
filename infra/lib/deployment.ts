/**
 * How a new version takes over: CodeDeploy moves the alias, by parts where the stage says so, and moves it back when an
 * alarm goes off meanwhile. The deployment of the stack then fails and is rolled back.
 */
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as codedeploy from 'aws-cdk-lib/aws-codedeploy';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { accept } from './accept.ts';
import type { Shift } from './config.ts';

const SHIFTS: Record<Shift, codedeploy.ILambdaDeploymentConfig> = {
  'all-at-once': codedeploy.LambdaDeploymentConfig.ALL_AT_ONCE,
  'canary-10-percent-5-minutes': codedeploy.LambdaDeploymentConfig.CANARY_10PERCENT_5MINUTES,
  'linear-10-percent-every-minute': codedeploy.LambdaDeploymentConfig.LINEAR_10PERCENT_EVERY_1MINUTE,
};

export interface DeploymentProps {
  readonly alias: lambda.Alias;
  readonly shift: Shift;
  /** What takes a version back. */
  readonly alarms: cloudwatch.IAlarm[];
}

export class Deployment extends Construct {
  readonly group: codedeploy.LambdaDeploymentGroup;

  constructor(scope: Construct, id: string, props: DeploymentProps) {
    super(scope, id);
    const policy = 'service-role/AWSCodeDeployRoleForLambdaLimited';
    const role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('codedeploy.amazonaws.com'),
      managedPolicies: [iam.ManagedPolicy.fromAwsManagedPolicyName(policy)],
    });
    accept(
      role,
      `AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/${policy}]`,
      'The narrower of the two that AWS keeps for this purpose; what CodeDeploy needs may change.',
    );
    this.group = new codedeploy.LambdaDeploymentGroup(this, 'Group', {
      alias: props.alias,
      deploymentConfig: SHIFTS[props.shift],
      alarms: props.alarms,
      autoRollback: { failedDeployment: true, stoppedDeployment: true, deploymentInAlarm: true },
      role,
    });
  }
}
