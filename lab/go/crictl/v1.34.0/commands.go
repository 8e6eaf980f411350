package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	internalapi "k8s.io/cri-api/pkg/apis"
	pb "k8s.io/cri-api/pkg/apis/runtime/v1"
	remote "k8s.io/cri-client/pkg"
)

type client struct {
	settings settings
	out      io.Writer
}

var commands = map[string]func(*client, []string) error{
	"version":  (*client).version,
	"info":     (*client).info,
	"images":   (*client).images,
	"image":    (*client).images,
	"img":      (*client).images,
	"pull":     (*client).pull,
	"inspecti": (*client).inspectImage,
	"rmi":      (*client).removeImages,
	"ps":       (*client).containers,
	"stop":     (*client).stopContainers,
	"rm":       (*client).removeContainers,
	"pods":     (*client).pods,
	"stopp":    (*client).stopPods,
	"rmp":      (*client).removePods,
}

func (c *client) runtime() (internalapi.RuntimeService, error) {
	return remote.NewRemoteRuntimeService(c.settings.RuntimeEndpoint, c.settings.timeout, nil, nil)
}

func (c *client) imageService() (internalapi.ImageManagerService, error) {
	return remote.NewRemoteImageService(c.settings.ImageEndpoint, c.settings.timeout, nil, nil)
}

func (c *client) version(_ []string) error {
	service, err := c.runtime()
	if err != nil {
		return err
	}
	answer, err := service.Version(context.Background(), "v1")
	if err != nil {
		return fmt.Errorf("getting the runtime version: %w", err)
	}
	fmt.Fprintf(c.out, "Version:  %s\nRuntimeName:  %s\nRuntimeVersion:  %s\nRuntimeApiVersion:  %s\n",
		answer.GetVersion(), answer.GetRuntimeName(), answer.GetRuntimeVersion(), answer.GetRuntimeApiVersion())
	return nil
}

func (c *client) info(args []string) error {
	flags := newFlags("info")
	output := outputFlag(flags)
	quiet := bothBool(flags, "quiet", "q")
	if _, err := parseAnywhere(flags, args); err != nil {
		return err
	}
	if *output != "" && *output != "json" {
		return fmt.Errorf("info: the stand-in prints json only, not %q", *output)
	}
	service, err := c.runtime()
	if err != nil {
		return err
	}
	answer, err := service.Status(context.Background(), !*quiet)
	if err != nil {
		return fmt.Errorf("getting status of runtime: %w", err)
	}
	return printWithInfo(c.out, answer.GetStatus(), answer.GetInfo())
}

func (c *client) pull(args []string) error {
	flags := newFlags("pull")
	credentials := flags.String("creds", "", "")
	names, err := parseAnywhere(flags, args)
	if err != nil {
		return err
	}
	if len(names) != 1 {
		return errors.New("pull: one image name is needed")
	}
	var auth *pb.AuthConfig
	if *credentials != "" {
		user, password, _ := strings.Cut(*credentials, ":")
		auth = &pb.AuthConfig{Username: user, Password: password}
	}
	service, err := c.imageService()
	if err != nil {
		return err
	}
	reference, err := service.PullImage(context.Background(), &pb.ImageSpec{Image: names[0], UserSpecifiedImage: names[0]}, auth, nil)
	if err != nil {
		return fmt.Errorf("pulling image: %w", err)
	}
	fmt.Fprintf(c.out, "Image is up to date for %s\n", reference)
	return nil
}

func (c *client) images(args []string) error {
	flags := newFlags("images")
	output := outputFlag(flags)
	quiet := bothBool(flags, "quiet", "q")
	digests := flags.Bool("digests", false, "")
	full := flags.Bool("no-trunc", false, "")
	names, err := parseAnywhere(flags, args)
	if err != nil {
		return err
	}
	var filter *pb.ImageFilter
	if len(names) > 0 {
		filter = &pb.ImageFilter{Image: &pb.ImageSpec{Image: names[0]}}
	}
	service, err := c.imageService()
	if err != nil {
		return err
	}
	found, err := service.ListImages(context.Background(), filter)
	if err != nil {
		return fmt.Errorf("listing images: %w", err)
	}
	if *output == "json" {
		return printMessage(c.out, &pb.ListImagesResponse{Images: found})
	}
	if *quiet {
		for _, image := range found {
			fmt.Fprintln(c.out, image.GetId())
		}
		return nil
	}
	return imageTable(c.out, found, *digests, *full)
}

