#!/bin/sh
# Renews those certificates of this host that end soon, with the keys of the CAs that lie here; kubeadm signs, also those of
# etcd. Started by a timer, on control planes and members of etcd, each by itself: no two hosts are at work at the same time,
# none is while kubexm is, and none begins while another apiserver or member does not serve. New certificates are made and
# tried beside the old ones; what does not serve is put back. All it is told is KUBEXM_WITHIN_DAYS.
set -eu
umask 077
export LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
kubernetes=/etc/kubernetes
pki=/etc/kubernetes/pki
etcd=/etc/etcd/pki
state=/var/lib/kubexm/certs-renew
run=/run/kubexm
# As kubeadm would have it in /etc/kubernetes.
tree=$run/certs-renew/kubernetes
cache=$run/certs-renew/cache
# What is being put to use: new and old files below it as in $tree; `commit` is there when all of it is.
work=$state/work
kubeadm=/usr/local/bin/kubeadm
# Of members that are no nodes.
[ -x "$kubeadm" ] || kubeadm=$state/kubeadm
self=$(hostname)
why=
lease=
earlier=

say() {
  echo "$*"
}

fail() {
  why="$*"
  echo "$why" >&2
  exit 1
}

# What kubexm reads: how the last run ended.
note() {
  said=$(printf %s "$2" | tr -d '"\\' | tr '\n\t' '  ')
  mkdir -p "$state"
  printf '{"time":"%s","state":"%s","said":"%s"}\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$1" "$said" >"$state/last.json.new"
  mv -f "$state/last.json.new" "$state/last.json"
}

finish() {
  code=$?
  trap - EXIT
  set +e
  [ -z "$lease" ] || admin -n kube-system delete lease kubexm-certs-renew --wait=false >/dev/null
  rm -rf "$run/certs-renew"
  if [ "$code" = 0 ]; then note done "$why"; else note failed "${why:-it ended with $code}"; fi
  exit "$code"
}

has_control_plane() {
  [ -f "$kubernetes/admin.conf" ]
}

is_member() {
  [ -f "$etcd/server.pem" ] && [ -f /etc/etcd/etcd.yaml ]
}

admin() {
  kubectl --kubeconfig="$kubernetes/admin.conf" --cache-dir="$cache" --request-timeout=20s "$@"
}

# With nobody's kubeconfig, and a certificate beside.
ask() {
  kubectl --kubeconfig=/dev/null --cache-dir="$cache" --request-timeout=10s "$@"
}

# Where kubeadm's NAME lies here, and where it looks for it below $tree.
locate() {
  key=
  case "$1" in
  *.conf) cert=$kubernetes/$1 && base=$1 ;;
  etcd-server) cert=$etcd/server.pem && key=$etcd/server-key.pem && base=pki/etcd/server ;;
  etcd-peer) cert=$etcd/peer.pem && key=$etcd/peer-key.pem && base=pki/etcd/peer ;;
  etcd-healthcheck-client) cert=$etcd/admin.pem && key=$etcd/admin-key.pem && base=pki/etcd/healthcheck-client ;;
  apiserver-etcd-client) cert=$etcd/$1.pem && key=$etcd/$1-key.pem && base=pki/$1 ;;
  *) cert=$pki/$1.crt && key=$pki/$1.key && base=pki/$1 ;;
  esac
  staged=$base
  [ -z "$key" ] || staged=$base.crt
}

names='apiserver apiserver-kubelet-client front-proxy-client admin.conf super-admin.conf controller-manager.conf scheduler.conf
  apiserver-etcd-client etcd-healthcheck-client etcd-peer etcd-server'

