#!/bin/sh
# What a restore does on an etcd host; the first word says which part of it. It may end at any point and be run again. All it
# is told comes in KUBEXM_ variables. Old data is moved aside and never deleted. Descriptor 9 is the lock that it runs under.
set -eu
umask 077
here=/var/lib/kubexm/etcd-restore
data=$(readlink -f -- "$KUBEXM_DATA" 2>/dev/null) || data=$KUBEXM_DATA
# A mount point cannot be renamed, and nothing beside it is on its disk: then all is kept below it.
if awk -v d="$data" '$5 == d { found = 1 } END { exit !found }' /proc/self/mountinfo; then side=$data/; else side=$data.; fi
fresh=${side}restore

fail() {
  echo "$*" >&2
  exit 1
}

# The value of a field of one line of JSON.
field() {
  printf '%s\n' "$2" | sed -n "s/.*\"$1\":\"\{0,1\}\([^,\"}]*\).*/\1/p"
}

whole() {
  [ -f "$here/snapshot.db" ] || fail "the snapshot is not in $here"
  [ "$(sha256sum <"$here/snapshot.db" | cut -c1-64)" = "$KUBEXM_SHA256" ] || fail "$here/snapshot.db is another file"
}

# A snapshot as a data directory: its size, and two of etcd's logs of 64 MiB.
room() {
  size=$(stat -c %s "$here/snapshot.db")
  free=$(df -Pk -- "$(dirname -- "$fresh")" | awk 'NR == 2 { print $4 }')
  need=$((size / 1024 + 147456))
  [ "$free" -ge "$need" ] || fail "no room beside $data: $free KiB are free, $need KiB are needed beside the old data"
}

case $1 in
look)
  marker=null
  if [ -f "$here/marker.json" ]; then marker=$(tr -d '\n' <"$here/marker.json"); fi
  prepared=null
  if [ -f "$fresh/restore.json" ]; then prepared=$(tr -d '\n' <"$fresh/restore.json"); fi
  olds=
  for old in "${side}before-restore-"*; do
    if [ -d "$old" ]; then olds="$olds,\"${old##*before-restore-}\""; fi
  done
  if [ -e "$data/member" ]; then has=true; else has=false; fi
  if [ -e "$fresh/member" ]; then holds=true; else holds=false; fi
  uid=$(/usr/local/bin/etcdctl --endpoints="$KUBEXM_ENDPOINT" --cacert=/etc/etcd/pki/ca.pem --cert=/etc/etcd/pki/admin.pem \
    --key=/etc/etcd/pki/admin-key.pem --command-timeout=3s --dial-timeout=2s get /registry/namespaces/kube-system \
    --consistency=s --print-value-only </dev/null 2>/dev/null |
    LC_ALL=C grep -aoE '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}' | head -n 1) || uid=
  printf '{"marker":%s,"prepared":%s,"olds":[%s],"hasData":%s,"holdsFresh":%s,"uid":"%s"}\n' \
    "$marker" "$prepared" "${olds#,}" "$has" "$holds" "$uid"
  ;;
prepare)
  if [ -f "$here/marker.json" ] && ! grep -q "$KUBEXM_SHA256" "$here/marker.json"; then
    fail "another restore is half done here: $(cat "$here/marker.json")"
  fi
  for wanted in "name: $KUBEXM_NAME" "data-dir: $KUBEXM_DATA" "initial-advertise-peer-urls: $KUBEXM_PEER"; do
    grep -qxF -e "$wanted" -e "${wanted%%: *}: \"${wanted#*: }\"" /etc/etcd/etcd.yaml ||
      fail "/etc/etcd/etcd.yaml does not say '$wanted'; it must fit before data is put in its place"
  done
  whole
  facts=$(/usr/local/bin/etcdutl snapshot status "$here/snapshot.db" -w json) || fail "etcdutl cannot read the snapshot"
  revision=$(field revision "$facts")
  rm -rf -- "$fresh" "$fresh.partial" "$fresh.probe"
  room
  /usr/local/bin/etcdutl snapshot restore "$here/snapshot.db" --data-dir "$fresh.partial" --name "$KUBEXM_NAME" \
    --initial-cluster "$KUBEXM_MEMBERS" --initial-cluster-token "$KUBEXM_TOKEN" --initial-advertise-peer-urls "$KUBEXM_PEER" \
    --bump-revision "$KUBEXM_BUMP" --mark-compacted >&2
  after=$(/usr/local/bin/etcdutl snapshot status "$fresh.partial/member/snap/db" -w json)
  [ "$(field revision "$after")" = $((revision + KUBEXM_BUMP)) ] ||
    fail "the restored data is at revision $(field revision "$after"), it should be at $((revision + KUBEXM_BUMP))"
  printf '{"id":"%s","sha256":"%s","members":"%s","bump":%s,"revision":%s,"hash":%s,"keys":%s}\n' "$KUBEXM_ID" \
    "$KUBEXM_SHA256" "$KUBEXM_MEMBERS" "$KUBEXM_BUMP" "$revision" "$(field hash "$facts")" "$(field totalKey "$facts")" \
    >"$fresh.partial/restore.json"
  sync -- "$fresh.partial/member/snap/db" "$fresh.partial/restore.json"
  mv -- "$fresh.partial" "$fresh"
  ;;
