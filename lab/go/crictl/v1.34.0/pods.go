package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	pb "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func (c *client) containers(args []string) error {
	flags := newFlags("ps")
	output := outputFlag(flags)
	quiet := bothBool(flags, "quiet", "q")
	all := bothBool(flags, "all", "a")
	var name, id, pod, state string
	flags.StringVar(&name, "name", "", "")
	flags.StringVar(&id, "id", "", "")
	both(flags, &pod, "pod", "p")
	both(flags, &state, "state", "s")
	labels := labelFlag(flags)
	if _, err := parseAnywhere(flags, args); err != nil {
		return err
	}
	filter := &pb.ContainerFilter{Id: id, PodSandboxId: pod, LabelSelector: *labels}
	if state == "" && !*all {
		state = "running"
	}
	if state != "" {
		value, known := pb.ContainerState_value["CONTAINER_"+strings.ToUpper(state)]
		if !known {
			return fmt.Errorf("ps: --state is created, running, exited or unknown, not %q", state)
		}
		filter.State = &pb.ContainerStateValue{State: pb.ContainerState(value)}
	}
	service, err := c.runtime()
	if err != nil {
		return err
	}
	found, err := service.ListContainers(context.Background(), filter)
	if err != nil {
		return fmt.Errorf("list containers: %w", err)
	}
	matches, err := matcher(name)
	if err != nil {
		return err
	}
	var kept []*pb.Container
	for _, container := range found {
		if matches(container.GetMetadata().GetName()) {
			kept = append(kept, container)
		}
	}
	if *output == "json" {
		return printMessage(c.out, &pb.ListContainersResponse{Containers: kept})
	}
	if *quiet {
		for _, container := range kept {
			fmt.Fprintln(c.out, container.GetId())
		}
		return nil
	}
	return containerTable(c.out, kept)
}

func (c *client) pods(args []string) error {
	flags := newFlags("pods")
	output := outputFlag(flags)
	quiet := bothBool(flags, "quiet", "q")
	var name, namespace, id, state string
	flags.StringVar(&name, "name", "", "")
	flags.StringVar(&namespace, "namespace", "", "")
	flags.StringVar(&id, "id", "", "")
	both(flags, &state, "state", "s")
	labels := labelFlag(flags)
	if _, err := parseAnywhere(flags, args); err != nil {
		return err
	}
	filter := &pb.PodSandboxFilter{Id: id, LabelSelector: *labels}
	if state != "" {
		value, known := pb.PodSandboxState_value["SANDBOX_"+strings.ToUpper(state)]
		if !known {
			return fmt.Errorf("pods: --state is ready or notready, not %q", state)
		}
		filter.State = &pb.PodSandboxStateValue{State: pb.PodSandboxState(value)}
	}
	service, err := c.runtime()
	if err != nil {
		return err
	}
	found, err := service.ListPodSandbox(context.Background(), filter)
	if err != nil {
		return fmt.Errorf("list pod sandboxes: %w", err)
	}
	matchesName, err := matcher(name)
	if err != nil {
		return err
	}
	matchesNamespace, err := matcher(namespace)
	if err != nil {
		return err
	}
	var kept []*pb.PodSandbox
	for _, pod := range found {
		if matchesName(pod.GetMetadata().GetName()) && matchesNamespace(pod.GetMetadata().GetNamespace()) {
			kept = append(kept, pod)
		}
	}
	if *output == "json" {
		return printMessage(c.out, &pb.ListPodSandboxResponse{Items: kept})
	}
	if *quiet {
		for _, pod := range kept {
			fmt.Fprintln(c.out, pod.GetId())
		}
		return nil
	}
	return podTable(c.out, kept)
}

func (c *client) stopContainers(args []string) error {
	flags := newFlags("stop")
	timeout := flags.Int64("timeout", 0, "")
	flags.Int64Var(timeout, "t", 0, "")
	ids, err := parseAnywhere(flags, args)
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		return errors.New("stop: a container id is needed")
	}
	service, err := c.runtime()
	if err != nil {
		return err
	}
	return eachOf(ids, func(id string) error {
		if err := service.StopContainer(context.Background(), id, *timeout); err != nil {
			return err
		}
		fmt.Fprintln(c.out, id)
		return nil
	})
}

func (c *client) removeContainers(args []string) error {
	flags := newFlags("rm")
	force := bothBool(flags, "force", "f")
	all := bothBool(flags, "all", "a")
	ids, err := parseAnywhere(flags, args)
	if err != nil {
		return err
	}
	service, err := c.runtime()
	if err != nil {
		return err
	}
	if *all {
		found, err := service.ListContainers(context.Background(), nil)
		if err != nil {
			return err
		}
		ids = nil
		for _, container := range found {
			ids = append(ids, container.GetId())
		}
	} else if len(ids) == 0 {
		return errors.New("rm: a container id or --all is needed")
	}
	return eachOf(ids, func(id string) error {
		if *force {
			if err := service.StopContainer(context.Background(), id, 0); err != nil {
				return err
			}
		}
		if err := service.RemoveContainer(context.Background(), id); err != nil {
			return err
		}
		fmt.Fprintln(c.out, id)
		return nil
	})
}

func (c *client) stopPods(args []string) error {
	ids, err := parseAnywhere(newFlags("stopp"), args)
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		return errors.New("stopp: a pod id is needed")
	}
	service, err := c.runtime()
	if err != nil {
		return err
	}
	return eachOf(ids, func(id string) error {
		if err := service.StopPodSandbox(context.Background(), id); err != nil {
			return err
		}
		fmt.Fprintf(c.out, "Stopped sandbox %s\n", id)
		return nil
	})
}

func (c *client) removePods(args []string) error {
	flags := newFlags("rmp")
	force := bothBool(flags, "force", "f")
	all := bothBool(flags, "all", "a")
	ids, err := parseAnywhere(flags, args)
	if err != nil {
		return err
	}
	service, err := c.runtime()
	if err != nil {
		return err
	}
	if *all {
		found, err := service.ListPodSandbox(context.Background(), nil)
		if err != nil {
			return err
		}
		ids = nil
		for _, pod := range found {
			ids = append(ids, pod.GetId())
		}
	} else if len(ids) == 0 {
		return errors.New("rmp: a pod id or --all is needed")
	}
	return eachOf(ids, func(id string) error {
		if *force {
			if err := service.StopPodSandbox(context.Background(), id); err != nil {
				return err
			}
		}
		if err := service.RemovePodSandbox(context.Background(), id); err != nil {
			return err
		}
		fmt.Fprintf(c.out, "Removed sandbox %s\n", id)
		return nil
	})
}
