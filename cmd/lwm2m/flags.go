package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/internal/link"
)

// seconds is a flag for a duration of whole seconds, given as such ("5m", "90s") or
// as a bare number of seconds, as servers show lifetimes.
type seconds time.Duration

// Set reads the flag.
func (s *seconds) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil {
		n, bare := strconv.ParseInt(text, 10, 32)
		if bare != nil {
			return errors.New("want a duration such as 5m, or a number of seconds")
		}
		d = time.Duration(n) * time.Second
	}
	if d < time.Second || d%time.Second != 0 {
		return errors.New("want whole seconds, at least one")
	}
	*s = seconds(d)
	return nil
}

// String is the flag's value.
func (s *seconds) String() string { return time.Duration(*s).String() }

// Type names the flag's value in the help text.
func (s *seconds) Type() string { return "duration" }

// parseServer reads the URI of a server that a flag gives.
func parseServer(flag, uri string) (link.Target, error) {
	target, err := link.ParseURI(uri)
	switch {
	case err != nil && !strings.Contains(uri, "://"):
		return target, usagef("--%s: %q: want coaps://HOST[:PORT] or coap://HOST[:PORT]", flag, uri)
	case err != nil:
		reason := strings.TrimPrefix(err.Error(), fmt.Sprintf("%v %q: ", link.ErrURI, uri))
		return target, usagef("--%s: %q: %s", flag, uri, reason)
	case target.Scheme == link.SchemeTCP, target.Scheme == link.SchemeTLS:
		return target, usagef("--%s: %q: CoAP over TCP is not built yet; use coaps:// or coap://", flag, uri)
	}
	return target, nil
}

// parseVersion reads the flag --version.
func parseVersion(text string) (lwm2m.Version, error) {
	switch text {
	case "1.0":
		return lwm2m.Version10, nil
	case "1.1":
		return lwm2m.Version11, nil
	case "1.2":
		return lwm2m.Version12, nil
	}
	return lwm2m.Version{}, usagef("--version: %q: this program speaks LwM2M 1.0, 1.1 and 1.2", text)
}

// maxEndpoint is what fits into the query ep= of a Register.
const maxEndpoint = 252

func checkEndpoint(name string) error {
	switch {
	case name == "":
		return usagef("--endpoint is missing; give the device a name, as in --endpoint thermo-1")
	case len(name) > maxEndpoint:
		return usagef("--endpoint: the name has %d bytes, more than the %d that are possible", len(name), maxEndpoint)
	}
	return nil
}

// checkAtLeast reports a duration that is too short to make sense.
func checkAtLeast(flag string, d, least time.Duration) error {
	if d < least {
		return usagef("--%s: %v: want at least %v", flag, d, least)
	}
	return nil
}
