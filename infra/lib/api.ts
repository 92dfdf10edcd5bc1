/**
 * The service: the function behind its alias, and the HTTP API in front, whose routes, throttling and CORS are those of
 * the contract. What the contract does not document ends at the gateway.
 */
import { Duration, RemovalPolicy, SecretValue, type Stack } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import * as apigateway from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { accept } from './accept.ts';
import type { Clerk, StageConfig } from './config.ts';
import { cors, defaultThrottle, routes, type Contract, type Route } from './contract.ts';
import type { Database } from './database.ts';
import { Domain } from './domain.ts';
import { RustFunction } from './function.ts';
import type { Network } from './network.ts';

export interface ApiProps {
  readonly config: StageConfig;
  readonly network: Network;
  readonly database: Database;
  readonly contract: Contract;
  readonly artefact: string;
}

export class Api extends Construct {
  readonly function: lambda.Function;
  readonly alias: lambda.Alias;
  readonly httpApi: apigateway.HttpApi;
  readonly url: string;

  constructor(scope: Construct, id: string, props: ApiProps) {
    super(scope, id);
    const { config, contract } = props;
    const handler = new RustFunction(this, 'Handler', {
      ...props,
      handler: 'api',
      description: `${contract.title} ${contract.version}`,
      timeout: Duration.seconds(config.function.timeoutSeconds),
      reservedConcurrency: config.function.reservedConcurrency,
      environment: clerk(config.clerk),
    });
    this.function = handler.function;
    const { provisionedConcurrency } = config.function;
    this.alias = new lambda.Alias(this, 'Live', {
      aliasName: 'live',
      version: this.function.currentVersion,
      ...(provisionedConcurrency > 0 ? { provisionedConcurrentExecutions: provisionedConcurrency } : {}),
    });
    this.httpApi = new apigateway.HttpApi(this, 'HttpApi', {
      apiName: (this.node.scope as Stack).stackName,
      description: contract.title,
      createDefaultStage: false,
      // With a name of its own, the service answers under no other.
      disableExecuteApiEndpoint: config.api.domain !== undefined,
      corsPreflight: preflight(contract, config),
    });
    const gatewayRoutes = routes(contract);
    this.route(gatewayRoutes, config.clerk.secrets?.webhookSigningSecret !== undefined);
    const stage = this.stage(gatewayRoutes, props);
    this.url = config.api.domain
      ? new Domain(this, 'Domain', { domain: config.api.domain, api: this.httpApi, stage }).url
      : this.httpApi.apiEndpoint;
  }

  private route(gatewayRoutes: readonly Route[], withWebhooks: boolean) {
    // One permission for all routes: one for each fills the function's policy after thirty.
    const integration = new HttpLambdaIntegration('Integration', this.alias, {
      scopePermissionToRoute: false,
    });
    const add = (key: string, reason: string) => {
      const route = new apigateway.HttpRoute(this, key, {
        httpApi: this.httpApi,
        routeKey: routeKey(key),
        integration,
      });
      accept(route, 'AwsSolutions-APIG4', reason);
      accept(route, 'CKV_AWS_309', reason);
    };
    const verified =
      'The function verifies the token: a Clerk session token has no audience, which the authorizer asks for.';
    for (const { key, secured } of gatewayRoutes) add(key, secured ? verified : 'Public by the contract.');
    // Clerk's form and not the contract's, so it is not in the manifest; `$default` has it already.
    if (withWebhooks && !gatewayRoutes.some(({ key }) => key === '$default'))
      add(WEBHOOKS, 'The function verifies the signature.');
  }

