#!/bin/sh
# Takes a snapshot through this host's own etcd member, proves it, names it, and keeps the newest of its kind. The timer
# and `kubexm etcd backup` run the same script. All it is told comes in KUBEXM_ variables; on stdout it leaves the snapshot's
# metadata as one line of JSON.
set -eu
umask 077
dir=$KUBEXM_DIR
kind=$KUBEXM_KIND
cluster=$KUBEXM_CLUSTER

fail() {
  echo "$*" >&2
  exit 1
}

ask() {
  /usr/local/bin/etcdctl --endpoints="$KUBEXM_ENDPOINT" --cacert=/etc/etcd/pki/ca.pem --cert=/etc/etcd/pki/admin.pem \
    --key=/etc/etcd/pki/admin-key.pem "$@" </dev/null
}

# The value of a field of one line of JSON. Ids are uint64: they stay text.
field() {
  printf '%s\n' "$2" | sed -n "s/.*\"$1\":\"\{0,1\}\([^,\"}]*\).*/\1/p"
}

if [ ! -d "$dir" ]; then
  (umask 022 && mkdir -p -- "$(dirname -- "$dir")")
  mkdir -m 0700 -- "$dir"
fi
# Of a run that was killed; whatever it left running fails when it wants to give its file a name.
rm -rf -- "$dir/.partial-$kind-"*
part="$dir/.partial-$kind-$$"

# A read that a quorum agrees on: this member has seen everything up to its revision.
agreed=$(ask get kubexm -w json) || fail "member $KUBEXM_MEMBER has no quorum behind it"
reported=$(field revision "$agreed")
status=$(ask endpoint status -w json)
alarms=$(ask alarm list) || fail "cannot read the alarms of etcd"
case "$alarms" in
*"memberID:$(field member_id "$status") alarm:CORRUPT"*)
  fail "member $KUBEXM_MEMBER has the alarm CORRUPT: its data is no backup of anything; kubexm etcd alarms says what to do" ;;
esac
size=$(field dbSize "$status")
free=$(df -Pk -- "$dir" | awk 'NR == 2 { print $4 }')
[ -n "$reported" ] && [ -n "$size" ] && [ -n "$free" ] || fail "cannot read the state of etcd or of the disk: $status"
# It may grow meanwhile.
need=$((size / 1024 * 12 / 10 + 16384))
if [ "$free" -lt "$need" ]; then
  fail "no room in $dir: $free KiB are free, $need KiB are needed"
fi

mkdir -- "$part"
trap 'rm -rf -- "$part"' EXIT
ask --command-timeout=30m snapshot save "$part/snapshot.db" >"$part/log" 2>&1 || fail "$(tail -n 3 "$part/log")"
# status does not notice every file that was cut short; the digest that etcd puts at the end does.
said=$(tail -c 32 "$part/snapshot.db" | od -An -vtx1 | tr -d ' \n')
found=$(head -c -32 "$part/snapshot.db" | sha256sum | cut -c1-64)
[ "$said" = "$found" ] || fail "the snapshot is damaged: its digest is $found, it should be $said"
facts=$(/usr/local/bin/etcdutl snapshot status "$part/snapshot.db" -w json) || fail "etcdutl cannot read the snapshot"
revision=$(field revision "$facts")
[ -n "$revision" ] || fail "etcdutl names no revision: $facts"
# Of an etcd that nobody has written to: it begins at 1, and etcdutl finds no key that would tell.
if [ "$revision" = 0 ] && [ "$reported" = 1 ]; then revision=1; fi
[ "$revision" -ge "$reported" ] || fail "the snapshot ends at revision $revision, etcd was at $reported before it"

# Says of which cluster the snapshot is, also after a restore, which gives etcd's own ids anew.
uid=$(ask get /registry/namespaces/kube-system --print-value-only |
  LC_ALL=C grep -aoE '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}' | head -n 1) || uid=
time=$(date -u +%Y-%m-%dT%H:%M:%SZ)
name="etcd-$cluster-$(printf %s "$time" | tr -d ':-')-rev$revision"
meta=$(printf '{"writtenBy":"kubexm","kind":"%s","name":"%s","cluster":"%s","clusterId":"%x","member":"%s","memberId":"%x","etcdVersion":"%s","kubernetesVersion":"%s","kubeSystemUid":"%s","revision":%s,"hash":%s,"keys":%s,"size":%s,"sha256":"%s","time":"%s"}' \
  "$kind" "$name" "$cluster" "$(field cluster_id "$status")" "$KUBEXM_MEMBER" "$(field member_id "$status")" \
  "$(field version "$status")" "$KUBEXM_KUBERNETES" "$uid" "$revision" "$(field hash "$facts")" "$(field totalKey "$facts")" \
  "$(stat -c %s "$part/snapshot.db")" "$(sha256sum <"$part/snapshot.db" | cut -c1-64)" "$time")
printf '%s\n' "$meta" >"$part/snapshot.json"
sync -- "$part/snapshot.db" "$part/snapshot.json"
# The metadata first: a snapshot without it would be nobody's, and stay forever.
mv -- "$part/snapshot.json" "$dir/$name.json"
mv -- "$part/snapshot.db" "$dir/$name.db"

# What a restore that is not over was made from: it is needed again when the restore is taken up.
data=$(sed -n 's/^data-dir: *"\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' /etc/etcd/etcd.yaml 2>/dev/null) || data=
data=$(readlink -f -- "$data" 2>/dev/null) || :
restoring=$(cat /var/lib/kubexm/etcd-restore/marker.json "$data.restore/restore.json" "$data/restore/restore.json" 2>/dev/null |
  grep -o '"sha256":"[0-9a-f]*"' | cut -d'"' -f4 | sort -u | tr '\n' ' ') || restoring=

# Nothing goes but what metadata of this cluster and kind names; never the one just made, whatever the clock says.
kept=1
for file in $(ls -r "$dir" | grep -E "^etcd-$cluster-[0-9]{8}T[0-9]{6}Z-rev[0-9]+\.json$"); do
  [ "$file" != "$name.json" ] || continue
  grep -q '"writtenBy":"kubexm"' "$dir/$file" && grep -q "\"kind\":\"$kind\"" "$dir/$file" &&
    grep -q "\"cluster\":\"$cluster\"" "$dir/$file" || continue
  case " $restoring" in *" $(field sha256 "$(cat -- "$dir/$file")") "*) continue ;; esac
  kept=$((kept + 1))
  if [ "$kept" -gt "$KUBEXM_KEEP" ]; then rm -f -- "$dir/${file%.json}.db" "$dir/$file"; fi
done

if [ -n "${KUBEXM_STATE:-}" ]; then
  (umask 022 && mkdir -p -- "$(dirname -- "$KUBEXM_STATE")")
  printf '{"time":"%s","revision":%s,"file":"%s"}\n' "$time" "$revision" "$dir/$name.db" >"$KUBEXM_STATE.new"
  mv -- "$KUBEXM_STATE.new" "$KUBEXM_STATE"
fi
# For the control machine, which has copies.
echo "restoring: $restoring"
printf '%s\n' "$meta"
