package lwm2m_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
)

func TestExecute(t *testing.T) {
	var got []string
	configure := func(_ *lwm2m.Config, f *fixture) {
		f.device.Reboot.OnExecute(func(_ context.Context, a lwm2m.Arguments) error {
			got = append(got, a.String())
			if v, ok := a.Get(9); ok {
				return fmt.Errorf("%w: not with %s", lwm2m.MethodNotAllowed, v)
			}
			return nil
		})
	}
	start(t, configure, func(f *fixture) {
		f.play(
			exchange{post("/3/0/4", none, ""), model.Changed, none, ""},
			exchange{post("/3/0/4", none, "5"), model.Changed, none, ""},
			exchange{post("/3/0/4", text, "2='10.3'"), model.Changed, none, ""},
			exchange{post("/3/0/4", text, "7,0='https://a.b'"), model.Changed, none, ""},
			exchange{post("/3/0/4", text, "9='x'"), model.MethodNotAllowed, none, "/3/0/4: 4.05 Method Not Allowed: not with x"},
			// Refused before the callback.
			exchange{post("/3/0/4", text, "0='a"), model.BadRequest, none, `arguments "0='a", character 3: want a value in single quotes, of printable characters but " ' \`},
			exchange{post("/3/0/5", none, ""), model.NotFound, none, "/3/0/5: the Resource is not supported"},
			exchange{post("/3/0/0", none, ""), model.MethodNotAllowed, none, "/3/0/0: not executable"},
			exchange{post("/3/0/99", none, ""), model.NotFound, none, "/3/0/99: no such Resource"},
			exchange{post("/3/1/4", none, ""), model.NotFound, none, "/3/1/4: no such Object Instance"},
			exchange{post("/0/0/4", none, ""), model.Unauthorized, none, "/0/0/4: the Object is closed to servers"},
			exchange{post("/3/0/4/0", none, ""), model.MethodNotAllowed, none, "/3/0/4/0: not possible on a Resource Instance"},
			exchange{post("/", none, ""), model.BadRequest, none, "the path names no Object"},
		)
		r, err := f.peer.Do(f.ctx, post("/3/0/4", 1+60, "\x01"))
		if err != nil || r.Code != model.UnsupportedContentFormat {
			t.Errorf("arguments in CBOR: %v %v, want 4.15", r, err)
		}
		if want := []string{"", "5", "2='10.3'", "7,0='https://a.b'", "9='x'"}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("executed with %q, want %q", got, want)
		}
	})
}

func TestParseArguments(t *testing.T) {
	for _, good := range []string{"", "5", "2='10.3'", "7,0='https://a.b'", "0,1,2,3,4", "0='',9", "1='a=b,c#$%&()[]^_`{|}~'"} {
		a, err := lwm2m.ParseArguments(good)
		if err != nil || a.String() != good {
			t.Errorf("%q: %q, %v", good, a, err)
		}
	}
	for _, bad := range []string{"0,", "a", "10", "0=5", "0='a'b'", " 0", "0,0", "0=", "0='", ",0", "0;1", "0='a b'", `0='a"'`, `0='\'`, "0='\x7f'", "0='ü'", "0 "} {
		a, err := lwm2m.ParseArguments(bad)
		var refusal *lwm2m.Error
		if err == nil {
			t.Errorf("%q is taken as %q", bad, a)
		} else if !errors.As(err, &refusal) || refusal.Code != lwm2m.BadRequest {
			t.Errorf("%q: %v, want 4.00", bad, err)
		}
	}
	a, err := lwm2m.ParseArguments("7,0='x',3=''")
	if err != nil || len(a) != 3 {
		t.Fatal(a, err)
	}
	for digit, want := range map[uint8]string{7: " true", 0: "x true", 3: " true", 1: " false"} {
		v, ok := a.Get(digit)
		if got := fmt.Sprintf("%s %v", v, ok); got != want {
			t.Errorf("digit %d: %s, want %s", digit, got, want)
		}
	}
	if a[0].HasValue || !a[2].HasValue {
		t.Errorf("HasValue: %+v", a)
	}
}