  /** `$default`, whose name is not part of the path that the function sees. */
  private stage(gatewayRoutes: readonly Route[], { config, contract }: ApiProps): apigateway.HttpStage {
    const log = new logs.LogGroup(this, 'AccessLog', {
      retention: config.logDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    accept(log, 'CKV_AWS_158', 'Paths, statuses and addresses; CloudWatch encrypts with its own key.');
    const { rate, burst } = defaultThrottle(contract) ?? config.api.throttle;
    const stage = new apigateway.HttpStage(this, 'Stage', {
      httpApi: this.httpApi,
      stageName: '$default',
      autoDeploy: true,
      throttle: { rateLimit: rate, burstLimit: burst },
      accessLogSettings: { destination: new apigateway.LogGroupLogDestination(log), format: ACCESS_LOG },
    });
    const throttled = gatewayRoutes.filter((route) => route.throttle);
    if (throttled.length > 0) {
      const settings = throttled.map(({ key, throttle }) => [
        key,
        { ThrottlingRateLimit: throttle?.rate, ThrottlingBurstLimit: throttle?.burst },
      ]);
      (stage.node.defaultChild as apigateway.CfnStage).routeSettings = Object.fromEntries(settings) as Record<
        string,
        unknown
      >;
      // A setting for a route that is not there yet is refused.
      for (const { key } of throttled) stage.node.addDependency(this.node.findChild(key));
    }
    return stage;
  }
}

/** Where the function takes Clerk's messages (`handlers/src/webhooks.rs`). */
const WEBHOOKS = 'POST /webhooks/clerk';

/** One JSON line for each request, with the id under which the function logs as well. */
const ACCESS_LOG = AccessLogFormat.custom(
  JSON.stringify({
    requestId: '$context.requestId',
    time: '$context.requestTimeEpoch',
    method: '$context.httpMethod',
    path: '$context.path',
    route: '$context.routeKey',
    status: '$context.status',
    sourceIp: '$context.identity.sourceIp',
    userAgent: '$context.identity.userAgent',
    bytes: '$context.responseLength',
    milliseconds: '$context.responseLatency',
    integrationMilliseconds: '$context.integrationLatency',
    integrationError: '$context.integrationErrorMessage',
    error: '$context.error.message',
  }),
);

function routeKey(key: string): apigateway.HttpRouteKey {
  const [method, path] = key.split(' ');
  if (!path) return apigateway.HttpRouteKey.DEFAULT;
  return apigateway.HttpRouteKey.with(
    path,
    apigateway.HttpMethod[method as keyof typeof apigateway.HttpMethod],
  );
}

const CORS_METHODS = new Map(Object.entries(apigateway.CorsHttpMethod));

function preflight(contract: Contract, config: StageConfig): apigateway.CorsPreflightOptions {
  const { origins, methods, allowHeaders, exposeHeaders, credentials, maxAgeSeconds } = cors(contract);
  return {
    allowOrigins: [...(origins ?? config.api.origins)],
    allowMethods: methods.map((method) => CORS_METHODS.get(method) ?? apigateway.CorsHttpMethod.ANY),
    allowHeaders: [...allowHeaders],
    exposeHeaders: [...exposeHeaders],
    allowCredentials: credentials,
    maxAge: Duration.seconds(maxAgeSeconds),
  };
}

function clerk(settings: Clerk): Record<string, string> {
  const CLERK_AUTHORIZED_PARTIES = settings.authorizedParties.join(',');
  const instance: Record<string, string> =
    'jwtKey' in settings
      ? { CLERK_JWT_KEY: settings.jwtKey, CLERK_ISSUER: settings.issuer }
      : { CLERK_PUBLISHABLE_KEY: settings.publishableKey };
  const { secretKey, webhookSigningSecret } = settings.secrets ?? {};
  // A reference for CloudFormation: the value is in no template.
  const value = (arn: string) => SecretValue.secretsManager(arn).unsafeUnwrap();
  return {
    ...instance,
    CLERK_AUTHORIZED_PARTIES,
    ...(secretKey === undefined ? {} : { CLERK_SECRET_KEY: value(secretKey) }),
    ...(webhookSigningSecret === undefined
      ? {}
      : { CLERK_WEBHOOK_SIGNING_SECRET: value(webhookSigningSecret) }),
  };
}
