/**
 * The network of a synthesized template as a graph: who may open a connection to whom, and why.
 *
 * A path exists where routes, the egress of the source's groups and the ingress of the target's groups all allow it. What
 * the template says and this does not understand is an error, never a guess: an unknown reference, a rule without a
 * port, a resource that puts an interface into the network and is not known here.
 *
 * Not modelled: network ACLs (refused where a template has any), IPv6 (refused), IAM beyond who may invoke a function.
 */

/** A template, as CDK writes it. */
export interface Template {
  readonly Resources: Readonly<Record<string, TemplateResource>>;
}

export interface TemplateResource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
}

/** What has an interface in a subnet, or is outside. */
export type Kind = 'internet' | 'gateway' | 'function' | 'proxy' | 'database' | 'endpoint' | 'provider';

export interface Node {
  readonly id: string;
  readonly kind: Kind;
  readonly subnets: readonly string[];
  readonly groups: readonly string[];
}

export interface Edge {
  readonly from: string;
  readonly to: string;
  /** `5432`, `443`, or `invoke`. */
  readonly how: string;
  /** Through a NAT gateway. */
  readonly nat?: boolean;
}

export interface Subnet {
  readonly id: string;
  /** Where its default route leads. */
  readonly exit: 'internet' | 'nat' | 'none';
  readonly nat?: string;
}

export interface Graph {
  readonly nodes: readonly Node[];
  readonly edges: readonly Edge[];
  readonly subnets: ReadonlyMap<string, Subnet>;
  /** Where each NAT gateway stands. */
  readonly nats: ReadonlyMap<string, string>;
  /** What could not be understood, or is not allowed to be there at all. */
  readonly problems: readonly string[];
}

export const INTERNET = 'Internet';

interface Rule {
  readonly peer: { readonly group: string } | { readonly cidr: string };
  readonly from: number;
  readonly to: number;
}

interface Group {
  readonly egress: Rule[];
  readonly ingress: Rule[];
}

export function read(template: Template): Graph {
  return new Reader(template).read();
}

class Reader {
  private readonly problems: string[] = [];
  private readonly groups = new Map<string, Group>();
  private readonly template: Template;

  constructor(template: Template) {
    this.template = template;
  }

  read(): Graph {
    this.refuseUnmodelled();
    this.readGroups();
    const nats = new Map(
      this.all('AWS::EC2::NatGateway').map(([id, nat]) => [id, this.id(nat['SubnetId'], id)]),
    );
    const subnets = this.readSubnets();
    const nodes = this.readNodes();
    const edges = [...this.invocations(nodes), ...this.connections(nodes, subnets)];
    return { nodes, edges, subnets, nats, problems: this.problems };
  }

  private refuseUnmodelled() {
    for (const [id, { Type, Properties }] of Object.entries(this.template.Resources)) {
      const ipv6 = /"(CidrIpv6|DestinationIpv6CidrBlock|Ipv6CidrBlock)"/.test(
        JSON.stringify(Properties ?? {}),
      );
      if (ipv6) this.problems.push(`${id}: IPv6 is not modelled`);
      if (UNMODELLED.test(Type)) this.problems.push(`${id}: ${Type} is not modelled`);
    }
  }

  private readGroups() {
    const all = this.all('AWS::EC2::SecurityGroup');
    for (const [id] of all) this.groups.set(id, { egress: [], ingress: [] });
    for (const [id, properties] of all) {
      const egress = list(properties['SecurityGroupEgress']);
      // Without a rule, EC2 adds one that allows everything.
      if (egress.length === 0)
        this.problems.push(`${id}: a group without egress rules gets one for all traffic`);
      this.groups.get(id)?.egress.push(...egress.flatMap((rule) => this.rule(id, rule, 'Destination')));
      const ingress = list(properties['SecurityGroupIngress']);
      this.groups.get(id)?.ingress.push(...ingress.flatMap((rule) => this.rule(id, rule, 'Source')));
    }
    for (const [id, rule] of this.all('AWS::EC2::SecurityGroupIngress')) {
      this.groups.get(this.id(rule['GroupId'], id))?.ingress.push(...this.rule(id, rule, 'Source'));
    }
    for (const [id, rule] of this.all('AWS::EC2::SecurityGroupEgress')) {
      this.groups.get(this.id(rule['GroupId'], id))?.egress.push(...this.rule(id, rule, 'Destination'));
    }
  }

