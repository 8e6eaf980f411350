/** A lab host may not lower an oom_score_adj: this stands between docker and runc, and asks for no less than 0. */
const wrapper = `mkdir -p /usr/local/sbin && cat > /usr/local/sbin/runc-lab <<'END'
#!/usr/bin/python3
import json, os, sys
args = sys.argv[1:]
if '--bundle' in args or '-b' in args:
    flag = '--bundle' if '--bundle' in args else '-b'
    path = os.path.join(args[args.index(flag) + 1], 'config.json')
    with open(path) as file:
        config = json.load(file)
    process = config.get('process', {})
    if process.get('oomScoreAdj', 0) < 0:
        process['oomScoreAdj'] = 0
        with open(path, 'w') as file:
            json.dump(config, file)
os.execvp('/usr/bin/runc' if os.path.exists('/usr/bin/runc') else '/usr/sbin/runc', ['runc'] + args)
END
chmod 755 /usr/local/sbin/runc-lab`;

/** docker from Debian's packages on a lab host; `registry` is spoken to over plain HTTP. */
export function labDocker(extraConfig: Readonly<Record<string, unknown>> = {}) {
  return {
    preInstall: [wrapper],
    docker: {
      packages: ['docker.io', 'docker-cli'],
      extraConfig: {
        'default-runtime': 'lab',
        runtimes: { lab: { path: '/usr/local/sbin/runc-lab' } },
        ...extraConfig,
      },
    },
  };
}
