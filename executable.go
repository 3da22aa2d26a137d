package lwm2m

import (
	"context"
	"fmt"

	"github.com/lwm2m-go/lwm2m/internal/tree"
	"github.com/lwm2m-go/lwm2m/model"
)

// Executable is a handle to an executable Resource of an [Instance]. Without a
// callback the Resource is not there for servers.
type Executable struct {
	in *Instance
	id uint16
}

// ExecutableOf returns a handle to an executable Resource of in. A Resource that
// is not executable is a mistake of the program and panics.
func ExecutableOf(in *Instance, id uint16) Executable {
	if def, ok := in.Object().Resource(id); !ok || !def.Operations.Has(model.Executable) {
		panic(fmt.Sprintf("lwm2m: Resource %d of Object %d is not executable", id, in.Object().ID))
	}
	return Executable{in, id}
}

// Path is the path of the Resource, such as /3/0/4.
func (e Executable) Path() Path { return e.in.Path().Child(e.id) }

// OnExecute has f called when a server executes the Resource. nil is the answer
// 2.04 Changed; an error is the answer that it names. f may take its time: the
// server is told meanwhile that its request has arrived.
func (e Executable) OnExecute(f func(context.Context, Arguments) error) {
	e.in.setHook(e.id, func(h *tree.Hooks) {
		h.Execute = func(ctx context.Context, payload []byte) error {
			arguments, err := ParseArguments(string(payload))
			if err != nil {
				return err
			}
			return f(ctx, arguments)
		}
	})
}

// Argument is one argument of an Execute.
type Argument struct {
	Digit    uint8 // 0 to 9
	Value    string
	HasValue bool // false for a bare digit
}

// Arguments are the arguments of an Execute, each digit at most once.
type Arguments []Argument

// Get returns the value of the argument with the digit; ok tells if it is there, with or without a value.
func (a Arguments) Get(digit uint8) (value string, ok bool) {
	for _, arg := range a {
		if arg.Digit == digit {
			return arg.Value, true
		}
	}
	return "", false
}

// String is the text form, such as "2='10.3',5".
func (a Arguments) String() string {
	var s []byte
	for i, arg := range a {
		if i > 0 {
			s = append(s, ',')
		}
		s = append(s, '0'+arg.Digit)
		if arg.HasValue {
			s = append(s, "='"+arg.Value+"'"...)
		}
	}
	return string(s)
}

// ParseArguments reads the payload of an Execute (Core 1.1.1 §6.3.5): digits,
// each with an optional value in single quotes, separated by commas. The error
// is a [*Error] with 4.00.
func ParseArguments(s string) (Arguments, error) {
	var args Arguments
	seen := [10]bool{}
	for i := 0; i < len(s); {
		if len(args) > 0 {
			if s[i] != ',' {
				return nil, badArguments(s, i, "want a comma")
			}
			i++
		}
		if i == len(s) || s[i] < '0' || s[i] > '9' {
			return nil, badArguments(s, i, "want a digit")
		}
		arg := Argument{Digit: s[i] - '0'}
		if seen[arg.Digit] {
			return nil, badArguments(s, i, "digit given twice")
		}
		seen[arg.Digit] = true
		i++
		if i < len(s) && s[i] == '=' {
			end := quotedEnd(s, i+1)
			if end < 0 {
				return nil, badArguments(s, i+1, "want a value in single quotes, of printable characters but \" ' \\")
			}
			arg.Value, arg.HasValue = s[i+2:end], true
			i = end + 1
		}
		args = append(args, arg)
	}
	return args, nil
}

// quotedEnd finds the closing quote of the value whose opening quote should be at
// start; -1 if it is not well formed.
func quotedEnd(s string, start int) int {
	if start >= len(s) || s[start] != '\'' {
		return -1
	}
	for i := start + 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\'':
			return i
		case c < '!' || c > '~' || c == '"' || c == '\\':
			return -1
		}
	}
	return -1
}

func badArguments(s string, at int, reason string) error {
	return &Error{Code: BadRequest, Reason: fmt.Sprintf("arguments %.40q, character %d: %s", s, at+1, reason)}
}