func (c *client) inspectImage(args []string) error {
	flags := newFlags("inspecti")
	outputFlag(flags)
	quiet := bothBool(flags, "quiet", "q")
	names, err := parseAnywhere(flags, args)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return errors.New("inspecti: an image is needed")
	}
	service, err := c.imageService()
	if err != nil {
		return err
	}
	for _, name := range names {
		answer, err := service.ImageStatus(context.Background(), &pb.ImageSpec{Image: name}, !*quiet)
		if err != nil {
			return fmt.Errorf("image status for %q request: %w", name, err)
		}
		if answer.GetImage() == nil {
			return fmt.Errorf("no such image %q present", name)
		}
		if err := printWithInfo(c.out, answer.GetImage(), answer.GetInfo()); err != nil {
			return err
		}
	}
	return nil
}

func (c *client) removeImages(args []string) error {
	flags := newFlags("rmi")
	all := bothBool(flags, "all", "a")
	prune := bothBool(flags, "prune", "q")
	names, err := parseAnywhere(flags, args)
	if err != nil {
		return err
	}
	if !*all && !*prune && len(names) == 0 {
		return errors.New("rmi: an image, --all or --prune is needed")
	}
	service, err := c.imageService()
	if err != nil {
		return err
	}
	if *all || *prune {
		inUse := map[string]bool{}
		if *prune {
			if inUse, err = c.imagesInUse(); err != nil {
				return err
			}
		}
		found, err := service.ListImages(context.Background(), nil)
		if err != nil {
			return fmt.Errorf("listing images: %w", err)
		}
		names = nil
		for _, image := range found {
			if !inUse[image.GetId()] && !(*prune && image.GetPinned()) {
				names = append(names, image.GetId())
			}
		}
	}
	return eachOf(names, func(name string) error {
		answer, err := service.ImageStatus(context.Background(), &pb.ImageSpec{Image: name}, false)
		if err != nil {
			return err
		}
		if answer.GetImage() == nil {
			return fmt.Errorf("no such image %s", name)
		}
		if err := service.RemoveImage(context.Background(), &pb.ImageSpec{Image: name}); err != nil {
			return err
		}
		shown := answer.GetImage().GetRepoTags()
		if len(shown) == 0 {
			shown = []string{name}
		}
		for _, tag := range shown {
			fmt.Fprintf(c.out, "Deleted: %s\n", tag)
		}
		return nil
	})
}

func (c *client) imagesInUse() (map[string]bool, error) {
	service, err := c.runtime()
	if err != nil {
		return nil, err
	}
	found, err := service.ListContainers(context.Background(), nil)
	if err != nil {
		return nil, fmt.Errorf("listing containers: %w", err)
	}
	inUse := map[string]bool{}
	for _, container := range found {
		inUse[container.GetImageRef()] = true
		inUse[container.GetImageId()] = true
	}
	return inUse, nil
}

// eachOf tries every name and reports all failures, not just the first.
func eachOf(names []string, act func(string) error) error {
	var failures []error
	for _, name := range names {
		if err := act(name); err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(failures...)
}

// infoFields: the runtime's verbose answers are JSON texts in a map; the real crictl shows them as JSON, not as strings.
func infoFields(info map[string]string) map[string]json.RawMessage {
	fields := map[string]json.RawMessage{}
	for key, value := range info {
		if json.Valid([]byte(value)) {
			fields[key] = json.RawMessage(value)
			continue
		}
		quoted, _ := json.Marshal(value)
		fields[key] = quoted
	}
	return fields
}
