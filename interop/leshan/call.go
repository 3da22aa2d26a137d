package leshan

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Format is a content format, in Leshan's words; the zero value leaves the
// choice open (a Read then carries no Accept option).
type Format string

// The content formats that Leshan speaks.
const (
	TEXT      Format = "TEXT"       // text/plain, 0
	OPAQUE    Format = "OPAQUE"     // application/octet-stream, 42
	CBOR      Format = "CBOR"       // application/cbor, 60
	SenMLJSON Format = "SENML_JSON" // application/senml+json, 110
	SenMLCBOR Format = "SENML_CBOR" // application/senml+cbor, 112
	TLV       Format = "TLV"        // application/vnd.oma.lwm2m+tlv, 11542
	JSON      Format = "JSON"       // application/vnd.oma.lwm2m+json, 11543
)

// defaultOperationTimeout is how long Leshan waits for a client's answer if the
// caller's context has no deadline.
const defaultOperationTimeout = 10 * time.Second

// Result is what a client answered to an operation, successful or not.
type Result struct {
	// Code is the CoAP response code, like "2.05" or "4.04".
	Code string
	// Status is the code as Leshan prints it, like "CONTENT(205)".
	Status string
	// Success tells an LwM2M success from a failure.
	Success bool
	// ErrorMessage is the diagnostic payload of a failure.
	ErrorMessage string
	// Content is what a Read or Observe returned, Composite what a Read-Composite
	// or Observe-Composite did, keyed by path (nil for a path without a value).
	Content   *Node
	Composite map[string]*Node
	// ObjectLinks is what a Discover returned.
	ObjectLinks []Link
	// Location is the path of a created instance if the client chose it.
	Location string
	// ContentFormat is the answer's Content-Format number, -1 without one, and
	// Payload the answer's payload, after the blocks are put together.
	ContentFormat int
	Payload       []byte
}

// HTTPError says that an operation had no LwM2M outcome.
type HTTPError struct {
	// Status is 400 if Leshan refused to send the request or does not know the
	// client, 404 if there is no such observation, 500 if the client's answer was
	// not acceptable or a reset, 504 if there was none in time.
	Status  int
	Message string
}

func (e *HTTPError) Error() string {
	return fmt.Sprintf("leshan: HTTP %d: %s", e.Status, e.Message)
}

// Timeout tells whether the client did not answer in time, as in net.Error.
func (e *HTTPError) Timeout() bool { return e.Status == http.StatusGatewayTimeout }

type resultJSON struct {
	Status        string          `json:"status"`
	Success       bool            `json:"success"`
	Content       json.RawMessage `json:"content"`
	ObjectLinks   []Link          `json:"objectLinks"`
	Location      string          `json:"location"`
	ErrorMessage  string          `json:"errormessage"`
	ContentFormat *int            `json:"contentFormat"`
	Payload       string          `json:"payload"`
}

// operate performs one operation on a client: path is below the client's own.
func (s *Server) operate(ctx context.Context, method, ep, path string, query url.Values, body any) (*Result, error) {
	if query == nil {
		query = url.Values{}
	}
	timeout := defaultOperationTimeout
	if deadline, ok := ctx.Deadline(); ok {
		timeout = time.Until(deadline)
	}
	// Whole seconds, and not after the caller has given up.
	query.Set("timeout", fmt.Sprint(max(1, int(timeout.Seconds()))))
	return s.operateRaw(ctx, method, clientPath(ep)+path+"?"+encodeQuery(query), body)
}

func (s *Server) operateRaw(ctx context.Context, method, address string, body any) (*Result, error) {
	answer, err := s.call(ctx, method, address, body)
	if err != nil {
		return nil, err
	}
	var in resultJSON
	if err := json.Unmarshal(answer, &in); err != nil {
		return nil, fmt.Errorf("leshan: %s %s: %w", method, address, err)
	}
	return in.result()
}

func (in resultJSON) result() (*Result, error) {
	out := &Result{
		Status: in.Status, Success: in.Success, ErrorMessage: in.ErrorMessage,
		ObjectLinks: in.ObjectLinks, Location: in.Location, ContentFormat: -1,
	}
	var err error
	if out.Code, err = codeOf(in.Status); err != nil {
		return nil, err
	}
	if in.ContentFormat != nil {
		out.ContentFormat = *in.ContentFormat
	}
	if out.Payload, err = hex.DecodeString(in.Payload); err != nil {
		return nil, fmt.Errorf("leshan: payload: %w", err)
	}
	out.Content, out.Composite, err = decodeContent(in.Content)
	return out, err
}

// decodeContent decodes a node, or a map of nodes by path, or nothing.
func decodeContent(raw json.RawMessage) (*Node, map[string]*Node, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil, nil
	}
	var shape struct {
		Kind NodeKind `json:"kind"`
	}
	if err := json.Unmarshal(raw, &shape); err != nil {
		return nil, nil, fmt.Errorf("leshan: content: %w", err)
	}
	if shape.Kind != "" {
		node, err := decodeAs[*Node](raw)
		return node, nil, err
	}
	nodes, err := decodeAs[map[string]*Node](raw)
	return nil, nodes, err
}

// codeOf turns "CONTENT(205)" into "2.05".
func codeOf(status string) (string, error) {
	_, digits, found := strings.Cut(status, "(")
	digits, closed := strings.CutSuffix(digits, ")")
	if !found || !closed || len(digits) != 3 {
		return "", fmt.Errorf("leshan: no response code in %q", status)
	}
	return digits[:1] + "." + digits[1:], nil
}

// call does one HTTP request and returns the body of a successful answer.
func (s *process) call(ctx context.Context, method, path string, body any) ([]byte, error) {
	var reader io.Reader
	contentType := "application/json"
	switch b := body.(type) {
	case nil:
	case string:
		reader, contentType = strings.NewReader(b), "text/plain"
	default:
		encoded, err := json.Marshal(b)
		if err != nil {
			return nil, err
		}
		reader = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, s.api+path, reader)
	if err != nil {
		return nil, fmt.Errorf("leshan: %w", err)
	}
	request.Header.Set("Content-Type", contentType)
	response, err := s.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("leshan: %w", err)
	}
	answer, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return nil, fmt.Errorf("leshan: %s %s: %w", method, path, err)
	}
	if response.StatusCode/100 != 2 {
		return nil, &HTTPError{Status: response.StatusCode, Message: string(answer)}
	}
	return answer, nil
}

func clientPath(ep string) string { return "/clients/" + url.PathEscape(ep) }

// encodeQuery writes a space as %20: a plus sign stands for itself in Leshan.
func encodeQuery(query url.Values) string {
	return strings.ReplaceAll(query.Encode(), "+", "%20")
}
