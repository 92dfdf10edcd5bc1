/** From the contract's routes to the gateway's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEV } from '../lib/config.ts';
import { cors, routes, type Contract, type ContractRoute } from '../lib/contract.ts';
import { ofType, only, synthesize } from './synth.ts';

function contract(...paths: (string | Partial<ContractRoute>)[]): Contract {
  const routes = paths.map((path, index) => ({
    operationId: `operation${index}`,
    method: 'GET',
    path: typeof path === 'string' ? path : '/',
    secured: true,
    requestHeaders: [],
    responseHeaders: [],
    extensions: {},
    ...(typeof path === 'string' ? {} : path),
  }));
  return { title: 'Test', version: '1', extensions: {}, routes };
}

function keys(...paths: Parameters<typeof contract>): string[] {
  return routes(contract(...paths)).map(({ key }) => key);
}

test('a variable is a whole segment', () => {
  assert.deepEqual(keys('/a/{b}', '/files/{name}.{extension}', '/v1/{project id}', '/jobs/{id}:cancel'), [
    'GET /a/{b}',
    'GET /files/{segment2}',
    'GET /v1/{segment2}',
    'GET /jobs/{segment2}',
  ]);
});

test('paths that the gateway cannot tell apart share a route, public if one of them is', () => {
  const both = contract({ path: '/jobs/{id}:run' }, { path: '/jobs/{name}:stop', secured: false });
  assert.deepEqual(routes(both), [{ key: 'GET /jobs/{segment2}', secured: false }]);
});

test('methods that HTTP APIs do not know become a route for any', () => {
  assert.deepEqual(keys({ method: 'QUERY', path: '/search' }, { method: 'TRACE', path: '/search' }), [
    'ANY /search',
  ]);
});

test('more routes than the quota become $default, and synthesize', () => {
  const many = (count: number) => contract(...Array.from({ length: count }, (_, index) => `/path${index}`));
  assert.equal(routes(many(300)).length, 300);
  assert.deepEqual(routes(many(301)), [{ key: '$default', secured: false }]);
  const large = synthesize(DEV, many(300));
  assert.equal(ofType(large, 'AWS::ApiGatewayV2::Route').length, 300);
  assert.equal(ofType(large, 'AWS::Lambda::Permission').length, 1);
  const larger = synthesize(DEV, many(301));
  assert.equal(only(larger, 'AWS::ApiGatewayV2::Route').Properties['RouteKey'], '$default');
});

test('a throttle that is none is refused with its place', () => {
  const wrong = contract({ operationId: 'slow', extensions: { 'x-throttle': { rate: 'fast' } } });
  assert.throws(() => routes(wrong), /x-throttle of slow/);
});

test('CORS is what the operations need', () => {
  const found = cors({
    ...contract(
      { method: 'POST', requestHeaders: ['If-Match'], responseHeaders: ['ETag'] },
      { method: 'QUERY', secured: false },
    ),
    extensions: { 'x-cors': { origins: ['https://app.example.org'], credentials: true, maxAgeSeconds: 60 } },
  });
  assert.deepEqual(found, {
    origins: ['https://app.example.org'],
    methods: ['*', 'POST'],
    allowHeaders: ['authorization', 'content-type', 'if-match'],
    exposeHeaders: ['etag', 'x-request-id'],
    credentials: true,
    maxAgeSeconds: 60,
  });
});
