package server

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lwm2m-go/lwm2m/model"
)

// defaultLifetime is the lifetime where a Client gives none (Core 1.1.1 §6.2.1).
const defaultLifetime = 86400 * time.Second

// parameters are the query parameters of Register and Update.
type parameters struct {
	given     map[string]bool
	endpoint  string
	version   model.Version
	lifetime  time.Duration
	binding   string
	queueMode bool
	sms       string
	extra     []string
}

// badRequest is an answer 4.00 with a reason for people.
func badRequest(format string, args ...any) *model.Error {
	return &model.Error{Code: model.BadRequest, Reason: fmt.Sprintf(format, args...)}
}

// parseParameters reads the Uri-Query options. It looks at each parameter by itself;
// what they mean together depends on the version.
func parseParameters(queries []string) (parameters, *model.Error) {
	p := parameters{given: make(map[string]bool)}
	for _, query := range queries {
		name, value, hasValue := strings.Cut(query, "=")
		if !p.known(name) {
			p.extra = append(p.extra, query)
			continue
		}
		if p.given[name] {
			return p, badRequest("parameter %s is given twice", name)
		}
		p.given[name] = true
		if err := p.set(name, value, hasValue); err != nil {
			return p, err
		}
	}
	return p, nil
}

func (p *parameters) known(name string) bool {
	switch name {
	case "ep", "lt", "lwm2m", "b", "Q", "sms":
		return true
	}
	return false
}

func (p *parameters) set(name, value string, hasValue bool) *model.Error {
	switch {
	case name == "Q" && hasValue:
		return badRequest("parameter Q takes no value")
	case name == "Q":
		p.queueMode = true
		return nil
	case value == "":
		return badRequest("parameter %s has no value", name)
	}
	var err *model.Error
	switch name {
	case "ep":
		p.endpoint = value
		if !utf8.ValidString(value) {
			err = badRequest("the endpoint name is not UTF-8")
		}
	case "lt":
		p.lifetime, err = parseLifetime(value)
	case "lwm2m":
		p.version, err = parseEnabler(value)
	case "b":
		p.binding = value
	case "sms":
		p.sms, err = value, checkNumber(value)
	}
	return err
}

// parseLifetime reads seconds as Integer values of Resource /1/x/1 allow them.
func parseLifetime(value string) (time.Duration, *model.Error) {
	seconds, err := strconv.ParseUint(value, 10, 31)
	if err != nil || value[0] == '+' {
		return 0, badRequest("lifetime lt=%.20s is not a number of seconds from 0 to %d", value, 1<<31-1)
	}
	return time.Duration(seconds) * time.Second, nil
}

// parseEnabler reads the version of the enabler: exactly one digit before and after
// the point, since there are no others.
func parseEnabler(value string) (model.Version, *model.Error) {
	version, err := model.ParseVersion(value)
	if err != nil || version.String() != value {
		return version, badRequest("lwm2m=%.20s is not a version such as 1.1", value)
	}
	return version, nil
}

// checkNumber accepts an MSISDN: digits without a plus sign.
func checkNumber(value string) *model.Error {
	if strings.Trim(value, "0123456789") != "" {
		return badRequest("sms=%.20s is not a telephone number of digits only", value)
	}
	return nil
}

// bindings10 are all values of the binding in LwM2M 1.0 (Core 1.0.2 §5.3.1.1).
var bindings10 = []string{"U", "UQ", "S", "SQ", "US", "UQS"}

// checkBinding accepts the values of the binding that belong to the version: a fixed
// list in 1.0, any set of letters since then. Until 1.0 Q was part of the binding,
// since 1.1 it is a parameter (Core 1.1.1 §6.2.1).
func checkBinding(binding string, version model.Version) *model.Error {
	if version.Compare(model.Version11) < 0 {
		for _, b := range bindings10 {
			if b == binding {
				return nil
			}
		}
		return badRequest("binding b=%.20s does not exist in LwM2M %s: one of %s", binding, version, strings.Join(bindings10, ", "))
	}
	letters := "UTSN"
	if version.Compare(model.Version12) >= 0 {
		letters = "UTSNMH"
	}
	for i, letter := range binding {
		switch {
		case letter == 'Q':
			return badRequest("binding b=%.20s: Q is a parameter of its own in LwM2M %s", binding, version)
		case !strings.ContainsRune(letters, letter):
			return badRequest("binding b=%.20s: letters of LwM2M %s are %s", binding, version, letters)
		case strings.ContainsRune(binding[:i], letter):
			return badRequest("binding b=%.20s has a letter twice", binding)
		}
	}
	return nil
}

// splitBinding takes the Q of LwM2M 1.0 out of a binding.
func splitBinding(binding string) (transports string, queueMode bool) {
	transports = strings.ReplaceAll(binding, "Q", "")
	return transports, transports != binding
}