probe)
  # An etcd of its own on the snapshot, that nobody else can reach: it shows that the data serves, and whose it is.
  whole
  rm -rf -- "$fresh.probe"
  room
  sockets=$(mktemp -d /run/kubexm-probe.XXXXXX)
  pid=
  trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null; rm -rf -- "$fresh.probe" "$sockets"' EXIT
  self=http://localhost:1
  /usr/local/bin/etcdutl snapshot restore "$here/snapshot.db" --data-dir "$fresh.probe" --name probe \
    --initial-cluster "probe=$self" --initial-advertise-peer-urls "$self" >&2
  env -i /usr/local/bin/etcd --name probe --data-dir "$fresh.probe" --unsafe-no-fsync \
    --listen-client-urls "unix://$sockets/client" --advertise-client-urls http://localhost:2 \
    --listen-peer-urls "unix://$sockets/peer" --initial-advertise-peer-urls "$self" --initial-cluster "probe=$self" \
    >"$sockets/log" 2>&1 </dev/null 9>&- &
  pid=$!
  ask() {
    /usr/local/bin/etcdctl --endpoints="unix://$sockets/client" --dial-timeout=2s "$@" </dev/null
  }
  tries=0
  # Not its health: an alarm lies in the snapshot too.
  until ask get kubexm >/dev/null 2>&1; do
    kill -0 "$pid" 2>/dev/null || fail "etcd does not start on the snapshot: $(tail -n 2 "$sockets/log")"
    tries=$((tries + 1))
    [ "$tries" -lt 300 ] || fail "etcd does not serve the snapshot: $(tail -n 2 "$sockets/log")"
    sleep 0.2
  done
  count() {
    found=$(ask get --prefix "$1" --count-only -w fields | sed -n 's/^"Count" : //p')
    [ -n "$found" ] || fail "etcd does not say how many keys $1 has"
    echo "$found"
  }
  all=$(count /registry/)
  events=$(count /registry/events/)
  leased=$(count /registry/masterleases/)
  uid=$(ask get /registry/namespaces/kube-system --print-value-only |
    LC_ALL=C grep -aoE '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}' | head -n 1) || uid=
  cluster=$(ask get /registry/configmaps/kube-system/kubeadm-config --print-value-only |
    LC_ALL=C grep -aoE 'clusterName: *[A-Za-z0-9.-]+' | head -n 1 | sed 's/.*: *//') || cluster=
  names() {
    ask get --prefix --keys-only "$1" | sed -n "s#^$1\(.*\)\$#\"\1\"#p" | tr '\n' , | sed 's/,$//'
  }
  printf '{"keys":%s,"kubeSystemUid":"%s","cluster":"%s","namespaces":[%s],"nodes":[%s]}\n' \
    $((all - events - leased)) "$uid" "$cluster" "$(names /registry/namespaces/)" "$(names /registry/minions/)"
  ;;
swap)
  old=${side}before-restore-$KUBEXM_ID
  if systemctl is-active --quiet etcd; then fail "etcd still runs"; fi
  [ -f "$fresh/restore.json" ] || fail "there is no restored data in $fresh"
  grep -q "\"id\":\"$KUBEXM_ID\"" "$fresh/restore.json" || fail "$fresh is of another restore"
  mkdir -p -m 0700 -- "$data" "$old"
  if [ -e "$fresh/member" ]; then
    if [ -e "$data/member" ]; then
      # A host that booted in between may have let etcd begin something new: that is kept too.
      aside=$old/member
      if [ -e "$aside" ]; then aside=$old/member-$(date +%s); fi
      mv -- "$data/member" "$aside"
    fi
    chown -R --reference="$data" -- "$fresh/member"
    if command -v selinuxenabled >/dev/null && selinuxenabled; then
      if [ -e "$old/member" ]; then chcon -R --reference="$old/member" -- "$fresh/member"; else chcon -R --reference="$data" -- "$fresh/member"; fi
    fi
    mv -- "$fresh/member" "$data/member"
  fi
  sync -- "$data" "$old"
  ;;
finish)
  for left in "$here"/manifests/*.yaml; do
    if [ -e "$left" ]; then fail "$left was not put back"; fi
  done
  rm -rf -- "$fresh" "$fresh.partial" "$fresh.probe" "$here/snapshot.db" "$here/manifests"
  # Last: as long as it is there, the restore is not over.
  rm -f -- "$here/marker.json"
  ;;
*) fail "unknown part of a restore: $1" ;;
esac
