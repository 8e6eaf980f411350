#!/usr/bin/env bash
# Makes a Kubernetes cluster by hand: what an administrator who knows it well would type, with as much in parallel as a shell allows. The first host
# becomes control plane and etcd, the others workers. It is the yardstick for `npm run bench:create`, and shows that the lab's hosts carry a cluster.
#   bench/create-by-hand.sh [ADDRESS...]      default: the lab's first three hosts, freshly reset
set -euo pipefail

FILES=${FILES:-http://10.99.0.1:8080}
REGISTRY=${REGISTRY:-http://10.99.0.1:5000}
KEY=${KEY:-/var/lib/kubexm-lab/id_ed25519}
KUBERNETES=${KUBERNETES:-v1.34.4} ETCD=${ETCD:-v3.6.14} CONTAINERD=${CONTAINERD:-2.1.9} RUNC=${RUNC:-v1.3.6} CNI=${CNI:-v1.9.1}
CRICTL=${CRICTL:-v1.34.0} PAUSE=${PAUSE:-3.10.1} COREDNS=${COREDNS:-v1.14.7} FLANNEL=${FLANNEL:-v0.28.4} FLANNEL_CNI=${FLANNEL_CNI:-v1.9.1-flannel1}
[ $# -gt 0 ] || set -- 10.99.0.11 10.99.0.12 10.99.0.13
FIRST=$1
ENDPOINT=lb.kubexm.local

work=$(mktemp -d)
began=$(date +%s%N)
say() { printf '%6.1f s  %s\n' "$(( ($(date +%s%N) - began) / 1000000 ))e-3" "$*"; }
ssh_options=(-i "$KEY" -o BatchMode=yes -o LogLevel=ERROR -o StrictHostKeyChecking=accept-new -o "UserKnownHostsFile=$work/known_hosts"
  -o ControlMaster=auto -o "ControlPath=$work/%h" -o ControlPersist=60)
on() { local host=$1; shift; ssh "${ssh_options[@]}" "root@$host" "$@"; }
close_connections() { for socket in "$work"/[0-9]*; do [ -S "$socket" ] && ssh -O exit -o "ControlPath=$socket" x 2>/dev/null || true; done; rm -rf "$work"; }
trap close_connections EXIT
# Waits for background jobs by id; fails with the first that failed.
join() { local id; for id in "$@"; do wait "$id"; done; }

# --- what runs on the hosts -------------------------------------------------------------------------------------------------------------------

fetch_function() {
  cat <<'END'
set -euo pipefail
# fetch URL CHECKSUMS-URL TARGET
fetch() {
  local want
  curl -fsS --retry 3 -o "$3" "$1"
  want=$(curl -fsS "$2" | grep -E "^[0-9a-f]{64}\$|${1##*/}" | head -n 1 | cut -c 1-64)
  echo "$want  $3" | sha256sum --quiet -c -
}
END
}

prepare_script() {
  fetch_function
  cat <<END
printf '%s\n' overlay br_netfilter > /etc/modules-load.d/kubernetes.conf
modprobe -a overlay br_netfilter
printf '%s\n' net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1 > /etc/sysctl.d/99-kubernetes.conf
sysctl -q -p /etc/sysctl.d/99-kubernetes.conf
swapoff -a
grep -q '$ENDPOINT' /etc/hosts || echo '$FIRST $ENDPOINT' >> /etc/hosts
cd /tmp
gh=$FILES/github.com
k8s=$FILES/dl.k8s.io/release/$KUBERNETES/bin/linux/amd64
containerd() {
  local tgz=containerd-$CONTAINERD-linux-amd64.tar.gz
  fetch \$gh/containerd/containerd/releases/download/v$CONTAINERD/\$tgz \$gh/containerd/containerd/releases/download/v$CONTAINERD/\$tgz.sha256sum \$tgz
  tar -xzf \$tgz -C /usr/local
}
runc() {
  fetch \$gh/opencontainers/runc/releases/download/$RUNC/runc.amd64 \$gh/opencontainers/runc/releases/download/$RUNC/runc.sha256sum runc.amd64
  install -m 755 runc.amd64 /usr/local/sbin/runc
}
cni() {
  local tgz=cni-plugins-linux-amd64-$CNI.tgz base=\$gh/containernetworking/plugins/releases/download/$CNI
  fetch \$base/\$tgz \$base/\$tgz.sha256 \$tgz
  mkdir -p /opt/cni/bin && tar -xzf \$tgz -C /opt/cni/bin
}
crictl() {
  local tgz=crictl-$CRICTL-linux-amd64.tar.gz base=\$gh/kubernetes-sigs/cri-tools/releases/download/$CRICTL
  fetch \$base/\$tgz \$base/\$tgz.sha256 \$tgz
  tar -xzf \$tgz -C /usr/local/bin
}
kube() { fetch \$k8s/\$1 \$k8s/\$1.sha256 /usr/local/bin/\$1; chmod 755 /usr/local/bin/\$1; }

mkdir -p /etc/containerd /etc/systemd/system/kubelet.service.d
cat > /etc/containerd/config.toml <<'TOML'
version = 3
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "registry.k8s.io/pause:$PAUSE"
[plugins."io.containerd.cri.v1.images".registry]
config_path = "/etc/containerd/certs.d"
[plugins."io.containerd.cri.v1.runtime"]
restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
SystemdCgroup = true
TOML
for registry in registry.k8s.io docker.io ghcr.io; do
  mkdir -p /etc/containerd/certs.d/\$registry
  printf 'server = "https://%s"\n[host."%s"]\ncapabilities = ["pull", "resolve"]\n' \$registry $REGISTRY > /etc/containerd/certs.d/\$registry/hosts.toml
done
cat > /etc/systemd/system/containerd.service <<'UNIT'
[Unit]
Description=containerd
After=network.target
[Service]
Type=notify
ExecStart=/usr/local/bin/containerd
Delegate=yes
KillMode=process
Restart=always
RestartSec=5
LimitNOFILE=1048576
TasksMax=infinity
[Install]
WantedBy=multi-user.target
UNIT
cat > /etc/systemd/system/kubelet.service <<'UNIT'
[Unit]
Description=kubelet
After=containerd.service
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
ExecStart=/usr/local/bin/kubelet \$KUBELET_KUBECONFIG_ARGS \$KUBELET_CONFIG_ARGS \$KUBELET_KUBEADM_ARGS
Restart=always
RestartSec=1
[Install]
WantedBy=multi-user.target
UNIT
printf 'runtime-endpoint: unix:///run/containerd/containerd.sock\n' > /etc/crictl.yaml

ids=()
for job in containerd runc cni crictl 'kube kubelet' 'kube kubeadm' 'kube kubectl'; do \$job & ids+=(\$!); done
for id in "\${ids[@]}"; do wait \$id; done
systemctl daemon-reload
systemctl enable -q --now containerd
systemctl enable -q kubelet
ids=()
for image in "\$@"; do /usr/local/bin/crictl pull \$image > /dev/null & ids+=(\$!); done
for id in "\${ids[@]}"; do wait \$id; done
END
}

etcd_script() {
  fetch_function
  cat <<END
cd /tmp
base=$FILES/github.com/etcd-io/etcd/releases/download/$ETCD
tgz=etcd-$ETCD-linux-amd64.tar.gz
fetch \$base/\$tgz \$base/SHA256SUMS \$tgz
tar -xzf \$tgz -C /usr/local/bin --strip-components=1 --wildcards '*/etcd' '*/etcdctl' '*/etcdutl'
chmod 600 /etc/etcd/pki/*-key.pem
cat > /etc/systemd/system/etcd.service <<'UNIT'
[Unit]
Description=etcd
After=network.target
[Service]
Type=notify
ExecStart=/usr/local/bin/etcd --name=etcd-1 --data-dir=/var/lib/etcd --listen-client-urls=https://$FIRST:2379,https://127.0.0.1:2379 \\
  --advertise-client-urls=https://$FIRST:2379 --listen-peer-urls=https://$FIRST:2380 --initial-advertise-peer-urls=https://$FIRST:2380 \\
  --initial-cluster=etcd-1=https://$FIRST:2380 --cert-file=/etc/etcd/pki/server.pem --key-file=/etc/etcd/pki/server-key.pem \\
  --client-cert-auth --trusted-ca-file=/etc/etcd/pki/ca.pem --peer-cert-file=/etc/etcd/pki/peer.pem --peer-key-file=/etc/etcd/pki/peer-key.pem \\
  --peer-client-cert-auth --peer-trusted-ca-file=/etc/etcd/pki/ca.pem
Restart=always
LimitNOFILE=65536
[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable -q --now etcd
etcdctl --endpoints=https://127.0.0.1:2379 --cacert=/etc/etcd/pki/ca.pem --cert=/etc/etcd/pki/apiserver-etcd-client.pem \\
  --key=/etc/etcd/pki/apiserver-etcd-client-key.pem endpoint health
END
}

# --- what is made here ------------------------------------------------------------------------------------------------------------------------

make_certificates() {
  local pki=$work/pki sans="subjectAltName=IP:$FIRST,IP:127.0.0.1,DNS:localhost"
  mkdir -p "$pki" && cd "$pki"
  new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }
  new_key ca-key.pem
  openssl req -x509 -new -key ca-key.pem -subj /CN=etcd-ca -days 3650 -out ca.pem
  leaf() { # NAME EXTENSIONS
    new_key "$1-key.pem"
    openssl req -new -key "$1-key.pem" -subj "/CN=$1" -out "$1.csr"
    openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 365 -extfile <(printf '%b' "$2") -out "$1.pem" 2> /dev/null
    rm "$1.csr"
  }
  leaf server "extendedKeyUsage=serverAuth,clientAuth\n$sans"
  leaf peer "extendedKeyUsage=serverAuth,clientAuth\n$sans"
  leaf apiserver-etcd-client 'extendedKeyUsage=clientAuth'
  # The cluster's CA is made here too, so that the workers' join files need nothing from the first host.
  openssl req -x509 -newkey rsa:2048 -nodes -keyout cluster-ca.key -subj /CN=kubernetes -days 3650 -out cluster-ca.crt \
    -addext keyUsage=critical,digitalSignature,keyEncipherment,keyCertSign 2> /dev/null
  ca_hash=$(openssl x509 -in cluster-ca.crt -pubkey -noout | openssl pkey -pubin -outform der | sha256sum | cut -c 1-64)
  cd - > /dev/null
}

init_config() {
  cat <<END
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
bootstrapTokens: [{ token: $token, ttl: 1h }]
localAPIEndpoint: { advertiseAddress: $FIRST, bindPort: 6443 }
nodeRegistration:
  criSocket: unix:///run/containerd/containerd.sock
  kubeletExtraArgs: [{ name: node-ip, value: $FIRST }]
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: $KUBERNETES
controlPlaneEndpoint: $ENDPOINT:6443
networking: { podSubnet: 10.233.64.0/18, serviceSubnet: 10.233.0.0/18 }
dns: { imageTag: $COREDNS }
etcd:
  external:
    endpoints: ["https://$FIRST:2379"]
    caFile: /etc/etcd/pki/ca.pem
    certFile: /etc/etcd/pki/apiserver-etcd-client.pem
    keyFile: /etc/etcd/pki/apiserver-etcd-client-key.pem
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: systemd
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
conntrack: { maxPerCore: 0, min: 0 }
END
}

join_config() { # ADDRESS
  cat <<END
apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
discovery:
  bootstrapToken: { apiServerEndpoint: "$ENDPOINT:6443", token: $token, caCertHashes: ["sha256:$ca_hash"] }
nodeRegistration:
  criSocket: unix:///run/containerd/containerd.sock
  kubeletExtraArgs: [{ name: node-ip, value: $1 }]
END
}

flannel_manifest() {
  cat <<END
apiVersion: v1
kind: Namespace
metadata: { name: kube-flannel, labels: { pod-security.kubernetes.io/enforce: privileged } }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: flannel, namespace: kube-flannel }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: flannel }
rules:
  - { apiGroups: [""], resources: [pods], verbs: [get] }
  - { apiGroups: [""], resources: [nodes], verbs: [get, list, watch] }
  - { apiGroups: [""], resources: [nodes/status], verbs: [patch] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: flannel }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: flannel }
subjects: [{ kind: ServiceAccount, name: flannel, namespace: kube-flannel }]
---
apiVersion: v1
kind: ConfigMap
metadata: { name: kube-flannel-cfg, namespace: kube-flannel }
data:
  cni-conf.json: |
    { "name": "cbr0", "cniVersion": "0.3.1", "plugins": [
      { "type": "flannel", "delegate": { "hairpinMode": true, "isDefaultGateway": true } },
      { "type": "portmap", "capabilities": { "portMappings": true } } ] }
  net-conf.json: |
    { "Network": "10.233.64.0/18", "EnableNFTables": false, "Backend": { "Type": "vxlan" } }
---
apiVersion: apps/v1
kind: DaemonSet
metadata: { name: kube-flannel-ds, namespace: kube-flannel, labels: { app: flannel } }
spec:
  selector: { matchLabels: { app: flannel } }
  template:
    metadata: { labels: { app: flannel } }
    spec:
      hostNetwork: true
      priorityClassName: system-node-critical
      serviceAccountName: flannel
      tolerations: [{ operator: Exists, effect: NoSchedule }]
      initContainers:
        - name: install-cni-plugin
          image: ghcr.io/flannel-io/flannel-cni-plugin:$FLANNEL_CNI
          command: [cp]
          args: [-f, /flannel, /opt/cni/bin/flannel]
          volumeMounts: [{ name: cni-plugin, mountPath: /opt/cni/bin }]
        - name: install-cni
          image: ghcr.io/flannel-io/flannel:$FLANNEL
          command: [cp]
          args: [-f, /etc/kube-flannel/cni-conf.json, /etc/cni/net.d/10-flannel.conflist]
          volumeMounts: [{ name: cni, mountPath: /etc/cni/net.d }, { name: flannel-cfg, mountPath: /etc/kube-flannel/ }]
      containers:
        - name: kube-flannel
          image: ghcr.io/flannel-io/flannel:$FLANNEL
          command: [/opt/bin/flanneld]
          args: [--ip-masq, --kube-subnet-mgr]
          resources: { requests: { cpu: 100m, memory: 50Mi } }
          securityContext: { privileged: false, capabilities: { add: [NET_ADMIN, NET_RAW] } }
          env:
            - { name: POD_NAME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
            - { name: POD_NAMESPACE, valueFrom: { fieldRef: { fieldPath: metadata.namespace } } }
            - { name: EVENT_QUEUE_DEPTH, value: "5000" }
          volumeMounts:
            - { name: run, mountPath: /run/flannel }
            - { name: flannel-cfg, mountPath: /etc/kube-flannel/ }
            - { name: xtables-lock, mountPath: /run/xtables.lock }
      volumes:
        - { name: run, hostPath: { path: /run/flannel } }
        - { name: cni-plugin, hostPath: { path: /opt/cni/bin } }
        - { name: cni, hostPath: { path: /etc/cni/net.d } }
        - { name: flannel-cfg, configMap: { name: kube-flannel-cfg } }
        - { name: xtables-lock, hostPath: { path: /run/xtables.lock, type: FileOrCreate } }
END
}

# --- the order of things ----------------------------------------------------------------------------------------------------------------------

every=(registry.k8s.io/kube-proxy:$KUBERNETES registry.k8s.io/pause:$PAUSE registry.k8s.io/coredns/coredns:$COREDNS
  ghcr.io/flannel-io/flannel:$FLANNEL ghcr.io/flannel-io/flannel-cni-plugin:$FLANNEL_CNI)
control_plane=(registry.k8s.io/kube-apiserver:$KUBERNETES registry.k8s.io/kube-controller-manager:$KUBERNETES registry.k8s.io/kube-scheduler:$KUBERNETES)
token=$(openssl rand -hex 3).$(openssl rand -hex 8)

ids=()
for host in "$@"; do
  images=("${every[@]}")
  [ "$host" != "$FIRST" ] || images+=("${control_plane[@]}")
  { prepare_script | on "$host" bash -s -- "${images[@]}"; say "$host: runtime, tools and images"; } & ids+=($!)
done
make_certificates
{
  tar -C "$work/pki" -cf - ca.pem server.pem server-key.pem peer.pem peer-key.pem apiserver-etcd-client.pem apiserver-etcd-client-key.pem |
    on "$FIRST" 'install -d -m 700 /etc/etcd/pki && tar -C /etc/etcd/pki --no-same-owner -xf -'
  etcd_script | on "$FIRST" bash -s
  say "$FIRST: etcd"
} & ids+=($!)
tar -C "$work/pki" -cf - --transform 's/^cluster-//' cluster-ca.crt cluster-ca.key | on "$FIRST" 'mkdir -p /etc/kubernetes/pki && tar -C /etc/kubernetes/pki --no-same-owner -xf -'
init_config | on "$FIRST" 'umask 077; cat > /etc/kubernetes/init.yaml'
join "${ids[@]}"

on "$FIRST" kubeadm init --config=/etc/kubernetes/init.yaml > "$work/init.log" 2>&1 || { cat "$work/init.log"; exit 1; }
say 'kubeadm init'
ids=()
{ flannel_manifest | on "$FIRST" kubectl --kubeconfig=/etc/kubernetes/admin.conf apply -f - > /dev/null; say 'flannel applied'; } & ids+=($!)
for host in "${@:2}"; do
  {
    join_config "$host" | on "$host" 'umask 077; mkdir -p /etc/kubernetes; cat > /etc/kubernetes/join.yaml'
    on "$host" kubeadm join --config=/etc/kubernetes/join.yaml > "$work/join-$host.log" 2>&1 || { cat "$work/join-$host.log"; exit 1; }
    say "$host: kubeadm join"
  } & ids+=($!)
done
join "${ids[@]}"
on "$FIRST" 'export KUBECONFIG=/etc/kubernetes/admin.conf
  kubectl wait --for=condition=Ready node --all --timeout=180s > /dev/null && kubectl -n kube-system rollout status deployment/coredns --timeout=180s > /dev/null
  kubectl get nodes -o wide'
say 'all nodes and CoreDNS are Ready'
