/** Prints the cost table of the stages, of dev without NAT, and what ADR-001 says. */
import { table } from '../cost/cost.ts';
import { profiles } from '../cost/profiles.ts';

console.log(table(profiles()));
