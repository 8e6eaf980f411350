package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"regexp"
	"strings"
	"text/tabwriter"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	pb "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func outputFlag(flags *flag.FlagSet) *string {
	value := flags.String("output", "", "")
	flags.StringVar(value, "o", "", "")
	return value
}

type labels map[string]string

func (l *labels) String() string { return "" }

func (l *labels) Set(text string) error {
	key, value, found := strings.Cut(text, "=")
	if !found {
		return fmt.Errorf("%q is not key=value", text)
	}
	if *l == nil {
		*l = labels{}
	}
	(*l)[key] = value
	return nil
}

func labelFlag(flags *flag.FlagSet) *map[string]string {
	var value labels
	flags.Var(&value, "label", "")
	return (*map[string]string)(&value)
}

// matcher: names are regular expressions, as in the real crictl.
func matcher(expression string) (func(string) bool, error) {
	compiled, err := regexp.Compile(expression)
	if err != nil {
		return nil, err
	}
	return compiled.MatchString, nil
}

// messageJSON: protojson varies its spaces on purpose, so the text is laid out again.
func messageJSON(message proto.Message) (json.RawMessage, error) {
	text, err := protojson.MarshalOptions{EmitDefaultValues: true}.Marshal(message)
	if err != nil {
		return nil, err
	}
	return text, nil
}

func printMessage(out io.Writer, message proto.Message) error {
	text, err := messageJSON(message)
	if err != nil {
		return err
	}
	return printJSON(out, text)
}

func printWithInfo(out io.Writer, message proto.Message, info map[string]string) error {
	status, err := messageJSON(message)
	if err != nil {
		return err
	}
	fields := infoFields(info)
	fields["status"] = status
	text, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	return printJSON(out, text)
}

func printJSON(out io.Writer, text []byte) error {
	var laidOut bytes.Buffer
	if err := json.Indent(&laidOut, text, "", "  "); err != nil {
		return err
	}
	laidOut.WriteByte('\n')
	_, err := laidOut.WriteTo(out)
	return err
}

func imageTable(out io.Writer, images []*pb.Image, digests, full bool) error {
	table := tabwriter.NewWriter(out, 0, 8, 4, ' ', 0)
	heading := "IMAGE\tTAG\tIMAGE ID\tSIZE"
	if digests {
		heading = "IMAGE\tTAG\tDIGEST\tIMAGE ID\tSIZE"
	}
	fmt.Fprintln(table, heading)
	for _, image := range images {
		digest := "<none>"
		if list := image.GetRepoDigests(); len(list) > 0 {
			_, digest, _ = strings.Cut(list[0], "@")
		}
		tags := image.GetRepoTags()
		if len(tags) == 0 {
			tags = []string{"<none>:<none>"}
		}
		for _, tag := range tags {
			cut := strings.LastIndex(tag, ":")
			columns := []string{tag[:cut], tag[cut+1:]}
			if digests {
				columns = append(columns, short(digest, full))
			}
			columns = append(columns, short(image.GetId(), full), fmt.Sprintf("%.1fMB", float64(image.GetSize())/1e6))
			fmt.Fprintln(table, strings.Join(columns, "\t"))
		}
	}
	return table.Flush()
}

func containerTable(out io.Writer, containers []*pb.Container) error {
	table := tabwriter.NewWriter(out, 0, 8, 4, ' ', 0)
	fmt.Fprintln(table, "CONTAINER\tIMAGE\tCREATED\tSTATE\tNAME\tATTEMPT\tPOD ID\tPOD\tNAMESPACE")
	for _, container := range containers {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n",
			short(container.GetId(), false), short(container.GetImage().GetImage(), false), age(container.GetCreatedAt()),
			state(container.GetState().String()), container.GetMetadata().GetName(), container.GetMetadata().GetAttempt(),
			short(container.GetPodSandboxId(), false), container.GetLabels()["io.kubernetes.pod.name"], container.GetLabels()["io.kubernetes.pod.namespace"])
	}
	return table.Flush()
}

func podTable(out io.Writer, pods []*pb.PodSandbox) error {
	table := tabwriter.NewWriter(out, 0, 8, 4, ' ', 0)
	fmt.Fprintln(table, "POD ID\tCREATED\tSTATE\tNAME\tNAMESPACE\tATTEMPT\tRUNTIME")
	for _, pod := range pods {
		runtime := pod.GetRuntimeHandler()
		if runtime == "" {
			runtime = "(default)"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", short(pod.GetId(), false), age(pod.GetCreatedAt()),
			state(pod.GetState().String()), pod.GetMetadata().GetName(), pod.GetMetadata().GetNamespace(), pod.GetMetadata().GetAttempt(), runtime)
	}
	return table.Flush()
}

// state: CONTAINER_RUNNING is shown as Running, SANDBOX_NOTREADY as NotReady.
func state(name string) string {
	if name == "SANDBOX_NOTREADY" {
		return "NotReady"
	}
	_, word, _ := strings.Cut(name, "_")
	return word[:1] + strings.ToLower(word[1:])
}

func age(createdAtNanoseconds int64) string {
	return time.Since(time.Unix(0, createdAtNanoseconds)).Round(time.Second).String() + " ago"
}

func short(id string, full bool) string {
	trimmed := strings.TrimPrefix(id, "sha256:")
	if full || len(trimmed) <= 13 {
		return id
	}
	if strings.ContainsAny(trimmed, "/:") {
		return id
	}
	return trimmed[:13]
}
