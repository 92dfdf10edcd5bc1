// What Clerk's own SDK takes to verify a session token: nanoseconds of processor time, the median of batches.
// Reads one line of JSON from `cargo bench --bench auth` on its standard input.
import { readFileSync } from 'node:fs';
import { verifyToken } from '@clerk/backend';

const { token, key, authorized_party } = JSON.parse(readFileSync(0, 'utf8'));
const options = { jwtKey: key, authorizedParties: [authorized_party] };
const once = async () => {
  const claims = await verifyToken(token, options);
  if (claims.sub !== 'user_2benchmark') throw new Error('the token was not verified');
};
const spent = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
};

// Long enough for the JIT to have compiled all of it.
for (let i = 0; i < 2000; i++) await once();
const costs = [];
for (let batch = 0; batch < 61; batch++) {
  const start = spent();
  for (let i = 0; i < 100; i++) await once();
  costs.push((spent() - start) / 100);
}
costs.sort((a, b) => a - b);
console.log(JSON.stringify({ verify_ns: costs[30] }));