  private rule(id: string, rule: Readonly<Record<string, unknown>>, end: 'Source' | 'Destination'): Rule[] {
    const protocol = rule['IpProtocol'];
    const { CidrIp: cidr, FromPort: from, ToPort: to } = rule;
    if (cidr === '255.255.255.255/32') return [];
    const group = rule[`${end}SecurityGroupId`];
    const everything = protocol === '-1' || protocol === -1;
    if (!everything && (typeof from !== 'number' || typeof to !== 'number' || protocol !== 'tcp')) {
      this.problems.push(`${id}: a rule that is not of TCP ports in numbers`);
      return [];
    }
    const ports = everything ? { from: 0, to: 65535 } : { from: from as number, to: to as number };
    if (typeof cidr === 'string') return [{ peer: { cidr }, ...ports }];
    if (group !== undefined) return [{ peer: { group: this.id(group, id) }, ...ports }];
    this.problems.push(`${id}: a rule for neither a group nor addresses`);
    return [];
  }

  private readSubnets(): Map<string, Subnet> {
    const tables = new Map(
      this.all('AWS::EC2::SubnetRouteTableAssociation').map(([id, association]) => [
        this.id(association['SubnetId'], id),
        this.id(association['RouteTableId'], id),
      ]),
    );
    const subnets = new Map<string, Subnet>();
    for (const [id, properties] of this.all('AWS::EC2::Subnet')) {
      const table = tables.get(id);
      if (!table) this.problems.push(`${id}: a subnet without a route table of its own`);
      if (properties['MapPublicIpOnLaunch'] === true) this.problems.push(`${id}: gives out public addresses`);
      subnets.set(id, { id, exit: 'none' });
      for (const [route, target] of this.all('AWS::EC2::Route')) {
        if (this.id(target['RouteTableId'], route) !== table) continue;
        if (target['GatewayId'] !== undefined) subnets.set(id, { id, exit: 'internet' });
        else if (target['NatGatewayId'] !== undefined) {
          subnets.set(id, { id, exit: 'nat', nat: this.id(target['NatGatewayId'], route) });
        } else this.problems.push(`${route}: leads to neither an internet gateway nor NAT`);
      }
    }
    return subnets;
  }

  private readNodes(): Node[] {
    const nodes: Node[] = [{ id: INTERNET, kind: 'internet', subnets: [], groups: [] }];
    const add = (kind: Kind, id: string, subnets: unknown, groups: unknown) => {
      const ids = (value: unknown) => list(value).map((one) => this.id(one, id));
      nodes.push({ id, kind, subnets: ids(subnets), groups: ids(groups) });
    };
    for (const [id] of this.all('AWS::ApiGatewayV2::Api')) add('gateway', id, [], []);
    for (const [id, lambda] of this.all('AWS::Lambda::Function')) {
      const vpc = lambda['VpcConfig'] as Record<string, unknown> | undefined;
      if (vpc) add('function', id, vpc['SubnetIds'], vpc['SecurityGroupIds']);
      else add('provider', id, [], []);
    }
    for (const [id, proxy] of this.all('AWS::RDS::DBProxy')) {
      add('proxy', id, proxy['VpcSubnetIds'], proxy['VpcSecurityGroupIds']);
    }
    for (const [id, database] of this.all('AWS::RDS::DBInstance')) {
      const group = this.template.Resources[this.id(database['DBSubnetGroupName'], id)];
      add('database', id, group?.Properties?.['SubnetIds'], database['VPCSecurityGroups']);
      if (database['PubliclyAccessible'] !== false) this.problems.push(`${id}: is publicly accessible`);
    }
    for (const [id, endpoint] of this.all('AWS::EC2::VPCEndpoint')) {
      add('endpoint', id, endpoint['SubnetIds'], endpoint['SecurityGroupIds']);
    }
    for (const { id, kind, groups, subnets } of nodes) {
      const inNetwork = kind !== 'internet' && kind !== 'gateway' && kind !== 'provider';
      if (inNetwork && (groups.length === 0 || subnets.length === 0)) {
        this.problems.push(`${id}: has no group or no subnet of its own, and gets those of the VPC`);
      }
    }
    return nodes;
  }

  /** Who may invoke a function: the gateway's permission, and the function that CDK calls migrations by. */
  private invocations(nodes: readonly Node[]): Edge[] {
    const edges: Edge[] = this.all('AWS::ApiGatewayV2::Api').map(([id]) => ({
      from: INTERNET,
      to: id,
      how: '443',
    }));
    for (const [id, permission] of this.all('AWS::Lambda::Permission')) {
      const to = this.functionOf(permission['FunctionName'], id);
      const source = nodes.find(
        ({ kind, id: api }) => kind === 'gateway' && mentions(permission['SourceArn'], api),
      );
      if (permission['Principal'] === 'apigateway.amazonaws.com' && source)
        edges.push({ from: source.id, to, how: 'invoke' });
      else edges.push({ from: INTERNET, to, how: 'invoke' });
    }
    // A URL of a function is a door of its own, whatever its authentication.
    for (const [id, url] of this.all('AWS::Lambda::Url')) {
      edges.push({ from: INTERNET, to: this.functionOf(url['TargetFunctionArn'], id), how: 'invoke' });
    }
    for (const [id, trigger] of this.all('Custom::Trigger')) {
      const from = this.id(trigger['ServiceToken'], id);
      edges.push({ from, to: this.functionOf(trigger['HandlerArn'], id), how: 'invoke' });
    }
    return edges;
  }