# Copies of all certificates and of the CAs, as kubeadm knows them. etcd's are local to it.
put_together() {
  rm -rf "$run/certs-renew"
  mkdir -p "$tree/pki/etcd"
  for name in $names; do
    locate "$name"
    [ -f "$cert" ] || continue
    case "$name" in etcd-*) is_member || continue ;; *) has_control_plane || continue ;; esac
    cp -- "$cert" "$tree/$staged"
    [ -z "$key" ] || cp -- "$key" "$tree/$base.key"
  done
  if has_control_plane; then
    for name in ca front-proxy-ca; do cp -- "$pki/$name.crt" "$pki/$name.key" "$tree/pki/"; done
  fi
  if [ -f "$etcd/ca.pem" ]; then cp -- "$etcd/ca.pem" "$tree/pki/etcd/ca.crt"; fi
  # Without one, kubeadm would ask for all that its own etcd has; nothing is signed with an empty one.
  if [ -f "$etcd/ca-key.pem" ]; then cp -- "$etcd/ca-key.pem" "$tree/pki/etcd/ca.key"; else : >"$tree/pki/etcd/ca.key"; fi
  "$kubeadm" config print init-defaults |
    sed -e "s|^certificatesDir:.*|certificatesDir: $tree/pki|" -e 's|^encryptionAlgorithm:.*|encryptionAlgorithm: ECDSA-P256|' \
      >"$run/certs-renew/config.yaml"
}

# kubeadm looks for kubeconfigs in /etc/kubernetes and nowhere else: it sees the copies there.
signer() {
  if [ -d "$kubernetes" ]; then
    unshare --mount sh -c 'mount --bind "$1" /etc/kubernetes && shift && exec "$@"' sh "$tree" \
      "$kubeadm" certs "$@" --config="$run/certs-renew/config.yaml"
  else "$kubeadm" certs "$@" --config="$run/certs-renew/config.yaml"; fi
}

# DAYS NAME of each certificate in $tree, the one with the fewest days first.
left() {
  signer check-expiration >"$run/certs-renew/expiration" || return 1
  awk -F '   +' '/^CERTIFICATE AUTHORITY/ { exit } $2 ~ / UTC$/ { print $1 "|" $2 }' "$run/certs-renew/expiration" |
    while IFS='|' read -r name ends; do
      echo "$((($(date -d "$ends" +%s) - $(date +%s)) / 86400)) $name"
    done | sort -n
}

no_key='no key of its CA lies here: kubexm certs renew; for an etcd of somebody else, put the new files where spec.etcd.external says, then kubexm cluster apply'

# What ends soon; of these, what no CA's key lies here for.
look() {
  put_together
  all=$(left) || fail "kubeadm cannot read the certificates"
  [ -n "$all" ] || fail "kubeadm names no certificate: $(cat "$run/certs-renew/expiration")"
  due=
  cannot=
  for name in $(echo "$all" | awk -v days="$KUBEXM_WITHIN_DAYS" '$1 <= days { print $2 }'); do
    case "$name" in
    etcd-* | apiserver-etcd-client) if [ -f "$etcd/ca-key.pem" ]; then due="$due $name"; else cannot="$cannot $name"; fi ;;
    *) due="$due $name" ;;
    esac
  done
}

# Not before another control plane has ended: a Lease, which one that is gone for an hour loses.
take_turn() {
  tries=0
  while :; do
    now=$(date -u +%Y-%m-%dT%H:%M:%S.000000Z)
    found=$(admin -n kube-system get lease kubexm-certs-renew --ignore-not-found \
      -o 'jsonpath={.metadata.resourceVersion} {.spec.holderIdentity} {.spec.acquireTime}') || fail "the API does not answer"
    version=${found%% *}
    holder=$(echo "$found" | cut -d' ' -f2)
    since=$(echo "$found" | cut -d' ' -f3)
    how=create
    if [ -n "$found" ]; then
      how=replace
      # This host holds it from a run that was ended: there is no other one here.
      if [ "$holder" != "$self" ] && [ $(($(date +%s) - $(date -d "$since" +%s))) -lt 3600 ]; then how=wait; fi
    fi
    if [ "$how" != wait ] && printf '{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"kubexm-certs-renew","namespace":"kube-system"%s},"spec":{"holderIdentity":"%s","leaseDurationSeconds":3600,"acquireTime":"%s"}}' \
      "${version:+,\"resourceVersion\":\"$version\"}" "$self" "$now" | admin "$how" -f - >/dev/null 2>"$run/certs-renew/refused"; then
      lease=held
      return
    fi
    tries=$((tries + 1))
    [ "$tries" -le 200 ] || fail "$holder renews its certificates since $since, and does not end: $(cat "$run/certs-renew/refused" 2>/dev/null)"
    sleep 10
  done
}

