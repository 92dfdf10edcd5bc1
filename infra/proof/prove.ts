/** What must hold of the network, and every way in which a template breaks it. */
import { INTERNET, read, type Edge, type Graph, type Kind, type Template } from './graph.ts';

/** The sentences that the template has to fulfil; empty where it does. */
export function violations(template: Template): string[] {
  const graph = read(template);
  return [
    ...graph.problems,
    ...onlyPath(graph),
    ...onlyTheGateway(graph),
    ...noWayOut(graph),
    ...nothingElse(graph),
    ...natsStandInPublic(graph),
  ];
}

/** Every path without a repetition, from one node to those of a kind. */
export function paths(graph: Graph, from: string, kind: Kind): string[][] {
  const targets = new Set(graph.nodes.filter((node) => node.kind === kind).map(({ id }) => id));
  const found: string[][] = [];
  const walk = (path: readonly string[]) => {
    const last = path.at(-1) ?? from;
    if (targets.has(last)) {
      found.push([...path]);
      return;
    }
    for (const edge of graph.edges) {
      if (edge.from === last && !path.includes(edge.to)) walk([...path, edge.to]);
    }
  };
  walk([from]);
  return found;
}

/** From the internet to the database there is one way: gateway, function, proxy. */
function onlyPath(graph: Graph): string[] {
  const kinds = paths(graph, INTERNET, 'database').map((path) =>
    path.map((id) => kind(graph, id)).join(' -> '),
  );
  const right = 'internet -> gateway -> function -> proxy -> database';
  const wrong = kinds.filter((path) => path !== right).map((path) => `the database is reached by ${path}`);
  return kinds.includes(right) ? wrong : [...wrong, `the database is not reached by ${right}`];
}

/** Nothing but the gateway can be called from outside. */
function onlyTheGateway(graph: Graph): string[] {
  const doors = graph.edges.filter(({ from, to }) => from === INTERNET && kind(graph, to) !== 'gateway');
  return doors.map(({ to, how }) => `${to} can be reached from the internet (${how})`);
}

/** The subnets of the database and of the proxy: no way out of the first, none past NAT out of the second. */
function noWayOut(graph: Graph): string[] {
  const found: string[] = [];
  for (const { id, kind, subnets } of graph.nodes) {
    for (const subnet of subnets) {
      const exit = graph.subnets.get(subnet)?.exit;
      if (kind === 'database' && exit !== 'none')
        found.push(`${id}: its subnet ${subnet} has a way out (${exit})`);
      if (exit === 'internet') found.push(`${id}: its subnet ${subnet} is public`);
    }
  }
  const databases = new Set(
    graph.nodes.filter((node) => node.kind === 'database').flatMap(({ subnets }) => subnets),
  );
  for (const node of graph.nodes) {
    if (node.kind === 'database') continue;
    const shared = node.subnets.filter((subnet) => databases.has(subnet));
    if (shared.length > 0) found.push(`${node.id}: stands in a subnet of the database`);
  }
  return found;
}

/** Which connections there may be at all, and on which port. */
const ALLOWED: readonly { from: Kind; to: Kind; how: string; nat?: boolean }[] = [
  { from: 'internet', to: 'gateway', how: '443' },
  { from: 'gateway', to: 'function', how: 'invoke' },
  { from: 'provider', to: 'function', how: 'invoke' },
  { from: 'function', to: 'proxy', how: '5432' },
  { from: 'proxy', to: 'database', how: '5432' },
  { from: 'function', to: 'internet', how: '443', nat: true },
  { from: 'function', to: 'endpoint', how: '443' },
];

function nothingElse(graph: Graph): string[] {
  const isAllowed = ({ from, to, how, nat }: Edge) =>
    ALLOWED.some(
      (allowed) =>
        allowed.from === kind(graph, from) &&
        allowed.to === kind(graph, to) &&
        allowed.how === how &&
        (allowed.nat ?? false) === (nat ?? false),
    );
  const wrong = graph.edges.filter((edge) => !isAllowed(edge));
  return wrong.map(({ from, to, how }) => `${from} -> ${to} (${how}) is not part of the design`);
}

function natsStandInPublic(graph: Graph): string[] {
  const found: string[] = [];
  for (const [nat, subnet] of graph.nats) {
    if (graph.subnets.get(subnet)?.exit !== 'internet')
      found.push(`${nat}: stands in ${subnet}, which has no way out`);
  }
  for (const { id, nat } of graph.subnets.values()) {
    if (nat !== undefined && !graph.nats.has(nat)) found.push(`${id}: its way out, ${nat}, does not exist`);
  }
  return found;
}

function kind(graph: Graph, id: string): Kind | 'unknown' {
  return graph.nodes.find((node) => node.id === id)?.kind ?? 'unknown';
}
