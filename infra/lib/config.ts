/**
 * Every size and choice of a stage, in one place. The rest of the app decides how, this file decides how much.
 *
 * The defaults are those of ADR-001; what costs money has the reason beside it in ADR-002.
 */

import { RetentionDays } from 'aws-cdk-lib/aws-logs';

/** The stages that can be deployed. */
export const STAGES = ['dev', 'prod'] as const;
export type StageName = (typeof STAGES)[number];

/** How the function reaches what is outside of the VPC. */
export type Egress =
  /** ADR-001: everything by NAT. One gateway serves all zones; one per zone survives the loss of a zone. */
  | { readonly kind: 'nat'; readonly gateways: number }
  /** ADR-002: no way out at all, but for an endpoint of Secrets Manager. Tokens are verified by the PEM key. */
  | { readonly kind: 'endpoints'; readonly zones: number };

/** Whose tokens count. These values are public; none is a secret. */
export type Clerk = (
  | { readonly publishableKey: string; readonly authorizedParties: readonly string[] }
  | { readonly jwtKey: string; readonly issuer: string; readonly authorizedParties: readonly string[] }
) & {
  /**
   * Where Clerk's secrets are, by the ARN of a secret that is one text. CloudFormation reads them when the function changes and
   * puts them into its environment, where whoever may read the function's configuration reads them too.
   */
  readonly secrets?: {
    /** For API keys; without, none counts. */
    readonly secretKey?: string;
    /** For Clerk's webhooks; without, they have no route. */
    readonly webhookSigningSecret?: string;
  };
};

/** How a new version takes over the traffic. */
export type Shift = 'all-at-once' | 'canary-10-percent-5-minutes' | 'linear-10-percent-every-minute';

export interface DomainConfig {
  /** The name, such as `api.example.org`. */
  readonly name: string;
  /** Its certificate in ACM, in the region of the stack. */
  readonly certificateArn: string;
  /** The hosted zone for the alias record; without one, the record is made elsewhere. */
  readonly zone?: { readonly id: string; readonly name: string };
}

export interface StageConfig {
  readonly stage: StageName;
  readonly network: {
    /** A /20 or larger. */
    readonly cidr: string;
    readonly zones: number;
    readonly egress: Egress;
  };
  readonly database: {
    /** Without the `db.` prefix. */
    readonly instance: string;
    readonly storageGiB: number;
    /** Storage grows by itself up to this. */
    readonly maxStorageGiB: number;
    readonly multiAz: boolean;
    readonly backupDays: number;
    readonly deletionProtection: boolean;
    /** Connections that the instance class allows, for the alarm: at most memory / 9531392 bytes. */
    readonly maxConnections: number;
  };
  readonly function: {
    readonly architecture: 'x86_64' | 'arm64';
    readonly memoryMiB: number;
    readonly timeoutSeconds: number;
    /** At most this many requests at a time; also the ceiling of connections to the proxy, times the pool's two. */
    readonly reservedConcurrency: number;
    /** Instances that are kept warm; 0 for none. */
    readonly provisionedConcurrency: number;
    readonly shift: Shift;
  };
  readonly api: {
    /** Requests per second over all routes, where the contract says nothing (`x-throttle`). */
    readonly throttle: { readonly rate: number; readonly burst: number };
    /** Browser origins, where the contract says nothing (`x-cors`). */
    readonly origins: readonly string[];
    readonly domain?: DomainConfig;
  };
  readonly clerk: Clerk;
  readonly logDays: RetentionDays;
  readonly alarms: {
    readonly email: string;
    readonly p99Milliseconds: number;
    readonly budgetDollars: number;
  };
}

/** What stands here until somebody fills it in. `unfinished` finds these before a deployment does. */
const EXAMPLE_EMAIL = 'alarms@example.org';
const EXAMPLE_ORIGIN = 'https://app.example.org';
/** Base 64 of `clerk.example.org$`. */
const EXAMPLE_KEY = 'Y2xlcmsuZXhhbXBsZS5vcmck';

