/** What wakes somebody up: alarms by mail, a dashboard to look at then, and a budget. */
import { Duration } from 'aws-cdk-lib';
import * as budgets from 'aws-cdk-lib/aws-budgets';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as sns from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import type { Api } from './api.ts';
import type { StageConfig } from './config.ts';
import type { Database } from './database.ts';

export interface MonitoringProps {
  readonly config: StageConfig;
  readonly api: Api;
  readonly database: Database;
}

const GIB = 1024 ** 3;
const MINUTE = { period: Duration.minutes(1) };

export class Monitoring extends Construct {
  /** What a new version is taken back for: its faults, not the database's. */
  readonly deploymentAlarms: cloudwatch.Alarm[];
  private readonly action: SnsAction;

  constructor(scope: Construct, id: string, props: MonitoringProps) {
    super(scope, id);
    const { config, api, database } = props;
    this.action = new SnsAction(this.topic(config));

    const fivehundreds = api.httpApi.metricServerError({ ...MINUTE, statistic: 'Sum' });
    const latency = api.httpApi.metricLatency({ ...MINUTE, statistic: 'p99' });
    const errors = api.function.metricErrors({ ...MINUTE, statistic: 'Sum' });
    const throttles = api.function.metricThrottles({ ...MINUTE, statistic: 'Sum' });
    const pinned = new cloudwatch.Metric({
      namespace: 'AWS/RDS',
      metricName: 'DatabaseConnectionsCurrentlySessionPinned',
      dimensionsMap: { ProxyName: database.proxyName },
      statistic: 'Maximum',
      ...MINUTE,
    });
    const cpu = database.instance.metricCPUUtilization(MINUTE);
    const storage = database.instance.metricFreeStorageSpace({ ...MINUTE, statistic: 'Minimum' });
    const connections = database.instance.metricDatabaseConnections({ ...MINUTE, statistic: 'Maximum' });

    this.deploymentAlarms = [
      this.alarm('ServerErrors', 'The API answers with 5xx', fivehundreds, 5),
      this.alarm('FunctionErrors', 'The function ends without an answer', errors, 1),
    ];
    this.alarm('Latency', 'One request in a hundred is slow (ms)', latency, config.alarms.p99Milliseconds, 5);
    this.alarm('Throttles', 'The function is at its reserved concurrency', throttles, 1);
    this.alarm('PinnedSessions', 'Connections to the proxy are not shared', pinned, 1, 5);
    this.alarm('DatabaseCpu', 'The database is busy (%)', cpu, 80, 10);
    this.alarm(
      'DatabaseConnections',
      'Connections run out',
      connections,
      config.database.maxConnections * 0.8,
      5,
    );
    new cloudwatch.Alarm(this, 'DatabaseStorage', {
      metric: storage,
      threshold: 2 * GIB,
      comparisonOperator: cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
      evaluationPeriods: 5,
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
      alarmDescription: 'Storage runs out, although it grows by itself (bytes)',
    }).addAlarmAction(this.action);

    const requests = api.httpApi.metricCount({ ...MINUTE, statistic: 'Sum' });
    const graph = (title: string, ...left: cloudwatch.IMetric[]) =>
      new cloudwatch.GraphWidget({ title, left, width: 8 });
    new cloudwatch.Dashboard(this, 'Dashboard', {
      dashboardName: `specwright-${config.stage}`,
      widgets: [
        [
          graph('Requests', requests),
          graph('5xx and errors', fivehundreds, errors),
          graph('p99 (ms)', latency),
        ],
        [graph('Throttles', throttles), graph('Pinned sessions', pinned), graph('Connections', connections)],
        [graph('Database CPU (%)', cpu), graph('Free storage (bytes)', storage)],
      ],
    });
    budget(this, config);
  }

  private alarm(
    id: string,
    alarmDescription: string,
    metric: cloudwatch.IMetric,
    threshold: number,
    minutes = 1,
  ) {
    const alarm = new cloudwatch.Alarm(this, id, {
      metric,
      threshold,
      evaluationPeriods: minutes,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
      alarmDescription,
    });
    alarm.addAlarmAction(this.action);
    return alarm;
  }

  /** Encrypted by a key of our own: CloudWatch may not use the one that SNS keeps. */
  private topic(config: StageConfig): sns.Topic {
    const cloudWatch = new iam.ServicePrincipal('cloudwatch.amazonaws.com');
    const masterKey = new kms.Key(this, 'Key', { description: 'Alarm messages', enableKeyRotation: true });
    masterKey.grant(cloudWatch, 'kms:Decrypt', 'kms:GenerateDataKey');
    const topic = new sns.Topic(this, 'Alarms', { masterKey, enforceSSL: true });
    topic.grantPublish(cloudWatch);
    topic.addSubscription(new EmailSubscription(config.alarms.email));
    return topic;
  }
}

/** Of the whole account: a budget by tag counts nothing until the tag is activated for billing. */
function budget(scope: Construct, config: StageConfig) {
  const notify = (notificationType: string, threshold: number) => ({
    notification: {
      notificationType,
      comparisonOperator: 'GREATER_THAN',
      threshold,
      thresholdType: 'PERCENTAGE',
    },
    subscribers: [{ subscriptionType: 'EMAIL', address: config.alarms.email }],
  });
  new budgets.CfnBudget(scope, 'Budget', {
    budget: {
      budgetType: 'COST',
      timeUnit: 'MONTHLY',
      budgetLimit: { amount: config.alarms.budgetDollars, unit: 'USD' },
    },
    notificationsWithSubscribers: [notify('FORECASTED', 100), notify('ACTUAL', 80)],
  });
}