# Not while kubexm is at work, nor it while this is: its lock of this host.
lock_host() {
  mkdir -p "$run"
  exec 9>>"$run/run.lock"
  flock -w 900 9 || fail "kubexm has been at work on this host for 15 minutes: $(cat "$run/run.lock.owner")"
  printf '{"operation":"certs renew, by the timer","user":"root","host":"%s","pid":%s,"since":"%s"}' "$self" $$ \
    "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >"$run/run.lock.owner"
  echo "$$ $(awk '{ print $22 }' /proc/$$/stat)" >"$run/run.lock.pid"
}

# Asks every 2 s for SECONDS.
within() {
  until=$(($(date +%s) + $1))
  shift
  while ! "$@" >"$run/certs-renew/answer" 2>&1; do
    [ "$(date +%s)" -lt "$until" ] || return 1
    sleep 2 9>&-
  done
}

answer() {
  tail -n 1 "$run/certs-renew/answer" 2>/dev/null || :
}

# Every apiserver of the cluster serves, and this host's too.
all_serve() {
  servers=$(admin get nodes -l node-role.kubernetes.io/control-plane \
    -o 'jsonpath={range .items[*]}{.status.addresses[?(@.type=="InternalIP")].address}{"\n"}{end}') || return 1
  [ -n "$servers" ] || return 1
  for server in $servers; do
    admin --server="https://$server:6443" get --raw=/readyz || { echo "$server does not" && return 1; }
  done
}

etcdctl_as() {
  as=$1
  trusted=$2
  shift 2
  etcdctl --endpoints="$member" --cacert="$trusted" --cert="$as.crt" --key="$as.key" "$@" </dev/null
}

of_config() {
  sed -n "s/^$1: *\"\{0,1\}\([^,\"]*\).*/\1/p" /etc/etcd/etcd.yaml
}

all_members_serve() {
  etcdctl --endpoints="$member" --cacert="$etcd/ca.pem" --cert="$etcd/admin.pem" --key="$etcd/admin-key.pem" \
    endpoint health --cluster </dev/null
}

# A flag of a static pod's manifest.
flag() {
  sed -n "s/^ *- --$2=//p" "$kubernetes/manifests/$1.yaml" | tail -n 1
}

# New ones, with new keys, for the same names as before; behind an apiserver's may be the way to a CA before.
sign() {
  for name in $due; do
    locate "$name"
    signer renew "$name" >"$run/certs-renew/answer" 2>&1 || fail "kubeadm does not renew $name: $(answer)"
    ! cmp -s "$cert" "$tree/$staged" || fail "kubeadm does not renew $name: $(answer)"
    [ -z "$key" ] || sed '1,/END CERTIFICATE/d' "$cert" >>"$tree/$staged"
  done
  soon=$(left) || fail "kubeadm cannot read the new certificates"
  soon=$(echo "$soon" | awk -v days="$KUBEXM_WITHIN_DAYS" '$1 <= days { print $2 }')
  for name in $due; do
    case " $(echo "$soon" | tr '\n' ' ') " in *" $name "*) fail "the new $name would end within $KUBEXM_WITHIN_DAYS days too" ;; esac
  done
}

# Whoever is to be shown them accepts them, before they are put to use.
try_new() {
  for name in $due; do
    locate "$name"
    new=$tree/$base
    case "$name" in
    *.conf) within 20 kubectl --kubeconfig="$new" --cache-dir="$cache" --request-timeout=10s get --raw=/api ;;
    apiserver-kubelet-client) within 20 ask --server=https://127.0.0.1:10250 --insecure-skip-tls-verify \
      --client-certificate="$new.crt" --client-key="$new.key" get --raw=/healthz ;;
    apiserver-etcd-client) within 20 ask --server="$(flag kube-apiserver etcd-servers | cut -d, -f1)" \
      --certificate-authority="$etcd/ca.pem" --client-certificate="$new.crt" --client-key="$new.key" get --raw=/version ;;
    etcd-healthcheck-client | etcd-peer) within 20 etcdctl_as "$new" "$etcd/ca.pem" endpoint status ;;
    *) : ;;
    esac || fail "the new $name is not accepted: $(answer)"
  done
}

