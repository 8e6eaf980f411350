import { posix } from 'node:path';
import { type ShellCommand, script, sh } from '../../runner/index.js';
import type { ExtractArchive } from './params.js';
import { octal } from './permissions.js';

/**
 * Extracts beside the target and then renames each file into place, so that nobody ever sees half a binary and a running
 * one can be replaced. Prints the paths of what it put in place. Exit codes: 65 the archive is another one, 66 a member
 * is missing.
 */
export function extractScript(
  { archive, into, strip, members = [] }: ExtractArchive,
  sha256: string,
  key: string,
): ShellCommand {
  // A fixed name: what a killed run left is cleared away by the next one.
  const stage = posix.join(into, `.kubexm-${key}`);
  const place =
    members.length > 0
      ? members.map(({ path, to, mode }) => placeOne(path, posix.join(into, to ?? path), mode))
      : [placeAll(into)];
  return script(
    [
      sh`set -e; umask 022; archive=${archive}; stage=${stage}`,
      sh`found=$(sha256sum < "$archive"); found=\${found%% *}`,
      sh`[ "$found" = ${sha256} ] || { echo "found sha256 $found" >&2; exit 65; }`,
      sh`rm -rf "$stage"; mkdir -p "$stage"`,
      sh`trap 'rm -rf "$stage"' EXIT; trap 'exit 1' HUP INT TERM`,
      // --touch: services compare the time of their binaries with their own start.
      sh`tar -xf "$archive" -C "$stage" --no-same-owner --touch --strip-components=${strip ?? 0}`,
      sh`cd "$stage"`,
      ...place,
    ]
      .map((line) => line.text)
      .join('\n'),
  );
}

function placeOne(member: string, target: string, mode: number | undefined): ShellCommand {
  const chmod = mode === undefined ? sh`:` : sh`chmod ${octal(mode)} ${member}`;
  return sh`[ -e ${member} ] || [ -h ${member} ] || { echo ${`${member} is not in the archive`} >&2; exit 66; }
${chmod}
mkdir -p ${posix.dirname(target)}
mv -fT ${member} ${target}
echo ${target}`;
}

function placeAll(into: string): ShellCommand {
  return sh`find . ! -type d | sed 's|^[.]/||' | while IFS= read -r member; do
  mkdir -p "$(dirname ${into}/"$member")"
  mv -fT "$member" ${into}/"$member"
  printf '%s\\n' ${into}/"$member"
done`;
}
