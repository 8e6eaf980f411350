import { expect, test } from 'vitest';
import { createRedactor } from '../../logger/index.js';
import type { Io } from '../io.js';
import { showCertificates } from './show.js';

function io() {
  const out: string[] = [];
  const err: string[] = [];
  const sink = (to: string[]) => ({ write: (text: string) => to.push(text) > 0 });
  const fake = { stdout: sink(out), stderr: sink(err), redactor: createRedactor() } as unknown as Io;
  return { fake, out: () => out.join(''), err: () => err.join('') };
}

const certificates = [
  {
    host: 'm1',
    path: '/etc/kubernetes/pki/apiserver.crt',
    state: 'present',
    subject: 'CN="x"',
    sans: ['DNS:m1', 'IP:10.0.0.11'],
    expiresAt: '2027-01-01T00:00:00.000Z',
    daysLeft: 5,
    isSignedByOwn: false,
  },
  { host: 'm2', path: '/etc/kubernetes/pki/ca.crt', state: 'missing' },
] as const;
const shown = { cluster: 'prod', certificates, warnDays: 30, next: 'kubexm certs renew' };

test('a table, what is wrong, and what to type next', () => {
  const { fake, out, err } = io();
  expect(showCertificates(fake, { ...shown, output: 'text' })).toBe(3);
  expect(out().split('\n')[1]).toBe(
    'm1    /etc/kubernetes/pki/apiserver.crt  5        CN="x"   m1,10.0.0.11  is not signed by the CA of the work directory',
  );
  expect(err()).toContain('/etc/kubernetes/pki/apiserver.crt on m1 runs out in 5 days\n');
  expect(err()).toContain('/etc/kubernetes/pki/ca.crt on m2 is missing\nNext: kubexm certs renew\n');
});

test("a registry's CA is the user's own file, which nobody renews", () => {
  const registry = { ...certificates[0], path: '/etc/containerd/certs.d/images.example/ca.crt', source: '/srv/ca.pem' };
  const { fake, err } = io();
  showCertificates(fake, { ...shown, certificates: [registry], output: 'text' });
  expect(err()).toContain('/etc/containerd/certs.d/images.example/ca.crt on m1 runs out in 5 days\nNext: put the CA ');
});

test('a rotation that is half done comes before all else', () => {
  const half = { ...certificates[0], path: '/etc/etcd/pki/ca.pem', trusted: 2 };
  const { fake, err } = io();
  showCertificates(fake, { ...shown, certificates: [certificates[1], half], output: 'text' });
  expect(err()).toContain('Next: kubexm certs rotate-ca etcd\n');
});

test('metrics: when each runs out, its drift, and whether it is there', () => {
  const { fake, out } = io();
  expect(showCertificates(fake, { ...shown, output: 'prometheus' })).toBe(3);
  const at = 'cluster="prod",host="m1",path="/etc/kubernetes/pki/apiserver.crt"';
  expect(out()).toContain(
    `\nkubexm_certificate_expiry_timestamp_seconds{${at},subject="CN=\\"x\\""} ${Date.UTC(2027, 0) / 1000}\n`,
  );
  expect(out()).toContain(`\nkubexm_certificate_drift{${at}} 1\n`);
  expect(out()).toMatch(/kubexm_certificate_present\{cluster="prod",host="m2",.*\} 0\n$/);
});

test('0 where nothing is wrong; 3 where a host could not be asked', () => {
  const good = { ...certificates[0], isSignedByOwn: true, daysLeft: 300 };
  const of = (each: object) => showCertificates(io().fake, { ...shown, certificates: [each as never], output: 'json' });
  expect(of(good)).toBe(0);
  expect(of({ host: 'm2', path: '/x', state: 'unknown' })).toBe(3);
});
