import { execFile } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import { kubeconfigServer } from '../../../src/runtime/serving-api.js';
import { privateKeyPem } from '../../../src/step/pki/files.js';
import { issueCa, issueSigned, newEcKey } from '../../../src/step/pki/issue.js';
import { endsWithScenario, type ScenarioTools } from './tools.js';

const pki = '/etc/kubernetes/pki';

/** A certificate as `kubexm certs list -o json` has it. */
export interface ListedCertificate {
  readonly host: string;
  readonly path: string;
  readonly state: string;
  readonly daysLeft?: number;
  readonly serial?: string;
  readonly isSignedByOwn?: boolean;
  readonly trusted?: number;
}

/** `kubexm certs list -o json`, whatever its exit code. */
export async function listCertificates(t: ScenarioTools, args: readonly string[] = []) {
  const result = await t.kubexm(['certs', 'list', '-o', 'json', ...args]);
  const listed = JSON.parse(result.stdout) as {
    readonly problems: readonly string[];
    readonly certificates: readonly ListedCertificate[];
  };
  return { exitCode: result.exitCode, ms: result.ms, ...listed };
}

/** A certificate of the cluster's own CA, or of etcd's, that ends in so many days, for the same names as one that is there. */
async function issuedLike(
  t: ScenarioTools,
  { cluster, like, days, ca = 'ca' }: { cluster: string; like: string; days: number; ca?: string },
) {
  const certs = join(t.dir, '.kubexm', cluster, 'certs');
  const files =
    ca === 'etcd' ? ['etcd/ca.pem', 'etcd/ca-key.pem'] : ['crt', 'key'].map((end) => `kubernetes/${ca}.${end}`);
  const [caPem, caKey] = await Promise.all(files.map((name) => readFile(join(certs, name), 'utf8')));
  const old = new X509Certificate(like);
  const sans = (old.subjectAltName ?? '').split(', ').filter(Boolean);
  const of = (prefix: string) => sans.filter((san) => san.startsWith(prefix)).map((san) => san.slice(prefix.length));
  const attribute = (name: string) =>
    [(old.toLegacyObject().subject as Record<string, string | string[]>)[name] ?? []].flat();
  const key = await newEcKey();
  const cert = await issueSigned({
    key,
    ca: { certificate: new X509Certificate(caPem ?? ''), key: createPrivateKey(caKey ?? '') },
    subject: { commonName: attribute('CN')[0] ?? '', organizations: attribute('O') },
    usages: sans.length === 0 ? ['client'] : ca === 'etcd' ? ['server', 'client'] : ['server'],
    sans: { dns: of('DNS:'), ips: of('IP Address:') },
    validDays: days,
  });
  return { cert, key: privateKeyPem(key) };
}

/** A CA's certificate and its key, in files. */
export interface CaFiles {
  readonly cert: string;
  readonly key: string;
}

/** What `kubexm certs csr` asks for. */
export interface RequestedCertificate {
  readonly host: string;
  readonly name: string;
}

/** Asked for; the directory of before has what was imported. */
export async function requestCertificates(t: ScenarioTools): Promise<readonly RequestedCertificate[]> {
  const { stdout } = await t.kubexmOk(['certs', 'csr', 'requests', '-o', 'json']);
  return (JSON.parse(stdout) as { requests: RequestedCertificate[] }).requests;
}

/** As somebody would who has the key of the CA, and no kubexm. */
export async function signRequest(
  t: ScenarioTools,
  { host, name }: RequestedCertificate,
  { ca, days, as = name }: { readonly ca: CaFiles; readonly days: number; readonly as?: string },
): Promise<void> {
  const file = (end: string) => join(t.dir, 'requests', host, end);
  const by = ['-CA', ca.cert, '-CAkey', ca.key, '-days', String(days), '-copy_extensions', 'copyall'];
  await promisify(execFile)('openssl', ['x509', '-req', '-in', file(`${name}.csr`), ...by, '-out', file(`${as}.crt`)]);
}

