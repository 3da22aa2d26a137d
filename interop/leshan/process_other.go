//go:build !unix

package leshan

import "os/exec"

func ownGroup(*exec.Cmd) {}

func killGroup(cmd *exec.Cmd) error { return cmd.Process.Kill() }

// lockFolder relies on the rename that ends every change of the cache.
func lockFolder(string) (unlock func(), err error) { return func() {}, nil }
