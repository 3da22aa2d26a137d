package interop

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"github.com/lwm2m-go/lwm2m/interop/leshan"
)

// shared is one Leshan for all tests but those that stop it, and bootstrapServer its bootstrap server. Both or
// neither are there.
var (
	shared          *leshan.Server
	bootstrapServer *leshan.BootstrapServer
	errOfShared     error
	// certificates are those that shared and its clients use.
	certificates *estate
)

// properties lets Leshan take bodies of more than 8 KiB.
var properties = map[string]string{"COAP.MAX_RESOURCE_BODY_SIZE": "1000000"}

func TestMain(m *testing.M) {
	flag.Parse()
	// The tests wait more than they work, so more run at once than there are processors.
	if err := flag.Set("test.parallel", "12"); err != nil {
		panic(err)
	}
	options, err := options()
	if err != nil {
		panic(err)
	}
	if certificates, err = certify(&options); err != nil {
		panic(err)
	}
	startServers(options)
	code := m.Run()
	if err := errors.Join(shared.Close(), bootstrapServer.Close(), leaks(code)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// startServers starts both at once, before the tests, some of which measure times.
func startServers(options leshan.Options) {
	var errOfBootstrap error
	var starting sync.WaitGroup
	starting.Go(func() { shared, errOfShared = leshan.StartMain(options) })
	starting.Go(func() { bootstrapServer, errOfBootstrap = leshan.StartBootstrapMain(options) })
	starting.Wait()
	errOfShared = errors.Join(errOfShared, errOfBootstrap)
}

// leaks looks for goroutines that outlived tests that passed.
func leaks(code int) error {
	if code != 0 {
		return nil
	}
	return goleak.Find()
}

// options tells Leshan about objects that it does not know by itself.
func options() (leshan.Options, error) {
	models := fstest.MapFS{}
	for _, name := range []string{"16.xml", "3303.xml"} {
		text, err := os.ReadFile("../model/xml/" + name)
		if err != nil {
			return leshan.Options{}, err
		}
		models[name] = &fstest.MapFile{Data: text}
	}
	return leshan.Options{Models: models, Properties: properties}, nil
}

// start runs a Leshan of the test's own.
func start(t *testing.T, address string) *leshan.Server {
	t.Helper()
	leshan.Require(t, errOfShared)
	options, err := options()
	must(t, err)
	options.CoAP = address
	return leshan.Start(t, options)
}

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
