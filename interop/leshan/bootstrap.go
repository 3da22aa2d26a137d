package leshan

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"
)

// BootstrapServer is a running bootstrap server of Leshan's.
type BootstrapServer struct {
	// CoAP and CoAPS are the server's addresses for clients, host:port on the
	// loopback interface.
	CoAP, CoAPS string
	// PID is the Java process's.
	PID int

	*process
}

// StartBootstrap runs a bootstrap server until the test ends; see [Start].
// Options.Models is not for it.
func StartBootstrap(tb testing.TB, options Options) *BootstrapServer {
	tb.Helper()
	s, err := StartBootstrapMain(options)
	Require(tb, err)
	s.endWith(tb)
	return s
}

// StartBootstrapMain runs a bootstrap server for all tests of a binary; see
// [StartMain].
func StartBootstrapMain(options Options) (*BootstrapServer, error) {
	options.Models = nil
	p, err := bootstrapEdition.start(options)
	if err != nil {
		return nil, err
	}
	return &BootstrapServer{CoAP: p.coap, CoAPS: p.coaps, PID: p.cmd.Process.Pid, process: p}, nil
}

// Close stops the process, waits for its end and removes its folder. Calls after
// the first do nothing; so does a call on nil.
func (s *BootstrapServer) Close() error {
	if s == nil {
		return nil
	}
	return s.stop()
}

// BootstrapConfig is what an endpoint gets when it asks for a bootstrap. Leshan
// sends the deletions, then writes instances of Security, Server and Access
// Control, then come the tasks, and Bootstrap-Finish. It does not take a
// configuration whose accounts do not fit together (HTTP 400).
type BootstrapConfig struct {
	// Delete has the paths of Bootstrap-Deletes: "/", "/0", "/1/0".
	Delete []string `json:"toDelete"`
	// Security, Servers and AccessControl are instances by their IDs.
	Security      map[int]BootstrapAccount `json:"security"`
	Servers       map[int]ServerObject     `json:"servers"`
	AccessControl map[int]AccessControl    `json:"acls"`
	// AutoID has Leshan discover first which ID the account of the bootstrap server
	// has, and number the instances of Security around it.
	AutoID bool `json:"autoIdForSecurityObject"`
	// Format of what is written. Default: the one that the client prefers, else TLV.
	Format Format `json:"contentFormat,omitempty"`
	// Tasks are further requests.
	Tasks []BootstrapTask `json:"tasks,omitempty"`
}

// BootstrapAccount is an instance of the Security Object. Leshan also writes the
// Resources for SMS, which are empty, a Client Hold Off Time of 1 s and an account
// timeout of 0 s.
type BootstrapAccount struct {
	URI       string       `json:"uri"`
	Bootstrap bool         `json:"bootstrapServer"`
	Mode      SecurityMode `json:"securityMode"`
	// Identity is the PSK identity or the client's certificate, Secret the key,
	// ServerKey the server's certificate.
	Identity  []byte `json:"publicKeyOrId,omitempty"`
	ServerKey []byte `json:"serverPublicKey,omitempty"`
	Secret    []byte `json:"secretKey,omitempty"`
	// ShortServerID is 1 to 65534; 0 stands for none, as a bootstrap server has.
	ShortServerID int `json:"serverId,omitempty"`
	// ServerName is the SNI Resource.
	ServerName string `json:"sni,omitempty"`
	// CertificateUsage is a name of Leshan's, such as "TRUST_ANCHOR_ASSERTION".
	CertificateUsage string `json:"certificateUsage,omitempty"`
}

// SecurityMode is the mode of a Security account, in Leshan's words.
type SecurityMode string

// The security modes.
const (
	ModePSK   SecurityMode = "PSK"
	ModeX509  SecurityMode = "X509"
	ModeNoSec SecurityMode = "NO_SEC"
)

// ServerObject is an instance of the Server Object. A nil field is not written.
type ServerObject struct {
	ShortServerID int  `json:"shortId"`
	Lifetime      int  `json:"lifetime"` // seconds
	MinPeriod     *int `json:"defaultMinPeriod,omitempty"`
	MaxPeriod     *int `json:"defaultMaxPeriod,omitempty"`
	Disable       *int `json:"disableTimeout,omitempty"` // seconds
	StoreNotify   bool `json:"notifIfDisabled"`
	// Resources of LwM2M 1.1.
	Priority           *int  `json:"registrationPriority,omitempty"`
	BlockOnFailure     *bool `json:"registrationFailure,omitempty"`
	BootstrapOnFailure *bool `json:"bootstrapOnRegistrationFailure,omitempty"`
	RetryCount         *int  `json:"communicationRetryCount,omitempty"`
	RetryTimer         *int  `json:"CommunicationRetryTimer,omitempty"` // seconds
	SequenceDelay      *int  `json:"SequenceDelayTimer,omitempty"`      // seconds
	SequenceCount      *int  `json:"SequenceRetryCount,omitempty"`
	MuteSend           *bool `json:"muteSend,omitempty"`
}

