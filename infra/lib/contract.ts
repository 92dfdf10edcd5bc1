/**
 * What the contract says about the gateway: `generated/routes.json`, which codegen writes from `openapi.yaml`.
 *
 * A route of an HTTP API is coarser than a path of OpenAPI: a variable is a whole segment. Where a path has more
 * (`/files/{name}.{extension}`), the segment becomes a variable as a whole, and the function's router decides.
 */
import { readFileSync } from 'node:fs';

/** Routes that one HTTP API may have (a quota of AWS that can be raised). */
export const ROUTE_QUOTA = 300;

/** Methods that a route can name. Any other (QUERY, TRACE) makes the route one for all methods; the function decides. */
const METHODS = ['GET', 'PUT', 'POST', 'DELETE', 'OPTIONS', 'HEAD', 'PATCH'];

export interface Throttle {
  readonly rate: number;
  readonly burst: number;
}

/** One operation of the contract. */
export interface ContractRoute {
  readonly method: string;
  readonly path: string;
  readonly operationId: string;
  readonly secured: boolean;
  readonly requestHeaders: readonly string[];
  readonly responseHeaders: readonly string[];
  readonly extensions: Readonly<Record<string, unknown>>;
}

/** The manifest, as codegen writes it. */
export interface Contract {
  readonly title: string;
  readonly version: string;
  readonly extensions: Readonly<Record<string, unknown>>;
  readonly routes: readonly ContractRoute[];
}

/** A route of the gateway: several operations may share one. */
export interface Route {
  /** `GET /tasks/{taskId}`, or `$default`. */
  readonly key: string;
  readonly secured: boolean;
  readonly throttle?: Throttle;
}

/** What browsers of other origins may do. */
export interface Cors {
  readonly origins?: readonly string[];
  readonly methods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly credentials: boolean;
  readonly maxAgeSeconds: number;
}

export function readContract(file: string): Contract {
  return JSON.parse(readFileSync(file, 'utf8')) as Contract;
}

/** Every documented operation as a route of its own, or `$default` where they are more than the quota. */
export function routes(contract: Contract, quota = ROUTE_QUOTA): Route[] {
  const byKey = new Map<string, Route>();
  for (const route of contract.routes) {
    const key = `${METHODS.includes(route.method) ? route.method : 'ANY'} ${gatewayPath(route.path)}`;
    const before = byKey.get(key);
    const throttles = [before?.throttle, throttle(route.extensions, route.operationId)].filter(
      (one) => one !== undefined,
    );
    const [widest] = throttles.sort((left, right) => right.rate - left.rate);
    byKey.set(key, {
      key,
      secured: route.secured && (before?.secured ?? true),
      ...(widest ? { throttle: widest } : {}),
    });
  }
  if (byKey.size <= quota) return [...byKey.values()];
  return [{ key: '$default', secured: false }];
}

/** The throttling of the whole API: `x-throttle` beside `paths`. */
export function defaultThrottle(contract: Contract): Throttle | undefined {
  return throttle(contract.extensions, 'the contract');
}

/** Methods and headers are those of the operations; who may call from where is `x-cors` beside `paths`. */
export function cors(contract: Contract): Cors {
  const settings = (contract.extensions['x-cors'] ?? {}) as Partial<Cors>;
  const secured = contract.routes.some((route) => route.secured) ? ['authorization'] : [];
  return {
    ...(settings.origins ? { origins: settings.origins } : {}),
    methods: sorted(contract.routes.map(({ method }) => (METHODS.includes(method) ? method : '*'))),
    allowHeaders: sorted([
      'content-type',
      ...secured,
      ...contract.routes.flatMap((route) => lower(route.requestHeaders)),
    ]),
    exposeHeaders: sorted([
      'x-request-id',
      ...contract.routes.flatMap((route) => lower(route.responseHeaders)),
    ]),
    credentials: settings.credentials ?? false,
    maxAgeSeconds: settings.maxAgeSeconds ?? 3600,
  };
}

function gatewayPath(path: string): string {
  const segments = path.split('/').map((segment, index) => {
    if (!segment.includes('{')) return segment;
    return /^\{[A-Za-z0-9._-]+\}$/.test(segment) ? segment : `{segment${index}}`;
  });
  return segments.join('/');
}

function throttle(extensions: Readonly<Record<string, unknown>>, where: string): Throttle | undefined {
  const value = extensions['x-throttle'];
  if (value === undefined) return undefined;
  const { rate, burst } = value as Partial<Throttle>;
  if (typeof rate !== 'number' || typeof burst !== 'number' || rate <= 0 || burst <= 0) {
    throw new Error(
      `x-throttle of ${where} is not of the form { rate: 10, burst: 20 }, in requests per second`,
    );
  }
  return { rate, burst };
}

function lower(names: readonly string[]): string[] {
  return names.map((name) => name.toLowerCase());
}

function sorted(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}