/** A CA as a company has it, RSA, in two files of the scenario's directory. */
export async function companyCa(t: ScenarioTools, name: string): Promise<CaFiles> {
  const { privateKey: key } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const files = { cert: join(t.dir, `${name}.crt`), key: join(t.dir, `${name}.key`) };
  await writeFile(files.cert, await issueCa({ key, subject: { commonName: name }, validDays: 1000 }));
  await writeFile(files.key, privateKeyPem(key), { mode: 0o600 });
  return files;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');
const firstPem = (text: string) => /-+BEGIN CERTIFICATE-+[^]*?-+END CERTIFICATE-+\n?/.exec(text)?.[0] ?? '';

/** Puts certificates that end in so many days onto a control plane, and restarts what reads them. */
export async function shortenControlPlane(
  t: ScenarioTools,
  { cluster, host, days }: { cluster: string; host: string; days: number },
): Promise<readonly string[]> {
  const changed: string[] = [];
  for (const name of ['apiserver', 'apiserver-kubelet-client', 'front-proxy-client']) {
    const like = await t.onHost(host, `cat ${pki}/${name}.crt`);
    const ca = name === 'front-proxy-client' ? 'front-proxy-ca' : 'ca';
    const { cert, key } = await issuedLike(t, { cluster, like, days, ca });
    await t.onHost(
      host,
      `umask 077; echo ${base64(key)} | base64 -d >${pki}/${name}.key; echo ${base64(cert)} | base64 -d >${pki}/${name}.crt`,
    );
    changed.push(`${pki}/${name}.crt`);
  }
  for (const name of ['admin.conf', 'controller-manager.conf', 'scheduler.conf']) {
    const path = `/etc/kubernetes/${name}`;
    const text = await t.onHost(host, `sed -n 's/^ *client-certificate-data: //p' ${path}`);
    const { cert, key } = await issuedLike(t, { cluster, like: Buffer.from(text, 'base64').toString(), days });
    await t.onHost(
      host,
      `sed -i -e 's|\\(client-certificate-data: \\).*|\\1${base64(cert)}|' -e 's|\\(client-key-data: \\).*|\\1${base64(key)}|' ${path}`,
    );
    changed.push(path);
  }
  return changed;
}

/** Puts certificates of etcd that end in so many days onto a host: those of them that it has. Their paths. */
export async function shortenEtcd(
  t: ScenarioTools,
  { cluster, host, days }: { cluster: string; host: string; days: number },
): Promise<readonly string[]> {
  const changed: string[] = [];
  for (const name of ['admin', 'apiserver-etcd-client', 'server', 'peer']) {
    const path = `/etc/etcd/pki/${name}`;
    const like = await t.onHost(host, `cat ${path}.pem 2>/dev/null || :`);
    if (like === '') continue;
    const { cert, key } = await issuedLike(t, { cluster, like, days, ca: 'etcd' });
    await t.onHost(
      host,
      `umask 077; echo ${base64(key)} | base64 -d >${path}-key.pem; echo ${base64(cert)} | base64 -d >${path}.pem`,
    );
    changed.push(`${path}.pem`);
  }
  return changed;
}

/** Gives a kubelet a certificate that ends in so many days, and restarts it. */
export async function shortenKubelet(
  t: ScenarioTools,
  { cluster, host, days }: { cluster: string; host: string; days: number },
): Promise<void> {
  const path = '/var/lib/kubelet/pki/kubelet-client-current.pem';
  const like = firstPem(await t.onHost(host, `cat ${path}`));
  const { cert, key } = await issuedLike(t, { cluster, like, days });
  const file = '/var/lib/kubelet/pki/kubelet-client-scenario.pem';
  await t.onHost(
    host,
    `umask 077; echo ${base64(`${cert}${key}`)} | base64 -d >${file}; ln -sfn ${file} ${path}; systemctl restart kubelet`,
  );
}

/** What an apiserver shows in the handshake: serial number, and when it ends. */
export async function servedCertificate(
  address: string,
  port = 6443,
): Promise<{ readonly serial: string; readonly daysLeft: number }> {
  return await new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, rejectUnauthorized: false, timeout: 5000 }, () => {
      const { serialNumber, valid_to: end } = socket.getPeerCertificate();
      socket.destroy();
      resolve({ serial: serialNumber, daysLeft: (Date.parse(end) - Date.now()) / 86_400_000 });
    });
    socket.on('error', reject);
    socket.on('timeout', () => socket.destroy(new Error(`${address}:${port} does not answer`)));
  });
}