// AccessControl is an instance of the Access Control Object.
type AccessControl struct {
	ObjectID   int `json:"objectId"`
	InstanceID int `json:"objectInstanceId"`
	// ACL has the access rights by Short Server ID.
	ACL   map[int]int64 `json:"acls,omitempty"`
	Owner int           `json:"AccessControlOwner"`
}

// BootstrapTask is a request of a bootstrap server.
type BootstrapTask struct {
	Operation BootstrapOperation `json:"operation"`
	Path      string             `json:"path"`
	// Format is the Accept of a Read, and of what is written (default TLV).
	Format Format `json:"format,omitempty"`
	// Node is what a Write writes: an object, instance or resource, like its path.
	Node *Node `json:"node,omitempty"`
}

// BootstrapOperation is an operation of a bootstrap server.
type BootstrapOperation string

// The operations. Leshan sends Finish by itself at the end.
const (
	BootstrapDiscover BootstrapOperation = "DISCOVER"
	BootstrapRead     BootstrapOperation = "READ"
	BootstrapWrite    BootstrapOperation = "WRITE"
	BootstrapDelete   BootstrapOperation = "DELETE"
	BootstrapFinish   BootstrapOperation = "FINISH"
)

// SetConfig sets what an endpoint gets.
func (s *BootstrapServer) SetConfig(ctx context.Context, ep string, config BootstrapConfig) error {
	if config.Delete == nil {
		config.Delete = []string{}
	}
	if config.Security == nil {
		config.Security = map[int]BootstrapAccount{}
	}
	if config.Servers == nil {
		config.Servers = map[int]ServerObject{}
	}
	if config.AccessControl == nil {
		config.AccessControl = map[int]AccessControl{}
	}
	_, err := s.call(ctx, http.MethodPost, "/bootstrap/"+url.PathEscape(ep), config)
	return err
}

// DeleteConfig removes what SetConfig has set.
func (s *BootstrapServer) DeleteConfig(ctx context.Context, ep string) error {
	_, err := s.call(ctx, http.MethodDelete, "/bootstrap/"+url.PathEscape(ep), nil)
	return err
}

// BootstrapSession is the record of a bootstrap that has ended.
type BootstrapSession struct {
	Endpoint string
	// Preferred is the format that the client prefers (pct), "" if it did not tell.
	Preferred Format
	// Attributes are further parameters of the Bootstrap-Request.
	Attributes map[string]string
	Secure     bool // over DTLS
	// Cause is why it failed, in Leshan's words: UNAUTHORIZED, NO_BOOTSTRAP_CONFIG,
	// REQUEST_FAILED, FINISH_FAILED, CANCELLED or INTERNAL_SERVER_ERROR; "" if it did not.
	Cause string
	Steps []BootstrapStep
}

// BootstrapStep is a request of the bootstrap server and what came of it.
type BootstrapStep struct {
	Operation BootstrapOperation
	Path      string
	// Result is the answer; nil if there is none that Leshan understands, for the
	// reason in Err.
	Result *Result
	Err    string
}

// String is the step in short: "DELETE /0: 2.02".
func (s BootstrapStep) String() string {
	text := string(s.Operation)
	if s.Path != "" {
		text += " " + s.Path
	}
	if s.Result == nil {
		return text + ": " + s.Err
	}
	return text + ": " + s.Result.Code
}

func decodeSession(data json.RawMessage) (*BootstrapSession, error) {
	var in struct {
		Endpoint   string            `json:"ep"`
		Preferred  Format            `json:"preferred"`
		Attributes map[string]string `json:"attributes"`
		Secure     bool              `json:"secure"`
		Cause      string            `json:"cause"`
		Steps      []struct {
			Operation BootstrapOperation `json:"operation"`
			Path      string             `json:"path"`
			Answer    *resultJSON        `json:"answer"`
			Error     string             `json:"error"`
		} `json:"steps"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, err
	}
	out := &BootstrapSession{
		Endpoint: in.Endpoint, Preferred: in.Preferred, Attributes: in.Attributes, Secure: in.Secure, Cause: in.Cause,
	}
	for _, s := range in.Steps {
		step := BootstrapStep{Operation: s.Operation, Path: s.Path, Err: s.Error}
		if s.Answer != nil {
			var err error
			if step.Result, err = s.Answer.result(); err != nil {
				return nil, fmt.Errorf("step %s %s: %w", s.Operation, s.Path, err)
			}
		}
		out.Steps = append(out.Steps, step)
	}
	return out, nil
}