  /** The function of a function's name, alias or version. */
  private functionOf(value: unknown, at: string): string {
    const id = this.id(value, at);
    const resource = this.template.Resources[id];
    if (resource?.Type === 'AWS::Lambda::Alias' || resource?.Type === 'AWS::Lambda::Version') {
      return this.functionOf(resource.Properties?.['FunctionName'], id);
    }
    return id;
  }

  private connections(nodes: readonly Node[], subnets: ReadonlyMap<string, Subnet>): Edge[] {
    const edges: Edge[] = [];
    const inside = nodes.filter(({ groups }) => groups.length > 0);
    for (const from of inside) {
      for (const to of inside) {
        if (from === to) continue;
        for (const port of this.ports(from, to)) edges.push({ from: from.id, to: to.id, how: port });
      }
      for (const rule of this.egress(from)) {
        if (!('cidr' in rule.peer)) continue;
        const exits = from.subnets.map((id) => subnets.get(id)?.exit ?? 'none');
        if (exits.includes('internet')) edges.push({ from: from.id, to: INTERNET, how: name(rule) });
        if (exits.includes('nat')) edges.push({ from: from.id, to: INTERNET, how: name(rule), nat: true });
      }
    }
    // From outside one needs an address inside, which only a subnet with an internet gateway can give.
    for (const to of inside) {
      if (!to.subnets.some((id) => subnets.get(id)?.exit === 'internet')) continue;
      for (const rule of this.ingress(to)) {
        if ('cidr' in rule.peer) edges.push({ from: INTERNET, to: to.id, how: name(rule) });
      }
    }
    return edges;
  }

  /** Ports on which a rule of the source and a rule of the target meet. */
  private ports(from: Node, to: Node): string[] {
    const outward = this.egress(from).filter(({ peer }) =>
      'cidr' in peer ? true : to.groups.includes(peer.group),
    );
    const inward = this.ingress(to).filter(({ peer }) =>
      'cidr' in peer ? true : from.groups.includes(peer.group),
    );
    const found = new Set<string>();
    for (const out of outward) {
      for (const into of inward) {
        const [low, high] = [Math.max(out.from, into.from), Math.min(out.to, into.to)];
        if (low <= high) found.add(low === high ? String(low) : `${low}-${high}`);
      }
    }
    return [...found];
  }

  private egress(node: Node): Rule[] {
    return node.groups.flatMap((id) => this.groups.get(id)?.egress ?? []);
  }

  private ingress(node: Node): Rule[] {
    return node.groups.flatMap((id) => this.groups.get(id)?.ingress ?? []);
  }

  private all(type: string): [string, Readonly<Record<string, unknown>>][] {
    const found = Object.entries(this.template.Resources).filter(([, resource]) => resource.Type === type);
    return found.map(([id, resource]) => [id, resource.Properties ?? {}]);
  }

  /** The resource that a reference names; of another stack or none, it is a problem. */
  private id(value: unknown, at: string): string {
    const reference = value as { Ref?: string; 'Fn::GetAtt'?: [string, string] } | undefined;
    const id = reference?.Ref ?? reference?.['Fn::GetAtt']?.[0];
    if (id !== undefined && id in this.template.Resources) return id;
    this.problems.push(`${at}: refers to ${JSON.stringify(value)}, which is not in the template`);
    return `unknown:${at}`;
  }
}

/** What would add interfaces, doors or routes that nothing here looks at. */
const UNMODELLED =
  /^AWS::(EC2::(Instance|LaunchTemplate|NetworkInterface|NetworkAcl.*|TransitGateway.*|VPCPeeringConnection|VPNGateway|ClientVpn.*|EgressOnlyInternetGateway|CarrierGateway)|ElasticLoadBalancing.*|ApiGateway::.*|AppRunner.*|ECS.*|CloudFormation::Stack|RDS::(DBCluster|DBProxyEndpoint)|SecretsManager::RotationSchedule|ApiGatewayV2::VpcLink)/;

function list(value: unknown): Readonly<Record<string, unknown>>[] {
  return (value ?? []) as Readonly<Record<string, unknown>>[];
}

function name(rule: Rule): string {
  return rule.from === rule.to ? String(rule.from) : `${rule.from}-${rule.to}`;
}

function mentions(value: unknown, id: string): boolean {
  return JSON.stringify(value ?? '').includes(JSON.stringify({ Ref: id }));
}