/** A client with the administrator's kubeconfig as it is in the moment, ten times a second, with a new connection each time. */
export async function probeAsAdministrator(
  t: ScenarioTools,
  { cluster, controlPlanes }: { cluster: string; controlPlanes: readonly string[] },
): Promise<{
  stop(): Promise<{ readonly answers: number; readonly retried: number; readonly failures: readonly string[] }>;
}> {
  const path = join(t.dir, '.kubexm', cluster, 'kubeconfig');
  const servers = controlPlanes.map((name) => t.hosts.find((host) => host.name === name)?.address ?? '');
  let [stopped, answers, retried] = [false, 0, 0];
  const failures: string[] = [];
  const probing = (async () => {
    for (let turn = 0; !stopped; turn += 1) {
      const server = servers[turn % servers.length] ?? '';
      const problem = await askAs(path, server);
      if (problem === undefined) answers += 1;
      else {
        await t.sleep(1000);
        // A client behind a load balancer tries again, and comes to another one.
        const other = servers[(turn + 1) % servers.length] ?? '';
        const second = await askAs(path, other);
        if (second === undefined) retried += 1;
        else failures.push(`${new Date().toISOString()} ${server}: ${problem}; then ${other}: ${second}`);
      }
      await t.sleep(100);
    }
  })();
  endsWithScenario(t, probing, () => {
    stopped = true;
  });
  return {
    async stop() {
      stopped = true;
      await probing;
      return { answers, retried, failures };
    },
  };
}

/** Undefined where the API of that server answers to the kubeconfig. */
export async function askAs(path: string, server: string): Promise<string | undefined> {
  const { credentials } = await kubeconfigServer(await readFile(path, 'utf8'));
  return await new Promise((resolve) => {
    const url = `https://${server}:6443/api/v1/namespaces/default/configmaps/kube-root-ca.crt`;
    const asked = request(url, { ...credentials, agent: false, timeout: 3000 }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode === 200 ? undefined : `HTTP ${answer.statusCode}`));
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer')));
    asked.on('error', (error) => resolve(error.message));
    asked.end();
  });
}

/** On a control plane: only those have kubectl. */
const client = (node: string) => `
apiVersion: v1
kind: Pod
metadata: { name: client, namespace: default }
spec:
  nodeName: ${node}
  terminationGracePeriodSeconds: 0
  containers:
    - name: client
      image: docker.io/library/busybox:1.36
      command:
        - sh
        - -c
        - |
          account=/var/run/secrets/kubernetes.io/serviceaccount
          cp $account/ca.crt /tmp/kept.crt
          ask() { timeout 8 /kubectl --server=https://$KUBERNETES_SERVICE_HOST:443 --certificate-authority=$1 --token=$(cat $account/token) --request-timeout=5s get --raw=/api >/dev/null 2>/tmp/why; }
          while :; do
            for ca in $account/ca.crt /tmp/kept.crt; do
              if ask $ca; then echo "answer $ca"; elif sleep 1; ask $ca; then echo "retried $ca"; else echo "failure $ca $(date -u) $(tail -n 1 /tmp/why)"; fi
            done
            sleep 0.3
          done
      volumeMounts: [{ name: kubectl, mountPath: /kubectl }]
  volumes: [{ name: kubectl, hostPath: { path: /usr/local/bin/kubectl, type: File } }]
`;

/**
 * A pod that asks the API as its service account, trusting the CA that it is given now, and in turn the one that it was started
 * with, as programs do that read it once.
 */
export async function startClientPod(
  t: ScenarioTools,
  { on }: { readonly on: string },
): Promise<{
  counts(): Promise<{ readonly answers: number; readonly retried: number; readonly failures: readonly string[] }>;
}> {
  await t.kubectl('apply -f -', { stdin: client(on) });
  await t.kubectl('wait pod/client --for=condition=Ready --timeout=120s');
  return {
    async counts() {
      const lines = (await t.kubectl('logs client --tail=-1')).split('\n');
      const of = (word: string) => lines.filter((line) => line.startsWith(`${word} `));
      return { answers: of('answer').length, retried: of('retried').length, failures: of('failure') };
    },
  };
}
