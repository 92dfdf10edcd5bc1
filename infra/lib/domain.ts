/** A name of one's own for the HTTP API: TLS 1.2 at least, and the alias record where the zone is ours. */
import * as apigateway from 'aws-cdk-lib/aws-apigatewayv2';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as route53 from 'aws-cdk-lib/aws-route53';
import { ApiGatewayv2DomainProperties } from 'aws-cdk-lib/aws-route53-targets';
import { Construct } from 'constructs';
import type { DomainConfig } from './config.ts';

export interface DomainProps {
  readonly domain: DomainConfig;
  readonly api: apigateway.HttpApi;
  readonly stage: apigateway.HttpStage;
}

export class Domain extends Construct {
  readonly url: string;

  constructor(scope: Construct, id: string, { domain, api, stage }: DomainProps) {
    super(scope, id);
    const name = new apigateway.DomainName(this, 'Name', {
      domainName: domain.name,
      certificate: acm.Certificate.fromCertificateArn(this, 'Certificate', domain.certificateArn),
      securityPolicy: apigateway.SecurityPolicy.TLS_1_2,
    });
    new apigateway.ApiMapping(this, 'Mapping', { api, domainName: name, stage });
    if (domain.zone) {
      const { id: hostedZoneId, name: zoneName } = domain.zone;
      new route53.ARecord(this, 'Record', {
        zone: route53.HostedZone.fromHostedZoneAttributes(this, 'Zone', { hostedZoneId, zoneName }),
        recordName: domain.name,
        target: route53.RecordTarget.fromAlias(
          new ApiGatewayv2DomainProperties(name.regionalDomainName, name.regionalHostedZoneId),
        ),
      });
    }
    this.url = `https://${domain.name}`;
  }
}