# `new` or `old`: all of them to their places, the key first.
put() {
  for name in $(cat "$work/names"); do
    locate "$name"
    mode=0600
    if [ -n "$key" ]; then
      mode=0644
      install -m 0600 -- "$work/$1/$base.key" "$key.kubexm-new"
    fi
    install -m "$mode" -- "$work/$1/$staged" "$cert.kubexm-new"
    [ -z "$key" ] || mv -f -- "$key.kubexm-new" "$key"
    mv -f -- "$cert.kubexm-new" "$cert"
  done
}

prepare() {
  rm -rf "$work"
  for name in $due; do
    locate "$name"
    mkdir -p "$(dirname "$work/new/$base")" "$(dirname "$work/old/$base")"
    cp -- "$tree/$staged" "$work/new/$staged"
    cp -- "$cert" "$work/old/$staged"
    [ -z "$key" ] || { cp -- "$tree/$base.key" "$work/new/$base.key" && cp -- "$key" "$work/old/$base.key"; }
    echo "$name" >>"$work/names"
  done
  sync
  : >"$work/commit"
  sync
}

# A run that was ended in the middle: it is gone on with, unless somebody has put others there since.
see_through() {
  [ -d "$work" ] || return 0
  if [ -e "$work/commit" ]; then
    for name in $(cat "$work/names"); do
      locate "$name"
      if ! cmp -s "$cert" "$work/new/$staged" && ! cmp -s "$cert" "$work/old/$staged"; then
        say "a run that was ended in the middle is forgotten: $cert is another one by now"
        rm -rf "$work"
        return 0
      fi
    done
    say "going on with a run that was ended in the middle"
    earlier=$(tr '\n' ' ' <"$work/names")
    use_new
  else rm -rf "$work"; fi
}

running() {
  crictl ps -q --state Running --name "^$1\$"
}

# A new container has come and answers; those before are in $before.
replaced() {
  ids=$(running "$1") || return 1
  [ -n "$ids" ] || return 1
  for id in $ids; do
    case " $before " in *" $id "*) return 1 ;; esac
  done
  port=$(flag "$1" secure-port)
  address=$(flag "$1" bind-address)
  [ "$address" != 0.0.0.0 ] || address=127.0.0.1
  # It serves with a certificate that it made itself.
  admin --server="https://${address:-127.0.0.1}:${port:-$2}" --insecure-skip-tls-verify get --raw=/healthz
}

# It reads its kubeconfig once, when it starts; the kubelet starts it again.
restart() {
  [ -f "$kubernetes/manifests/$1.yaml" ] || return 0
  before=$(running "$1" | tr '\n' ' ')
  echo "$1" >>"$work/restarted"
  for id in $before; do crictl stop --timeout 20 "$id" >/dev/null 9>&-; done
  within 180 replaced "$1" "$2"
}

# Static pods of which kubeconfigs are among FILE's lines, or which are themselves.
restart_readers() {
  for name in $(cat "$1"); do
    case "$name" in
    controller-manager.conf | kube-controller-manager) restart kube-controller-manager 10257 ;;
    scheduler.conf | kube-scheduler) restart kube-scheduler 10259 ;;
    *) continue ;;
    esac || { echo "${name%.conf} does not come back with another kubeconfig: $(answer)" && return 1; }
  done
}

# The first certificate of a file alone is trusted in the handshake: no other would pass.
serves_api() {
  sed '/END CERTIFICATE/q' "$pki/apiserver.crt" >"$run/certs-renew/only.crt"
  admin --server="https://$(flag kube-apiserver advertise-address):6443" --certificate-authority="$run/certs-renew/only.crt" \
    get --raw=/readyz
}

