package leshan

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// shared is one server for all tests that only drive it.
var (
	shared      *Server
	errOfShared error
)

func TestMain(m *testing.M) {
	shared, errOfShared = StartMain(Options{})
	code := m.Run()
	if err := shared.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func sharedServer(t *testing.T) (*Server, context.Context) {
	t.Helper()
	Require(t, errOfShared)
	shared.LogTo(t)
	return shared, testContext(t)
}

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}