export const DEV: StageConfig = {
  stage: 'dev',
  network: { cidr: '10.20.0.0/16', zones: 2, egress: { kind: 'nat', gateways: 1 } },
  database: {
    instance: 't4g.micro',
    storageGiB: 20,
    maxStorageGiB: 50,
    multiAz: false,
    backupDays: 1,
    deletionProtection: false,
    maxConnections: 80,
  },
  function: {
    architecture: 'x86_64',
    memoryMiB: 512,
    timeoutSeconds: 28,
    reservedConcurrency: 10,
    provisionedConcurrency: 0,
    shift: 'all-at-once',
  },
  api: { throttle: { rate: 50, burst: 100 }, origins: ['http://localhost:3000'] },
  clerk: { publishableKey: `pk_test_${EXAMPLE_KEY}`, authorizedParties: ['http://localhost:3000'] },
  logDays: RetentionDays.TWO_WEEKS,
  alarms: { email: EXAMPLE_EMAIL, p99Milliseconds: 3000, budgetDollars: 100 },
};

export const PROD: StageConfig = {
  stage: 'prod',
  network: { cidr: '10.30.0.0/16', zones: 2, egress: { kind: 'nat', gateways: 2 } },
  database: {
    instance: 't4g.micro',
    storageGiB: 20,
    maxStorageGiB: 200,
    multiAz: true,
    backupDays: 14,
    deletionProtection: true,
    maxConnections: 80,
  },
  function: {
    architecture: 'x86_64',
    memoryMiB: 1024,
    timeoutSeconds: 28,
    reservedConcurrency: 100,
    provisionedConcurrency: 0,
    shift: 'canary-10-percent-5-minutes',
  },
  api: { throttle: { rate: 200, burst: 400 }, origins: [EXAMPLE_ORIGIN] },
  clerk: { publishableKey: `pk_live_${EXAMPLE_KEY}`, authorizedParties: [EXAMPLE_ORIGIN] },
  logDays: RetentionDays.THREE_MONTHS,
  alarms: { email: EXAMPLE_EMAIL, p99Milliseconds: 1000, budgetDollars: 250 },
};

export function stageConfig(stage: StageName): StageConfig {
  return stage === 'dev' ? DEV : PROD;
}

/** ADR-002's cheaper profile of a stage: no NAT, an endpoint of Secrets Manager, tokens verified by the PEM key. */
export function withoutNat(config: StageConfig, jwtKey: string, issuer: string): StageConfig {
  return {
    ...config,
    network: { ...config.network, egress: { kind: 'endpoints', zones: 1 } },
    clerk: {
      jwtKey,
      issuer,
      authorizedParties: config.clerk.authorizedParties,
      ...(config.clerk.secrets ? { secrets: config.clerk.secrets } : {}),
    },
  };
}

/** Combinations that would deploy and then not work. */
export function problems(config: StageConfig): string[] {
  const found: string[] = [];
  const { network, database, clerk } = config;
  const say = (problem: string) => found.push(`${config.stage}: ${problem}`);
  if (network.egress.kind === 'endpoints' && 'publishableKey' in clerk) {
    say('without NAT Clerk cannot be asked for its keys: set clerk.jwtKey and clerk.issuer');
  }
  if (network.egress.kind === 'endpoints' && clerk.secrets?.secretKey !== undefined) {
    say('without NAT Clerk cannot be asked about API keys: leave clerk.secrets.secretKey out');
  }
  if (
    network.egress.kind === 'nat' &&
    (network.egress.gateways < 1 || network.egress.gateways > network.zones)
  ) {
    say('network.egress.gateways is not between 1 and the number of zones');
  }
  if (network.zones < 2) say('RDS and RDS Proxy need subnets in two zones: network.zones is at least 2');
  if (config.function.timeoutSeconds >= 30)
    say('the gateway gives up after 30 s: function.timeoutSeconds is less');
  if (database.maxStorageGiB <= database.storageGiB) say('database.maxStorageGiB leaves no room to grow');
  return found;
}

/** What still has the values of an example: fine to synthesize, not to deploy. */
export function unfinished(config: StageConfig): string[] {
  const found: string[] = [];
  if (config.alarms.email === EXAMPLE_EMAIL) found.push('alarms.email');
  if (config.api.origins.includes(EXAMPLE_ORIGIN)) found.push('api.origins');
  if ('publishableKey' in config.clerk && config.clerk.publishableKey.endsWith(EXAMPLE_KEY)) {
    found.push('clerk.publishableKey');
  }
  if (config.clerk.authorizedParties.includes(EXAMPLE_ORIGIN)) found.push('clerk.authorizedParties');
  return found.map((field) => `${config.stage}: ${field}`);
}