serves_etcd() {
  etcdctl --endpoints="$1" --cacert="$etcd/$2.pem" --cert="$etcd/$3.pem" --key="$etcd/$3-key.pem" --command-timeout=2s \
    endpoint status </dev/null >"$run/certs-renew/etcd" 2>&1 && return 0
  cat "$run/certs-renew/etcd"
  # The port of the peers speaks no gRPC: a handshake that was passed ends like this.
  grep -q 'error reading server preface' "$run/certs-renew/etcd"
}

# Says what does not serve.
check_new() {
  if is_member; then
    within 30 serves_etcd "$member" server admin || { echo "etcd does not serve the new certificate: $(answer)" && return 1; }
    within 30 serves_etcd "$(of_config initial-advertise-peer-urls)" peer peer ||
      { echo "etcd does not show its peers the new certificate: $(answer)" && return 1; }
    within 30 all_members_serve || { echo "not all members of etcd are healthy: $(answer)" && return 1; }
  fi
  has_control_plane || return 0
  within 120 serves_api || { echo "the apiserver does not serve the new certificate: $(answer)" && return 1; }
  restart_readers "$work/names" || return 1
  within 60 all_serve || { echo "not all apiservers serve: $(answer)" && return 1; }
}

use_new() {
  # Half of it would be worse than either.
  trap '' TERM INT HUP
  put new
  trap 'exit 143' TERM INT HUP
  if ! check_new >"$run/certs-renew/wrong"; then
    wrong=$(cat "$run/certs-renew/wrong")
    trap '' TERM INT HUP
    put old
    trap 'exit 143' TERM INT HUP
    back=
    if [ -e "$work/restarted" ]; then
      mv -f "$work/restarted" "$work/again"
      restart_readers "$work/again" >/dev/null || back=' (controller manager or scheduler are still to come back)'
    fi
    rm -rf "$work"
    fail "$wrong; the certificates before are back$back"
  fi
  rm -rf "$work"
}

if [ "${1:-}" != locked ]; then note running ''; fi
trap finish EXIT
trap 'exit 143' TERM INT HUP
look
if [ -z "$due" ] && [ ! -e "$work/commit" ]; then
  [ -z "$cannot" ] || fail "ends within $KUBEXM_WITHIN_DAYS days:$cannot; $no_key"
  why="nothing ends within $KUBEXM_WITHIN_DAYS days; the first is $(echo "$all" | sed -n '1s/\([^ ]*\) \(.*\)/\2, in \1/p')"
  say "$why"
  exit 0
fi
member=
if is_member; then
  member=$(of_config advertise-client-urls)
  if [ "${1:-}" != locked ]; then
    # Not before another member has ended: a lock in etcd itself, which falls when its holder does.
    within 60 all_members_serve || fail "not all members of etcd are healthy: $(answer)"
    rm -rf "$run/certs-renew"
    exec etcdctl --endpoints="$member" --cacert="$etcd/ca.pem" --cert="$etcd/admin.pem" --key="$etcd/admin-key.pem" \
      lock --ttl=60 kubexm-certs-renew "$0" locked
  fi
fi
if has_control_plane; then take_turn; fi
lock_host
see_through
look
if [ -n "$due" ]; then
  for bundle in "$pki/ca.crt" "$pki/front-proxy-ca.crt" "$etcd/ca.pem"; do
    [ ! -f "$bundle" ] || [ "$(grep -c 'BEGIN CERTIFICATE' "$bundle")" = 1 ] ||
      fail "the rotation of a CA is half done: $bundle has several; go on with it: kubexm certs rotate-ca"
  done
  if has_control_plane; then within 60 all_serve || fail "not all apiservers serve, nothing is renewed: $(answer)"; fi
  if is_member; then within 60 all_members_serve || fail "not all members of etcd are healthy, nothing is renewed: $(answer)"; fi
  sign
  try_new
  prepare
  use_new
fi
[ -z "$cannot" ] || fail "renewed:${due:- nothing}; not renewed:$cannot; $no_key"
why="renewed:$due${earlier:+ (begun by an earlier run: $earlier)}"
say "$why"
