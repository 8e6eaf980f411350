//go:build tools

// Package tools names the main packages that the lab builds, so that `go mod tidy` keeps what they need.
package tools

import (
	_ "github.com/rancher/local-path-provisioner"
)
