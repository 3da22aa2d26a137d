package lwm2m

import "github.com/lwm2m-go/lwm2m/model"

// The vocabulary of package model that applications need most.
type (
	// Path names an Object, Object Instance, Resource or Resource Instance.
	Path = model.Path
	// Value is the value of a Resource of any data type.
	Value = model.Value
	// ObjectLink is the Go type of Resources of type Objlnk.
	ObjectLink = model.ObjectLink
	// CoreLink is the Go type of Resources of type Corelnk.
	CoreLink = model.CoreLink
	// Version is a version of LwM2M or of an Object.
	Version = model.Version
	// Code is a response code. It is an error, so that callbacks can return it.
	Code = model.Code
	// Error is the refusal of an operation, with code, path and reason.
	Error = model.Error
)

// The versions of LwM2M that a client can speak.
var (
	Version10 = model.Version10
	Version11 = model.Version11
	Version12 = model.Version12
)

// Codes that callbacks return to choose the answer to the server, alone or
// wrapped: fmt.Errorf("%w: the valve is stuck", lwm2m.MethodNotAllowed).
const (
	BadRequest          = model.BadRequest          // 4.00, the value or argument does not fit
	Unauthorized        = model.Unauthorized        // 4.01
	NotFound            = model.NotFound            // 4.04, there is no such thing at this moment
	MethodNotAllowed    = model.MethodNotAllowed    // 4.05, not in this state
	InternalServerError = model.InternalServerError // 5.00, also given for any other error
	ServiceUnavailable  = model.ServiceUnavailable  // 5.03, try again later
)

// PathOf builds a Path from one to four identifiers, such as
// PathOf(3303, 0, 5700). More than four panic; see [ParsePath] for input.
func PathOf(ids ...uint16) Path { return model.PathOf(ids...) }

// ParsePath reads the text form of a Path, such as "/3303/0/5700".
func ParsePath(s string) (Path, error) { return model.ParsePath(s) }
