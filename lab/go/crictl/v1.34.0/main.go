// Command crictl is the lab's stand-in for the real crictl: the commands that a cluster deployer and its tests use,
// on the same CRI client library as the kubelet, with the output formats of the real one.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"sigs.k8s.io/yaml"
)

// version is set by the linker to the version whose place this program takes.
var version = "unknown"

type settings struct {
	RuntimeEndpoint string `json:"runtime-endpoint"`
	ImageEndpoint   string `json:"image-endpoint"`
	TimeoutSeconds  int    `json:"timeout"`
	Debug           bool   `json:"debug"`
	timeout         time.Duration
}

const usage = `crictl stand-in of the kubexm lab

Usage: crictl [global flags] COMMAND [flags] [arguments]

Commands: version info images pull inspecti rmi ps stop rm pods stopp rmp
Global flags: --runtime-endpoint|-r --image-endpoint|-i --config|-c --timeout|-t --version|-v
`

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "FATA "+err.Error())
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	global := newFlags("crictl")
	var fromFlags settings
	both(global, &fromFlags.RuntimeEndpoint, "runtime-endpoint", "r")
	both(global, &fromFlags.ImageEndpoint, "image-endpoint", "i")
	configPath := "/etc/crictl.yaml"
	if fromEnv := os.Getenv("CRI_CONFIG_FILE"); fromEnv != "" {
		configPath = fromEnv
	}
	configGiven := configPath
	both(global, &configGiven, "config", "c")
	global.DurationVar(&fromFlags.timeout, "timeout", 0, "")
	global.DurationVar(&fromFlags.timeout, "t", 0, "")
	global.BoolVar(&fromFlags.Debug, "debug", false, "")
	global.BoolVar(&fromFlags.Debug, "D", false, "")
	showVersion := bothBool(global, "version", "v")
	if err := global.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(out, usage)
			return nil
		}
		return err
	}
	if *showVersion {
		fmt.Fprintf(out, "crictl version %s (stand-in of the kubexm lab, not the real crictl)\n", version)
		return nil
	}
	name := global.Arg(0)
	if name == "" || name == "help" {
		fmt.Fprint(out, usage)
		return nil
	}
	command, known := commands[name]
	if !known {
		return fmt.Errorf("unknown command %q: this is the kubexm lab's stand-in, which knows version info images pull inspecti rmi ps stop rm pods stopp rmp", name)
	}
	resolved, err := resolve(fromFlags, configGiven, configGiven != "/etc/crictl.yaml")
	if err != nil {
		return err
	}
	return command(&client{settings: resolved, out: out}, global.Args()[1:])
}

// resolve: flags win over the environment, which wins over the file, as in the real crictl.
func resolve(fromFlags settings, configPath string, mustExist bool) (settings, error) {
	var fromFile settings
	text, err := os.ReadFile(configPath)
	if err != nil && (mustExist || !errors.Is(err, os.ErrNotExist)) {
		return settings{}, fmt.Errorf("load config file: %w", err)
	}
	if err := yaml.Unmarshal(text, &fromFile); err != nil {
		return settings{}, fmt.Errorf("load config file %s: %w", configPath, err)
	}
	result := settings{
		RuntimeEndpoint: first(fromFlags.RuntimeEndpoint, os.Getenv("CONTAINER_RUNTIME_ENDPOINT"), fromFile.RuntimeEndpoint, defaultEndpoint()),
		Debug:           fromFlags.Debug || fromFile.Debug,
		timeout:         fromFlags.timeout,
	}
	result.ImageEndpoint = first(fromFlags.ImageEndpoint, os.Getenv("IMAGE_SERVICE_ENDPOINT"), fromFile.ImageEndpoint, result.RuntimeEndpoint)
	if result.timeout == 0 {
		result.timeout = time.Duration(fromFile.TimeoutSeconds) * time.Second
	}
	if result.timeout == 0 {
		result.timeout = 2 * time.Second
	}
	return result, nil
}

func defaultEndpoint() string {
	for _, socket := range []string{"/run/containerd/containerd.sock", "/run/crio/crio.sock", "/run/cri-dockerd.sock"} {
		if _, err := os.Stat(socket); err == nil {
			return "unix://" + socket
		}
	}
	return "unix:///run/containerd/containerd.sock"
}

func first(values ...string) string {
	for _, value := range values {
		if value != "" {
			return value
		}
	}
	return ""
}

func newFlags(name string) *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	return flags
}

func both(flags *flag.FlagSet, value *string, long, short string) {
	flags.StringVar(value, long, *value, "")
	flags.StringVar(value, short, *value, "")
}

func bothBool(flags *flag.FlagSet, long, short string) *bool {
	value := flags.Bool(long, false, "")
	flags.BoolVar(value, short, false, "")
	return value
}

// parseAnywhere accepts flags before and after the arguments: `rmi ID --force` as well as `rmi --force ID`.
func parseAnywhere(flags *flag.FlagSet, args []string) ([]string, error) {
	var positional []string
	for len(args) > 0 {
		if err := flags.Parse(args); err != nil {
			return nil, fmt.Errorf("%s: %w", flags.Name(), err)
		}
		args = flags.Args()
		for len(args) > 0 && !strings.HasPrefix(args[0], "-") {
			positional = append(positional, args[0])
			args = args[1:]
		}
	}
	return positional, nil
}
