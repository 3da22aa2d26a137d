package leshan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Link is an entry of a link-format list: an object link of a registration, or a
// line of a Discover answer.
type Link struct {
	URL string
	// Attributes are the link's, without quotation marks; one without a value has
	// the empty string.
	Attributes map[string]string
}

// UnmarshalJSON decodes a link of Leshan's.
func (l *Link) UnmarshalJSON(data []byte) error {
	var in struct {
		URL        string         `json:"url"`
		Attributes map[string]any `json:"attributes"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return fmt.Errorf("leshan: link: %w", err)
	}
	*l = Link{URL: in.URL, Attributes: make(map[string]string, len(in.Attributes))}
	for name, value := range in.Attributes {
		if value == nil {
			value = ""
		}
		l.Attributes[name] = strings.Trim(fmt.Sprint(value), `"`)
	}
	return nil
}

// Registration is what Leshan knows of a registered client.
type Registration struct {
	Endpoint    string
	ID          string
	Registered  time.Time
	LastUpdate  time.Time
	Address     string // ip:port
	SMSNumber   string
	Version     string // "1.0" or "1.1"
	Lifetime    time.Duration
	Binding     string
	QueueMode   bool
	RootPath    string
	ObjectLinks []Link
	Attributes  map[string]string // further parameters of the Register request
	Instances   map[int][]int     // object instance IDs by object ID
	Secure      bool              // over DTLS
	Sleeping    bool              // in queue mode and not reachable now
	Expired     bool              // in a Deregistered event: the lifetime had passed
	Replaced    bool              // in a Deregistered event: the client registered anew
}

type registrationJSON struct {
	Endpoint         string            `json:"endpoint"`
	RegistrationID   string            `json:"registrationId"`
	RegistrationDate int64             `json:"registrationDate"`
	LastUpdate       int64             `json:"lastUpdate"`
	Address          string            `json:"address"`
	SMSNumber        string            `json:"smsNumber"`
	Version          string            `json:"lwM2mVersion"`
	Lifetime         int64             `json:"lifetime"`
	Binding          string            `json:"bindingMode"`
	QueueMode        bool              `json:"queuemode"`
	RootPath         string            `json:"rootPath"`
	ObjectLinks      []Link            `json:"objectLinks"`
	Attributes       map[string]string `json:"additionalRegistrationAttributes"`
	Instances        map[int][]int     `json:"availableInstances"`
	Secure           bool              `json:"secure"`
	Sleeping         bool              `json:"sleeping"`
	Expired          bool              `json:"expired"`
	Replaced         bool              `json:"replaced"`
}

// UnmarshalJSON decodes a registration of Leshan's.
func (r *Registration) UnmarshalJSON(data []byte) error {
	var in registrationJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return fmt.Errorf("leshan: registration: %w", err)
	}
	*r = Registration{
		Endpoint: in.Endpoint, ID: in.RegistrationID, Address: in.Address, SMSNumber: in.SMSNumber,
		Registered: time.UnixMilli(in.RegistrationDate), LastUpdate: time.UnixMilli(in.LastUpdate),
		Version: in.Version, Lifetime: time.Duration(in.Lifetime) * time.Second,
		Binding: in.Binding, QueueMode: in.QueueMode, RootPath: in.RootPath, ObjectLinks: in.ObjectLinks,
		Attributes: in.Attributes, Instances: in.Instances, Secure: in.Secure, Sleeping: in.Sleeping,
		Expired: in.Expired, Replaced: in.Replaced,
	}
	return nil
}

// RegistrationUpdate is the content of a Registration Update; nil means not mentioned.
type RegistrationUpdate struct {
	RegistrationID string            `json:"registrationId"`
	Address        string            `json:"address"`
	SMSNumber      *string           `json:"smsNumber"`
	Lifetime       *int64            `json:"lifetime"` // seconds
	Binding        *string           `json:"bindingMode"`
	ObjectLinks    []Link            `json:"objectLinks"`
	Attributes     map[string]string `json:"additionalAttributes"`
}

// Clients returns all registrations.
func (s *Server) Clients(ctx context.Context) ([]Registration, error) {
	var list []Registration
	return list, s.get(ctx, "/clients", &list)
}

// Client returns the registration of an endpoint, or nil if it has none.
func (s *Server) Client(ctx context.Context, ep string) (*Registration, error) {
	var registration Registration
	err := s.get(ctx, clientPath(ep), &registration)
	var refused *HTTPError
	if errors.As(err, &refused) && refused.Status == http.StatusBadRequest {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &registration, nil
}

// Endpoints returns the addresses at which the server hears clients, as URIs.
func (s *process) Endpoints(ctx context.Context) ([]string, error) {
	var list []struct {
		URI struct {
			Full string `json:"full"`
		} `json:"uri"`
	}
	if err := s.get(ctx, "/server/endpoint", &list); err != nil {
		return nil, err
	}
	uris := make([]string, 0, len(list))
	for _, entry := range list {
		uris = append(uris, entry.URI.Full)
	}
	return uris, nil
}

func (s *process) get(ctx context.Context, path string, into any) error {
	answer, err := s.call(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("leshan: GET %s: %w", path, err)
	}
	return nil
}

// Credentials is how a client must prove its name to the server. Exactly one
// field is set.
type Credentials struct {
	PSK *PSK
	// PublicKey is the client's raw public key, DER (SubjectPublicKeyInfo).
	PublicKey []byte
	// X509 asks for a certificate whose common name is the endpoint's name.
	X509 bool
}

// PSK is a pre-shared key.
type PSK struct {
	Identity string
	Key      []byte
}

// SetCredentials adds or replaces the credentials of an endpoint, which must
// then use DTLS. An identity that another endpoint has is refused (HTTP 400).
func (s *process) SetCredentials(ctx context.Context, ep string, c Credentials) error {
	type tls struct {
		Mode    string         `json:"mode"`
		Details map[string]any `json:"details,omitempty"`
	}
	entry := struct {
		Endpoint string `json:"endpoint"`
		TLS      tls    `json:"tls"`
	}{Endpoint: ep}
	switch {
	case c.PSK != nil:
		key := fmt.Sprintf("%x", c.PSK.Key)
		entry.TLS = tls{Mode: "psk", Details: map[string]any{"identity": c.PSK.Identity, "key": key}}
	case c.PublicKey != nil:
		entry.TLS = tls{Mode: "rpk", Details: map[string]any{"key": fmt.Sprintf("%x", c.PublicKey)}}
	case c.X509:
		entry.TLS = tls{Mode: "x509"}
	default:
		return errors.New("leshan: credentials of " + ep + " are empty")
	}
	_, err := s.call(ctx, http.MethodPut, "/security/clients/", entry)
	return err
}

// DeleteCredentials removes what SetCredentials has set, and with it the DTLS
// connections that rest on it.
func (s *process) DeleteCredentials(ctx context.Context, ep string) error {
	_, err := s.call(ctx, http.MethodDelete, "/security/clients/"+url.PathEscape(ep), nil)
	return err
}
