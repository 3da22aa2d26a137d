package model_test

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"testing"

	"github.com/lwm2m-go/lwm2m/model"
)

func TestCode(t *testing.T) {
	for code, want := range map[model.Code]string{
		model.Content:                  "2.05 Content",
		model.Continue:                 "2.31 Continue",
		model.BadRequest:               "4.00 Bad Request",
		model.UnsupportedContentFormat: "4.15 Unsupported Content-Format",
		model.ServiceUnavailable:       "5.03 Service Unavailable",
		7<<5 | 31:                      "7.31",
	} {
		if code.String() != want || code.Error() != want || code.IsSuccess() != (want[0] == '2') {
			t.Errorf("%d is %q, success %t; want %q", uint8(code), code, code.IsSuccess(), want)
		}
	}
}

func TestErrorMessages(t *testing.T) {
	path := model.PathOf(3, 0, 9)
	for _, c := range []struct {
		err                 model.Error
		message, diagnostic string
	}{
		{model.Error{Code: model.NotFound}, "4.04 Not Found", ""},
		{model.Error{Code: model.NotFound, Path: path}, "4.04 Not Found: /3/0/9", "/3/0/9"},
		{model.Error{Code: model.BadRequest, Path: path, Reason: "too big"}, "4.00 Bad Request: /3/0/9: too big", "/3/0/9: too big"},
		{model.Error{Code: model.BadRequest, Reason: "too big", Err: fs.ErrInvalid}, "4.00 Bad Request: too big: invalid argument", "too big"},
		{model.Error{Code: model.BadRequest, Path: path, Err: fs.ErrInvalid}, "4.00 Bad Request: /3/0/9: invalid argument", "/3/0/9: invalid argument"},
	} {
		if c.err.Error() != c.message || c.err.Diagnostic() != c.diagnostic {
			t.Errorf("got %q and %q, want %q and %q", c.err.Error(), c.err.Diagnostic(), c.message, c.diagnostic)
		}
		wrapped := fmt.Errorf("read: %w", &c.err)
		if !errors.Is(wrapped, c.err.Code) || errors.Is(wrapped, model.Conflict) {
			t.Errorf("%v is not %v", wrapped, c.err.Code)
		}
		if c.err.Err != nil && !errors.Is(wrapped, c.err.Err) || slices.Contains(c.err.Unwrap(), nil) {
			t.Errorf("%v hides its cause", wrapped)
		}
	}
}
